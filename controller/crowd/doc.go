// Package crowd shares room for connections fairly among machines, so that
// whoever opens any number of connections crowds out its own, and a machine with
// one is heard.
//
// A machine is an IP address. Against one attacker with as many addresses as
// there is room for connections, nothing here helps.
package crowd
