// Package zonetransfer gives names of networks to other name servers: it serves the zones of
// [github.com/sdnctl/sdnctl/controller/nameserver] to secondaries, by AXFR (RFC 5936) over TCP,
// and the serial numbers that they ask for first.
//
// Every question is signed with a key that both sides have (TSIG, RFC 8945), and everything else is
// refused. Who has a key may read all zones. Zones are not encrypted on their way.
package zonetransfer
