// Package session speaks OpenFlow 1.3 with one switch over a connection. Handshake
// makes a Session of the connection. A Session matches replies and errors to
// requests, keeps the connection alive, sends bundles of changes that a switch takes
// whole or not at all, reads flows in slices, and reports what others change
// (FlowMonitor).
//
// It knows messages by package openflow, and nothing of what they are for.
package session
