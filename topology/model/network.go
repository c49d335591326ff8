package model

import (
	"cmp"
	"fmt"
	"iter"
	"net/netip"
	"slices"
	"strings"
)

// Mode says how a network spreads over nodes.
type Mode string

const (
	// Stretched is one layer-2 domain over all nodes that have a port of it.
	Stretched Mode = "stretched"
	// Segmented gives each node a block of the network's addresses and a
	// layer-2 domain and gateway of its own; nodes route to each other.
	Segmented Mode = "segmented"
)

// UnmarshalText reads a mode in any case.
func (m *Mode) UnmarshalText(b []byte) error {
	*m = Mode(strings.ToLower(string(b)))
	return nil
}

// NetworkSpec is the declared part of a network.
type NetworkSpec struct {
	VNI VNI `json:"vni,omitzero" doc:"VXLAN network identifier, 1 to 16777215; allocated when absent" example:"100"`
	// Mode as stored is never empty.
	Mode Mode `json:"mode,omitempty" doc:"stretched: one layer-2 domain over all nodes; segmented: each node has a block of the addresses and nodes route to each other" enum:"stretched,segmented" default:"stretched" example:"stretched"`
	// CIDR is not stored: Normal turns it into Subnets.
	CIDR netip.Prefix `json:"cidr,omitzero" doc:"Short form of subnets with one entry; input only" example:"10.0.0.0/24"`
	// Subnets of either family. A segmented network has at most one of each.
	Subnets []Subnet `json:"subnets,omitempty" doc:"Address ranges of the network"`
	// MTU as stored is never 0.
	MTU        int `json:"mtu,omitempty" doc:"MTU of the containers' interfaces in bytes, 576 to 9216; 1450 when absent" example:"1450"`
	GatewayMAC MAC `json:"gatewayMAC,omitzero" doc:"MAC of the gateway, the same on every node; derived from the VNI when absent" example:"06:00:00:00:00:64"`
	// ContainersPerNode and MaxNodes size the blocks of a segmented network.
	// Both 0 in a stretched one.
	ContainersPerNode int `json:"containersPerNode,omitempty" doc:"Segmented only: how many containers a node's block must hold" example:"250"`
	MaxNodes          int `json:"maxNodes,omitempty" doc:"Segmented only: how many nodes must get a block" example:"100"`
	// Blocks, at most one of each family for a node; what a node is not given is
	// allocated.
	Blocks []BlockSpec `json:"blocks,omitempty" doc:"Segmented only: blocks given explicitly; other nodes get theirs allocated"`
	// PortsFromNodes says who may declare, and changes nothing on switches.
	PortsFromNodes bool `json:"portsFromNodes,omitempty" doc:"Whether nodes may make ports of their own in the network, pinned to themselves, as 'sdnctl attach' does" example:"true"`
	HostAccess     bool `json:"hostAccess,omitempty" doc:"Whether the nodes that have ports of the network, and these ports, reach each other by their own addresses, without translation. The network needs a gateway, and its nodes must have joined with --host-access. No two networks with it have addresses in common. Only admins may set it or change the network then" example:"true"`
	DHCP           DHCP `json:"dhcp,omitzero" doc:"What ports learn by DHCP"`
	DNS            DNS  `json:"dns,omitzero" doc:"Names of ports and services"`
	// RA as stored "" is off.
	RA RA `json:"ra,omitempty" doc:"Router advertisements of networks with IPv6. managed: ports get the address that they have by DHCPv6; slaac: ports with a /64 of their own make addresses of it, all others as with managed; off: none" enum:"off,managed,slaac" default:"off" example:"managed"`
	// Multicast as stored "" is off.
	Multicast Multicast `json:"multicast,omitempty" doc:"What becomes of IP packets that ports send to multicast groups and to the broadcast address. flood: all other ports of the layer-2 domain get them, as far as policies allow; snoop: those of them get what is sent to a group that have joined it by IGMP or MLD, and all get what is sent to the broadcast address and to groups that hosts need not join; off: nobody" enum:"off,flood,snoop" default:"off" example:"flood"`
	// FloodLimit as stored 0 is DefaultFloodLimit, and FloodBurst 0 is as many packets as the limit allows in a second.
	FloodLimit FloodLimit `json:"floodLimit,omitzero" doc:"How many packets a second each port may send to all other ports (storm control): with multicast flood all packets to groups and to the broadcast address, with snoop those that go to all ports. Its switch drops what is more. off: no limit, which only admins may set; 1000 when absent" example:"1000"`
	FloodBurst int        `json:"floodBurst,omitempty" doc:"How many such packets a port may send at once, 1 to 100000; as many as floodLimit allows in a second when absent" example:"1000"`
}

