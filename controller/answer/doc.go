// Package answer computes what sdnd answers to packets that ports of networks send to it:
// DHCP, DHCPv6, router solicitations, DNS, and packets for which a router sends an ICMP error. Every answer is a function of the declared
// topology, of where its ports are, and of the packet, except that names which are not
// declared are asked of name servers. There are no leases to keep, so a
// restart of sdnd loses none, and an address is never given to two.
//
// Who asks is found by the network, which the flow put into the metadata, and the MAC, of
// which the flow has seen that the port may send from it. A packet that came in elsewhere
// than at that port is not answered. An answer goes out of the port that asked, and
// through no table: nothing that is declared can keep it back.
//
// Packets are read and built with libraries: gopacket for frames, insomniacslk/dhcp for
// both versions of DHCP, mdlayher/ndp for advertisements, miekg/dns (in package
// nameserver) for DNS. What they read was sent by
// whoever is on a port; the fuzz tests of this package feed them anything.
package answer
