// Package facts holds what switches and databases report of nodes' bridges: the state of ports
// from OpenFlow, and interfaces and settings from OVSDB. Conditions of nodes, networks and
// ports are derived from it. It does no I/O.
package facts
