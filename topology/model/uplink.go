package model

import (
	"fmt"
	"iter"
	"net/netip"
	"slices"
	"strings"
)

// UplinkSpec is the declared part of an uplink: a way from nodes to networks outside of
// sdnd.
type UplinkSpec struct {
	// Type "" is UplinkHost.
	Type UplinkType `json:"type,omitempty" doc:"How packets leave a node. host: through the port uplink-sdn to the node's own kernel, which forwards them; no network card is touched. A node has it once it joined with 'sdnctl node join --uplink host'. bridge: through a bridge of the node's Open vSwitch to the network that this bridge is part of. A node has it once it joined with 'sdnctl node join --uplink bridge:NAME'" enum:"host,bridge" default:"host" example:"host"`
	// Ranges are normalised: one of IPv4, then one of IPv6.
	Ranges []netip.Prefix `json:"ranges,omitempty" doc:"Addresses between a node's Open vSwitch and its kernel, the same on every node: at most one IPv4 range of /16 or larger and one IPv6 range of /112 or larger. Each router that leaves by the uplink has one address of each. Nothing outside a node sees them. The nodes must have joined with the same ranges (sdnctl node join --uplink-range). Without it: 198.18.0.0/16 and fd73:646e:6374::/112. Only of the type host"`
	// Bridge and what follows are those of the type bridge. Subnet and Gateway are IPv4.
	Bridge    string         `json:"bridge,omitempty" doc:"Name of the bridge on every node, at most 11 characters; of the type bridge" example:"br-ex"`
	Subnet    netip.Prefix   `json:"subnet,omitzero" doc:"Addresses of the network that the bridge is part of: those that packets reach without a router. IPv4; without it IPv4 does not leave by the uplink. Of the type bridge" example:"192.0.2.0/24"`
	Gateway   netip.Addr     `json:"gateway,omitzero" doc:"The router of that network by which all other addresses are reached; without it only those of the subnet are. Of the type bridge" example:"192.0.2.1"`
	Subnet6   netip.Prefix   `json:"subnet6,omitzero" doc:"The same for IPv6; without it IPv6 does not leave by the uplink. At least one of subnet and subnet6 is needed. Of the type bridge" example:"2001:db8:0:2::/64"`
	Gateway6  netip.Addr     `json:"gateway6,omitzero" doc:"The router of that network by which all other IPv6 addresses are reached: an address of subnet6, or the router's link-local address. Router advertisements are not heeded. Of the type bridge" example:"fe80::1"`
	Addresses []netip.Prefix `json:"addresses,omitempty" doc:"The part of the subnets that is sdnd's to use: the addresses of nodes (uplinkAddresses of a Node) by which routers' packets leave, and those of floating and egress addresses and services. No other machine of that network may have any of them. At least one range of each subnet. Of the type bridge" example:"[\"192.0.2.64/26\",\"2001:db8:0:2::64/122\"]"`
}

// UplinkType is how packets leave a node.
type UplinkType string

const (
	// UplinkHost sends them to the node's kernel, through the port of [UplinkPort].
	UplinkHost UplinkType = "host"
	// UplinkBridge sends them to a bridge of the node's Open vSwitch, through the port of
	// [BridgeUplinkPort].
	UplinkBridge UplinkType = "bridge"
)

// UplinkPort is the name of the port of a node's bridge that leads to its kernel.
const UplinkPort = "uplink-sdn"

// UplinkKernelMAC returns the MAC that the kernel has at UplinkPort, the same on every
// node: the link has no other ends than the kernel and the switch.
func UplinkKernelMAC() MAC { return MAC{0x02, 0x73, 0x64, 0x6e, 0x00, 0x01} }

// UplinkSwitchMAC returns the MAC from which the switch sends there.
func UplinkSwitchMAC() MAC { return MAC{0x02, 0x73, 0x64, 0x6e, 0x00, 0x02} }

// uplinkBits is how many of the last bits of an uplink's address tell routers apart.
const uplinkBits = 16

// DefaultUplinkRanges returns the ranges of an uplink that gives none: one that is set aside
// for tests of equipment (RFC 2544), and a unique local one (RFC 4193).
func DefaultUplinkRanges() []netip.Prefix {
	return []netip.Prefix{netip.MustParsePrefix("198.18.0.0/16"), netip.MustParsePrefix("fd73:646e:6374::/112")}
}

// UplinkAddr returns an address of an uplink's range. Index 1 is the kernel's, 2 the
// switch's, and those above are routers'.
func UplinkAddr(of netip.Prefix, index uint16) netip.Addr {
	b := of.Masked().Addr().AsSlice()
	b[len(b)-2] |= byte(index >> 8)
	b[len(b)-1] |= byte(index)
	a, _ := netip.AddrFromSlice(b) // 4 or 16 bytes
	return a
}