// Multicast says what becomes of IP packets that a network's ports send to groups and to the
// broadcast address. ARP and neighbour discovery, which switches answer, are no matter of it.
type Multicast string

const (
	// MulticastOff, as stored "", drops them.
	MulticastOff Multicast = "off"
	// MulticastFlood sends them to all other ports of the layer-2 domain.
	MulticastFlood Multicast = "flood"
	// MulticastSnoop sends them to those of these ports that have joined the group, as IGMP and MLD say.
	MulticastSnoop Multicast = "snoop"
)

// UnmarshalText reads it in any case.
func (m *Multicast) UnmarshalText(b []byte) error {
	*m = Multicast(strings.ToLower(string(b)))
	return nil
}

// RA says whether routers advertise themselves to the ports of a network, and how ports
// get their IPv6 addresses (RFC 4861, 4.2).
type RA string

const (
	// RAOff, as stored "", sends no advertisements.
	RAOff RA = "off"
	// RAManaged has ports request their address by DHCPv6.
	RAManaged RA = "managed"
	// RASLAAC has ports that have a /64 of their own, as a further address, generate
	// addresses in it (RFC 4862). Ports cannot choose addresses in the network's own
	// subnet; they get these by DHCPv6 as with RAManaged.
	RASLAAC RA = "slaac"
)

// UnmarshalText reads it in any case.
func (r *RA) UnmarshalText(b []byte) error {
	*r = RA(strings.ToLower(string(b)))
	return nil
}

// Subnet is a range of a network's addresses.
type Subnet struct {
	Prefix netip.Prefix `json:"cidr" doc:"The range" example:"10.0.0.0/24"`
	// Gateway as stored is always given for a stretched network.
	Gateway Gateway `json:"gateway,omitzero" doc:"Gateway; the first address when absent. Not used in a segmented network" example:"10.0.0.1"`
	// Reserved addresses are given neither by allocation nor on request.
	Reserved []AddrRange `json:"reserved,omitempty" doc:"Addresses and ranges that are never given to a port" example:"[\"10.0.0.1-10.0.0.9\",\"10.0.0.20\"]"`
}

// BlockSpec asks for a certain block for a node of a segmented network.
type BlockSpec struct {
	Node string `json:"node" doc:"The node" example:"node1"`
	// Prefix within the network's subnet of its family.
	Prefix  netip.Prefix `json:"cidr" doc:"The block" example:"10.244.1.0/24"`
	Gateway Gateway      `json:"gateway,omitzero" doc:"Gateway of the block; its first address when absent" example:"10.244.1.1"`
	// GatewayMAC absent is that of the node's block of the other family, if that has
	// one.
	GatewayMAC MAC `json:"gatewayMAC,omitzero" doc:"MAC of the gateway; the network's when absent" example:"00:00:00:00:01:01"`
}

// Kind returns KindNetwork.
func (NetworkSpec) Kind() Kind { return KindNetwork }

// Writer returns Operator, and Admin if the network's ports reach the nodes themselves, or
// name servers that the machine of sdnd reaches, or may flood without limit.
func (s NetworkSpec) Writer() Role {
	if s.HostAccess || len(s.DNS.Upstream) > 0 || s.FloodLimit == FloodUnlimited {
		return Admin
	}
	return Operator
}

// References yields the nodes for which blocks are given.
func (s NetworkSpec) References() iter.Seq2[string, Ref] {
	return func(yield func(string, Ref) bool) {
		for i, b := range s.Blocks {
			if !yield(fmt.Sprintf("spec.blocks[%d].node", i), Ref{Kind: KindNode, Name: b.Node}) {
				return
			}
		}
	}
}

