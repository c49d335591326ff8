package pipeline

import (
	"strconv"

	"github.com/sdnctl/sdnctl/topology"
)

// Where the pipeline keeps what it has found out about a packet. All of it is
// allotted here.
const (
	// The OXM metadata field holds the VNI of the network the packet is in, in
	// its low vniBits; the rest is 0.
	vniBits = 24
	// regRouter holds the routing domain: a router's ID, or the VNI of a
	// segmented network that no router joins.
	regRouter = 1
	// regFlags holds single bits.
	regFlags = 0
	// flagRemote is set when the packet is routed to another node.
	flagRemote = 1 << 0
	// flagRouted is set when another node has routed the packet already: all that
	// is left to find is its neighbour.
	flagRouted = 1 << 1
	// flagTracked is set on the way of an IPv6 packet to the connection tracker.
	flagTracked = 1 << 2
	// flagDenied is set when a policy denies the packet.
	flagDenied = 1 << 3
	// flagOutside is set when the packet is for none of its router's networks, and
	// leaves by an uplink.
	flagOutside = 1 << 4
	// flagReturned is set when the packet came in by an uplink: it does not leave by it
	// again.
	flagReturned = 1 << 5
	// flagServed is set on the way of an IPv6 packet to where services are found.
	flagServed = 1 << 6
	// flagClient is set when a packet is for a port that may use services.
	flagClient = 1 << 7
	// regGateway holds where in the block that a packet is routed to the gateway
	// is, as gatewayPlace says; 0 when it is not routed to a block.
	regGateway = 2
	// regInPort holds the port that an ARP request came from, while it is
	// answered.
	regInPort = 2
	// regSource and regDestination are the identities of a packet's ends, as
	// identityNumber writes them; 0 is none.
	regSource      = 4
	regDestination = 5
	// regZone holds the zone of the connection tracker that the packet's connection is
	// in, in its low 16 bits.
	regZone = 6
	// regOutPort holds the port that a packet is delivered to once policies allow it.
	regOutPort = 7
	// regEgressRule and regIngressRule hold the numbers of the rules that allow the
	// packet, as ruleNumber writes them; 0 is none.
	regEgressRule  = 8
	regIngressRule = 9
	// regServiceZone holds the zone of connections that a port begins which may use
	// services, in its low 16 bits.
	regServiceZone = 10
	// regService holds serviceMet and the number of the service that a packet is for.
	regService = 11
	// regTarget and the registers behind it hold the address that a new connection is
	// for, a backend's among them: one register of IPv4, four of IPv6.
	regTarget = 12
	// regTargetPort holds the port that a new connection is for.
	regTargetPort = 3
)

// Priorities. Within a table all flows of one kind have one priority; a prefix
// route has prioRoute plus its length, so that the longest wins.
const (
	prioDefault = 0
	// In classify, below all that takes packets.
	prioSample   = 4
	prioSampleOf = 5 // of one protocol
	prioIPv6     = 10
	prioStranger = 20 // out of the tunnel
	prioForeign  = 20 // IPv6 from other addresses than a port's
	// prioSampleIPv6 is of samples of that.
	prioSampleIPv6 = 25
	prioRemote     = 50
	prioExempt     = 50
	prioTracked    = 50 // in nd and translated
	prioServed     = 60 // in nd
	prioLinkLocal  = 75 // in gateway: packets that no router passes on
	prioNormal     = 100
	prioSourceless = 110
	prioAsk        = 120 // what ports ask sdnd
	prioRoute      = 100
	// prioInvalidation is the highest: what has it is looked at first, for every packet.
	prioInvalidation = 65535
)

// serviceMet is set in regService if a packet is for a service.
const serviceMet = 1 << 31

// Parts of a connection's record that policies and services use.
const (
	// markDenied is the bit of ct_mark that is set once a packet of the connection is
	// denied: it stops the replies.
	markDenied = 1 << 0
	// markService is of connections to backends, markHairpin of those of a backend to
	// itself, as seen behind the service.
	markService = 1 << 1
	markHairpin = 1 << 2
	// In ct_label: the rule that allowed the connection in, and the one that allowed it
	// out.
	labelIngressRule = 0
	labelEgressRule  = 32
)

// Values of protocol fields.
const (
	ethTypeIPv4 = 0x0800 // IEEE 802 EtherType of IPv4
	ethTypeARP  = 0x0806 // IEEE 802 EtherType of ARP
	ethTypeIPv6 = 0x86dd // IEEE 802 EtherType of IPv6
	protoICMP   = 1      // RFC 792
	echoReply   = 0      // RFC 792, type
	echoRequest = 8      // RFC 792, type
	echoCode    = 0      // RFC 792, code of both
	arpRequest  = 1      // RFC 826, ares_op$REQUEST
	arpReply    = 2      // RFC 826, ares_op$REPLY
	protoICMPv6 = 58     // RFC 4443
	// protoFragment is what Open vSwitch has as the protocol of IPv6 fragments other
	// than the first (OVS, lib/flow.c, parse_ipv6_ext_hdrs).
	protoFragment = 44
	// Types of messages of ICMPv6 (RFC 4443, 4.1 and 4.2; RFC 4861, 4).
	echoRequest6           = 128
	echoReply6             = 129
	routerSolicitation     = 133
	routerAdvertisement    = 134
	neighbourSolicitation  = 135
	neighbourAdvertisement = 136
	redirect               = 137
	// optionTargetMAC is the type of the option with a target's MAC (RFC 4861, 4.6.1).
	optionTargetMAC = 2
	// Flags of a neighbour advertisement: from a router, asked for, and to replace
	// what is known (RFC 4861, 4.4).
	ndRouter    = 1 << 31
	ndSolicited = 1 << 30
	ndOverride  = 1 << 29
	// gatewayTTL is the TTL of packets that the gateway itself makes: the
	// default of RFC 1700. In IPv6 it is the hop limit.
	gatewayTTL = 64
)

// routingDomain returns what regRouter holds for packets of the network, and
// whether it is routed at all.
func routingDomain(topo *topology.Snapshot, n *topology.Network) (uint32, bool) {
	if r, ok := topo.RouterOf(n.Name); ok {
		return r.ID, true
	}
	return uint32(n.VNI), n.Spec.Mode == topology.Segmented
}

func itoa(n uint64) string { return strconv.FormatUint(n, 10) }

// metadata returns the value of the metadata field for a network.
func metadata(n *topology.Network) uint64 { return uint64(n.VNI) }