// The indexes of UplinkAddr that are no router's.
const (
	UplinkKernel uint16 = 1
	UplinkSwitch uint16 = 2
)

// UnmarshalText reads it in any case.
func (t *UplinkType) UnmarshalText(b []byte) error {
	*t = UplinkType(strings.ToLower(string(b)))
	return nil
}

// Kind returns KindUplink.
func (UplinkSpec) Kind() Kind { return KindUplink }

// Writer returns Admin: an uplink leads to the machines and networks behind the nodes.
func (UplinkSpec) Writer() Role { return Admin }

// References yields nothing: an uplink names no other object.
func (UplinkSpec) References() iter.Seq2[string, Ref] { return func(func(string, Ref) bool) {} }

// Range returns the range of a family; ok is false if the uplink has none.
func (s UplinkSpec) Range(f Family) (r netip.Prefix, ok bool) {
	for _, r := range s.Ranges {
		if FamilyOf(r.Addr()) == f {
			return r, true
		}
	}
	return netip.Prefix{}, false
}

// Normal implements Spec.
func (s UplinkSpec) Normal(bad Reporter) Spec {
	if s.Type == "" {
		s.Type = UplinkHost
	}
	switch s.Type {
	case UplinkHost:
		s.Ranges = NormalUplinkRanges(s.Ranges, "spec.ranges", bad)
		for _, f := range []struct {
			name  string
			given bool
		}{{"bridge", s.Bridge != ""}, {"subnet", s.Subnet.IsValid()}, {"gateway", s.Gateway.IsValid()}, {"subnet6", s.Subnet6.IsValid()}, {"gateway6", s.Gateway6.IsValid()}, {"addresses", len(s.Addresses) > 0}} {
			if f.given {
				bad(Invalid, "spec."+f.name, "is for uplinks of the type bridge", "write type: bridge, or remove it")
			}
		}
	case UplinkBridge:
		return s.normalBridge(bad)
	default:
		bad(Invalid, "spec.type", fmt.Sprintf("%q is not a type of uplink", s.Type), "write host or bridge")
	}
	return s
}

// NormalUplinkRanges returns the ranges of an uplink with IPv4 first, the defaults if
// there are none, and reports what is wrong with them.
func NormalUplinkRanges(ranges []netip.Prefix, field string, bad Reporter) []netip.Prefix {
	if len(ranges) == 0 {
		return DefaultUplinkRanges()
	}
	out := slices.Clone(ranges)
	seen := map[Family]bool{}
	for i, r := range out {
		at := fmt.Sprintf("%s[%d]", field, i)
		f := FamilyOf(r.Addr())
		switch a := r.Addr(); {
		case r != r.Masked():
			bad(Invalid, at, fmt.Sprintf("%s has bits set after its prefix", r), fmt.Sprintf("write %s", r.Masked()))
		case a.IsMulticast() || a.IsLoopback() || a.IsLinkLocalUnicast() || a.IsUnspecified():
			bad(Invalid, at, fmt.Sprintf("%s are not addresses that a router can have", r), "choose a range of private addresses that the nodes do not use, such as 198.18.0.0/16")
		case r.Bits() > a.BitLen()-uplinkBits:
			bad(Invalid, at, fmt.Sprintf("%s is too small: each router needs an address", r), fmt.Sprintf("choose a /%d or larger", a.BitLen()-uplinkBits))
		case seen[f]:
			bad(Invalid, at, fmt.Sprintf("%s is the second %s range", r, f), "give at most one of each family")
		}
		seen[f] = true
	}
	slices.SortFunc(out, func(a, b netip.Prefix) int { return a.Addr().BitLen() - b.Addr().BitLen() })
	return out
}

// EnteredMAC returns the source MAC of packets between nodes that came from outside for a node
// port, and AnsweredMAC the destination MAC of answers to them. No port has them.
func EnteredMAC() MAC { return MAC{0x02, 0x73, 0x64, 0x6e, 0x00, 0x05} }

// AnsweredMAC is explained at EnteredMAC.
func AnsweredMAC() MAC { return MAC{0x02, 0x73, 0x64, 0x6e, 0x00, 0x06} }

// TunnelProbeMAC returns the MAC from which and to which probes of tunnels are sent. No port has it.
func TunnelProbeMAC() MAC { return MAC{0x02, 0x73, 0x64, 0x6e, 0x00, 0x07} }