// PortMTU returns the MTU of the network's ports, in bytes; that of a network that gives none is
// DefaultMTU.
func (s *NetworkSpec) PortMTU() int { return cmp.Or(s.MTU, DefaultMTU) }

// Normal implements Spec. It fills in mode, MTU and gateways.
func (s NetworkSpec) Normal(bad Reporter) Spec {
	if s.VNI > MaxVNI {
		bad(Invalid, "spec.vni", fmt.Sprintf("%d is not a VNI", s.VNI), fmt.Sprintf("give a number from %d to %d, or leave it out to get one", MinVNI, MaxVNI))
	}
	s.MTU = s.PortMTU()
	if s.MTU < MinMTU || s.MTU > MaxMTU {
		bad(Invalid, "spec.mtu", fmt.Sprintf("%d bytes is out of range", s.MTU), fmt.Sprintf("give %d to %d, or leave it out for %d", MinMTU, MaxMTU, DefaultMTU))
	}
	if s.GatewayMAC.IsMulticast() {
		bad(Invalid, "spec.gatewayMAC", s.GatewayMAC.String()+" is a multicast address (its first octet is odd)", "give a unicast MAC, or leave it out to get one")
	}
	if s.Mode == "" {
		s.Mode = Stretched
	}
	s.Subnets = cloned(s.Subnets)
	if s.CIDR.IsValid() {
		if len(s.Subnets) > 0 {
			bad(Invalid, "spec.cidr", "given beside spec.subnets", "give one of the two: cidr is the short form of subnets with one entry")
		} else {
			s.Subnets = []Subnet{{Prefix: s.CIDR}}
		}
		s.CIDR = netip.Prefix{}
	}
	s.Blocks = cloned(s.Blocks)
	if s.Has(IPv6) && s.MTU < MinMTU6 {
		bad(Invalid, "spec.mtu", fmt.Sprintf("%d bytes is too small for IPv6", s.MTU), fmt.Sprintf("give at least %d, or no IPv6 subnet", MinMTU6))
	}
	s.DHCP = s.DHCP.normal(bad)
	s.DNS = s.DNS.normal(bad)
	s.normalAnswers(bad)
	switch s.Multicast {
	case MulticastOff:
		s.Multicast = ""
	case "", MulticastFlood, MulticastSnoop:
	default:
		bad(Invalid, "spec.multicast", fmt.Sprintf("%q is not what can become of multicast", s.Multicast), fmt.Sprintf("write %s, %s or %s", MulticastFlood, MulticastSnoop, MulticastOff))
	}
	s.normalFlood(bad)
	switch s.Mode {
	case Stretched:
		normalStretched(&s, bad)
	case Segmented:
		normalSegmented(&s, bad)
	default:
		bad(Invalid, "spec.mode", fmt.Sprintf("%q is not a mode", s.Mode), fmt.Sprintf("write %s (one layer-2 domain) or %s (a block of addresses for each node)", Stretched, Segmented))
	}
	return s
}

// normalAnswers checks what needs subnets of a family.
func (s *NetworkSpec) normalAnswers(bad Reporter) {
	if s.DHCP.Enabled && !s.Has(IPv4) {
		bad(Invalid, "spec.dhcp.enabled", "the network has no IPv4 subnet", "leave it out; for IPv6 set spec.ra to managed")
	}
	if n := s.learned(); s.DHCP.Enabled && n > MaxDHCPBytes {
		bad(Invalid, "spec.dns.domain", fmt.Sprintf("with the options of spec.dhcp it takes %d bytes, at most %d fit into the smallest message that every DHCP client accepts", n, MaxDHCPBytes), "shorten it, or leave some options out")
	}
	switch s.RA {
	case RAOff:
		s.RA = ""
	case "":
	case RAManaged, RASLAAC:
		if !s.Has(IPv6) {
			bad(Invalid, "spec.ra", "the network has no IPv6 subnet", "leave it out, or add an IPv6 subnet")
		}
	default:
		bad(Invalid, "spec.ra", fmt.Sprintf("%q is not a kind of router advertisements", s.RA), fmt.Sprintf("write %s, %s or %s", RAOff, RAManaged, RASLAAC))
	}
}

