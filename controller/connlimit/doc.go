// Package connlimit limits connections and shares the limit fairly between clients:
// a client that opens many connections loses its own, and a client that has one keeps
// it.
//
// A client is an IP address, or the name of a user. The limits do not help against an
// attacker who has as many addresses as there may be connections.
package connlimit
