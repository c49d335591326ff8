package pipeline

import (
	"strconv"

	"github.com/sdnctl/sdnctl/topology"
)

// The fields in which the pipeline keeps what it knows about a packet. All of them are
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
	// flagRouted is set when another node has routed the packet already: only its neighbour
	// is left to find.
	flagRouted = 1 << 1
	// flagTracked is set while an IPv6 packet is on its way to the connection tracker.
	flagTracked = 1 << 2
	// flagDenied is set when a policy denies the packet.
	flagDenied = 1 << 3
	// flagOutside is set when the packet is for none of its router's networks, and
	// leaves by an uplink.
	flagOutside = 1 << 4
	// flagReturned is set when the packet came in by an uplink: it does not leave by it
	// again.
	flagReturned = 1 << 5
	// flagServed is set while an IPv6 packet is on its way to the tables of services.
	flagServed = 1 << 6
	// flagClient is set when a packet is for a port that may use services.
	flagClient = 1 << 7
	// flagRejected is set with flagDenied when the packet is to be answered.
	flagRejected = 1 << 8
	// flagAnswer is set when the packet is the controller's answer to a rejected one. It is
	// not judged.
	flagAnswer = 1 << 9
	// flagNote is set when an egress rule of a policy that keeps connections allows a packet
	// whose connection is not noted as that policy's: it has to be noted.
	flagNote = 1 << 10
	// flagKept is set when a policy keeps the packet's connection.
	flagKept = 1 << 11
	// flagHost is set when the packet is for a node itself, flagFromHost when it comes from
	// this node's kernel by host access.
	flagHost     = 1 << 12
	flagFromHost = 1 << 13
	// flagVia is set when the packet goes to a next hop of a static route, which its Ethernet
	// address and network say.
	flagVia = 1 << 14
	// flagSized is set when the size of a packet from outside is compared with its network's MTU,
	// flagLarge when it is larger.
	flagLarge = 1 << 15
	flagSized = 1 << 16
	// flagEntered is set while a packet from outside for a node port is on its way to a
	// backend; flagLooked when it is known that a packet answers nothing from outside.
	flagEntered = 1 << 17
	flagLooked  = 1 << 18
	// flagEnded is set when a packet is of a connection to a service that is to be reset.
	flagEnded = 1 << 19
	// regGateway holds the place of the gateway in the block that a packet is routed to, as
	// gatewayPlace returns it; 0 when the packet is not routed to a block.
	regGateway = 2
	// regInPort holds the port that an ARP request or a neighbour solicitation came from while
	// it is answered.
	regInPort = 2
	// regAsker holds the port from which came the question whether an address is taken.
	regAsker = 3
	// regSource and regDestination are the identities of a packet's ends, as
	// identityNumber writes them; 0 is none.
	regSource      = 4
	regDestination = 5
	// regZone holds, in its low 16 bits, the connection tracker's zone of the packet's
	// connection.
	regZone = 6
	// regOutPort holds the port that gets the packet if policies allow it.
	regOutPort = 7
	// regEgressRule and regIngressRule hold the numbers of the rules that allow or deny the
	// packet, as ruleNumber and defaultNumber write them; 0 is none.
	regEgressRule  = 8
	regIngressRule = 9
	// regServiceZone holds, in its low 16 bits, the zone of connections that are begun by a
	// port which may use services.
	regServiceZone = 10
	// regService holds serviceMet and the number of the service that a packet is for.
	regService = 11
	// regTarget and the registers after it hold the destination address of a new
	// connection, which may be a backend's: one register for IPv4, four for IPv6.
	regTarget = 12
	// regTargetPort holds the destination port of a new connection.
	regTargetPort = 3
)

// What leaves by a bridge has been to all tables of services.
const (
	// regFloating and the registers after it hold the floating address that a packet from outside is for: one
	// register for IPv4, four for IPv6.
	regFloating = 12
	// regNextHop holds the address of the neighbour on an uplink that gets the packet.
	regNextHop = 12
	// regNextHopMAC and the register after it hold its MAC: the last 32 bits, and the first 16.
	regNextHopMAC = 13
	// regNextHop6 and the three registers after it hold its address if that is IPv6; the register of
	// an IPv4 address is 0 then.
	regNextHop6 = 8
)

// zonePublic is the zone of connections whose sources are translated to a node's address on an
// uplink of the type bridge. It is above all zones of networks and routers (topology.Zone).
const zonePublic = 0xfffe

// Priorities. Within a table all flows of one kind have one priority; a prefix
// route has prioRoute plus its length, so that the longest wins.
const (
	prioDefault = 0
	// Priorities in classify, below those of all packets that it accepts.
	prioSample     = 4
	prioSampleOf   = 5 // of one protocol
	prioIPv6       = 10
	prioUnaccepted = 20 // out of the tunnel
	prioForeign    = 20 // IPv6 from other addresses than a port's
	// prioSampleIPv6 is of samples of that.
	prioSampleIPv6 = 25
	prioRemote     = 50
	prioExempt     = 50
	prioTracked    = 50 // in nd and translated
	prioServed     = 60 // in nd
	prioExpired    = 70 // in gateway
	prioLinkLocal  = 75 // in gateway: packets that no router passes on
	prioNormal     = 100
	prioSourceless = 110
	prioAsk        = 120 // what ports ask sdnd
	prioRoute      = 100
	// prioInvalidation is the highest priority: every packet is compared with these flows
	// first.
	prioInvalidation = 65535
)

// hostIdentity is, in regSource, the identity of this node itself, and in regDestination that
// of any node. No port has it. Another node as the source has the identity 0 of the domain,
// since its label is the first of a network's.
const hostIdentity = 1

// hostRule is the number that stands for a rule, in regIngressRule and ct_label, where this
// node itself began the connection. No rule and no default has it.
const hostRule = 1 << 6

// serviceMet is set in regService if a packet is for a service.
const serviceMet = 1 << 31

// Bits of a connection's record (ct_mark, ct_label) that policies and services use.
const (
	// markDenied is the bit of ct_mark that is set once a packet of the connection is
	// denied: it stops the replies.
	markDenied = 1 << 0
	// markService is set on connections to backends, and markHairpin on those of a backend
	// to itself by a service.
	markService = 1 << 1
	markHairpin = 1 << 2
	// The parts of ct_label: the rule that allowed the connection in, and the rule that
	// allowed it out.
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
	// protoFragment is the protocol that Open vSwitch gives to IPv6 fragments other than
	// the first (OVS, lib/flow.c, parse_ipv6_ext_hdrs).
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
	// Flags of a neighbour advertisement: the sender is a router, the advertisement answers
	// a solicitation, and it overrides what is cached (RFC 4861, 4.4).
	ndRouter    = 1 << 31
	ndSolicited = 1 << 30
	ndOverride  = 1 << 29
	// gatewayTTL is the TTL, or the hop limit, of packets that the gateway itself sends:
	// the default of RFC 1700.
	gatewayTTL = 64
)

// routingDomain returns the value of regRouter for packets of the network, and whether the
// network is routed at all.
func routingDomain(topo *topology.Snapshot, n *topology.Network) (uint32, bool) {
	if r, ok := topo.RouterOf(n.Name); ok {
		return r.ID, true
	}
	return uint32(n.VNI), n.Spec.Mode == topology.Segmented
}

func itoa(n uint64) string { return strconv.FormatUint(n, 10) }

// metadata returns the value of the metadata field for a network.
func metadata(n *topology.Network) uint64 { return uint64(n.VNI) }