// learned returns about how many bytes the options of DHCP take that are made of DNS, with
// those of the spec; 0 if none are.
func (s *NetworkSpec) learned() int {
	if !s.DNS.Enabled || s.DHCP.Domain != "" {
		return 0
	}
	domain := len(s.DNS.Domain)
	if domain == 0 {
		domain = MaxNameLength + len(DefaultDomain(""))
	}
	return s.DHCP.size() + domain + 4 // and the gateway as the name server
}

// Has reports whether a network has a subnet of a family.
func (s *NetworkSpec) Has(f Family) bool {
	return slices.ContainsFunc(s.Subnets, func(n Subnet) bool { return n.Prefix.IsValid() && FamilyOf(n.Prefix.Addr()) == f })
}

func normalStretched(s *NetworkSpec, bad Reporter) {
	const fix = "leave it out, or set spec.mode to segmented"
	if s.ContainersPerNode != 0 {
		bad(Invalid, "spec.containersPerNode", "a stretched network has no blocks", fix)
	}
	if s.MaxNodes != 0 {
		bad(Invalid, "spec.maxNodes", "a stretched network has no blocks", fix)
	}
	if len(s.Blocks) > 0 {
		bad(Invalid, "spec.blocks", "a stretched network has no blocks", fix)
	}
	s.Blocks = nil
	if n := len(s.Subnets); n == 0 {
		bad(Invalid, "spec.subnets", "the network has no subnet", "give at least one, such as cidr: 10.0.0.0/24")
	} else if n > MaxSubnets {
		bad(Invalid, "spec.subnets", fmt.Sprintf("%d subnets, at most %d are allowed", n, MaxSubnets), "use larger subnets or several networks")
		return
	}
	for i := range s.Subnets {
		normalSubnet(s, i, bad)
	}
}

// normalSubnet checks subnet i and compares it with those before it. It reports
// whether the subnet's CIDR can be used.
func normalSubnet(s *NetworkSpec, i int, bad Reporter) bool {
	n := &s.Subnets[i]
	field := fmt.Sprintf("spec.subnets[%d]", i)
	n.Prefix = n.Prefix.Masked() // people take it from an interface: 10.0.0.1/24
	if !checkPrefix(n.Prefix, field+".cidr", bad) {
		return false
	}
	for j, o := range s.Subnets[:i] {
		if o.Prefix.IsValid() && o.Prefix.Overlaps(n.Prefix) {
			bad(Invalid, field+".cidr", fmt.Sprintf("%s overlaps %s (spec.subnets[%d])", n.Prefix, o.Prefix, j), "give subnets that have no address in common")
			break
		}
	}
	if s.Mode == Segmented {
		if n.Gateway.IsValid() {
			bad(Invalid, field+".gateway", "in a segmented network each node's block has its own gateway", "leave it out; to choose gateways use spec.blocks")
		}
	} else {
		n.Gateway = n.Gateway.normal(n.Prefix, field+".gateway", bad)
	}
	n.Reserved = cloned(n.Reserved)
	if len(n.Reserved) > MaxReserved {
		bad(Invalid, field+".reserved", fmt.Sprintf("%d ranges, at most %d are allowed", len(n.Reserved), MaxReserved), "join neighbouring ranges")
		n.Reserved = nil
	}
	for k := range n.Reserved {
		normalRange(&n.Reserved[k], n.Prefix, fmt.Sprintf("%s.reserved[%d]", field, k), bad)
	}
	return true
}

func normalRange(r *AddrRange, in netip.Prefix, field string, bad Reporter) {
	r.From, r.To = r.From.Unmap(), r.To.Unmap()
	switch {
	case !r.From.IsValid() || !r.To.IsValid() || r.From.BitLen() != r.To.BitLen():
		bad(Invalid, field, "not a range of addresses", "write one address or two of one family, such as 10.0.0.2-10.0.0.9")
	case r.To.Less(r.From):
		bad(Invalid, field, fmt.Sprintf("%s-%s ends before it begins", r.From, r.To), "write the lower address first")
	case !in.Contains(r.From) || !in.Contains(r.To):
		bad(Invalid, field, fmt.Sprintf("%s-%s is not inside %s", r.From, r.To, in), "reserve addresses of the subnet only")
	}
}
