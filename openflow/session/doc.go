// Package session speaks OpenFlow 1.3 with one switch over a connection. Handshake
// makes a Session of the connection. A Session matches replies and errors to
// requests, keeps the connection alive, sends atomic bundles of changes, reads
// flows in slices, and reports foreign changes (FlowMonitor).
//
// Package openflow has the messages. Package session does not know what they are
// used for.
package session
