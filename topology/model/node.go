package model

import (
	"fmt"
	"iter"
	"net/netip"
	"slices"
	"strings"
)

// NodeSpec is the declared part of a node.
type NodeSpec struct {
	// DatapathID of the node's br-int; 0 derives it from the name.
	DatapathID DatapathID `json:"datapathID,omitzero" doc:"Datapath id of the node's br-int, 16 hexadecimal digits; derived from the name when absent, as 'sdnctl node join' sets it" example:"00004e7c25b01a4f"`
	// TunnelIP is the node's VXLAN endpoint (VTEP) on the underlay, of either family. Nodes
	// reach only those whose address is of the same family. The zero Addr is for a node
	// that never needs to reach another.
	TunnelIP netip.Addr `json:"tunnelIP,omitzero" doc:"Address of the node's VXLAN endpoint, where other nodes reach it: IPv4 or IPv6. Between nodes of which one has an IPv4 and one an IPv6 address no packet passes" required:"true" example:"192.168.50.11"`
	// Addresses are normalised: one of IPv4, then one of IPv6.
	Addresses []netip.Addr `json:"addresses,omitempty" doc:"The node's own addresses by which it and the ports of networks with hostAccess reach each other: at most one of each family. Without one of the family of tunnelIP: tunnelIP" example:"[\"192.168.50.11\",\"fd00:50::11\"]"`
	// UplinkAddresses are sorted.
	UplinkAddresses []netip.Addr `json:"uplinkAddresses,omitempty" doc:"Addresses by which what routers send outside leaves the node on uplinks of the type bridge: of each such uplink one of its addresses of each family, which no other node has" example:"[\"192.0.2.65\",\"2001:db8:0:2::65\"]"`
	// TunnelCheck "" is TunnelAuto.
	TunnelCheck TunnelCheck `json:"tunnelCheck,omitempty" doc:"When other nodes check that what this one sends through the tunnel comes from tunnelIP. auto: once OVSDB shows that it does (options:local_ip, as 'sdnctl node join' sets it); until then nodes that share a network with it admit VXLAN from any address. enforce: always" enum:"auto,enforce" default:"auto" example:"enforce"`
}

// TunnelCheck says when the source of a node's tunnelled packets is checked.
type TunnelCheck string

const (
	// TunnelAuto, as stored "", checks it once OVSDB shows that the node's tunnel
	// port sends from TunnelIP (options:local_ip). Until then the nodes that it
	// shares a network with admit packets from any address.
	TunnelAuto TunnelCheck = "auto"
	// TunnelEnforce checks it always.
	TunnelEnforce TunnelCheck = "enforce"
)

// UnmarshalText reads it in any case.
func (c *TunnelCheck) UnmarshalText(b []byte) error {
	*c = TunnelCheck(strings.ToLower(string(b)))
	return nil
}

// Kind returns KindNode.
func (NodeSpec) Kind() Kind { return KindNode }

// Writer returns Admin: a node gets all packets of its networks.
func (NodeSpec) Writer() Role { return Admin }

// References yields nothing: a node names no other object.
func (NodeSpec) References() iter.Seq2[string, Ref] { return func(func(string, Ref) bool) {} }

// Normal implements Spec.
func (s NodeSpec) Normal(bad Reporter) Spec {
	switch s.TunnelCheck {
	case TunnelAuto:
		s.TunnelCheck = ""
	case "", TunnelEnforce:
	default:
		bad(Invalid, "spec.tunnelCheck", fmt.Sprintf("%q is not a way to check", s.TunnelCheck),
			fmt.Sprintf("write %s (once OVSDB shows that the node sends from its tunnel IP) or %s (always)", TunnelAuto, TunnelEnforce))
	}
	s.Addresses = normalNodeAddresses(s.Addresses, bad)
	s.UplinkAddresses = normalUplinkAddresses(s.UplinkAddresses, bad)
	if !s.TunnelIP.IsValid() {
		return s
	}
	s.TunnelIP = s.TunnelIP.Unmap()
	const field = "spec.tunnelIP"
	switch a := s.TunnelIP; {
	case zoned(a, field, bad):
	case a.Is6() && a.IsLinkLocalUnicast():
		bad(Invalid, field, a.String()+" is a link-local address, which means another machine on each link", "give a global or unique local address of the node, such as fd00:50::11, or an IPv4 address")
	case a.IsUnspecified() || a.IsMulticast() || a.IsLoopback() || a == netip.AddrFrom4([4]byte{255, 255, 255, 255}):
		bad(Invalid, field, a.String()+" cannot be the end of a tunnel", "give the node's own address on the underlay, such as 192.168.50.11")
	}
	return s
}

// Address returns the address of a family by which the node itself is reached; ok is false
// without one.
func (s NodeSpec) Address(f Family) (a netip.Addr, ok bool) {
	for _, a := range s.Addresses {
		if FamilyOf(a) == f {
			return a, true
		}
	}
	if s.TunnelIP.IsValid() && FamilyOf(s.TunnelIP) == f {
		return s.TunnelIP, true
	}
	return netip.Addr{}, false
}

// normalNodeAddresses returns the addresses with IPv4 first, and reports what is wrong with
// them.
func normalNodeAddresses(addresses []netip.Addr, bad Reporter) []netip.Addr {
	out := cloned(addresses)
	seen := map[Family]bool{}
	for i := range out {
		out[i] = out[i].Unmap()
		field := fmt.Sprintf("spec.addresses[%d]", i)
		switch a := out[i]; {
		case !a.IsValid():
			bad(Invalid, field, "the address is missing", "give it, or remove the entry")
			continue
		case zoned(a, field, bad):
		case !a.IsGlobalUnicast():
			bad(Invalid, field, a.String()+" is not an address by which others can reach the node", "give an address of one of its interfaces, such as 192.168.50.11")
		case seen[FamilyOf(a)]:
			bad(Invalid, field, fmt.Sprintf("%s is the second %s address", a, FamilyOf(a)), "give at most one of each family")
		}
		seen[FamilyOf(out[i])] = true
	}
	slices.SortStableFunc(out, func(a, b netip.Addr) int { return a.BitLen() - b.BitLen() })
	return out
}

// normalUplinkAddresses returns the addresses sorted, and reports what is wrong with them.
func normalUplinkAddresses(addresses []netip.Addr, bad Reporter) []netip.Addr {
	out := cloned(addresses)
	for i := range out {
		out[i] = out[i].Unmap()
		field := fmt.Sprintf("spec.uplinkAddresses[%d]", i)
		switch a := out[i]; {
		case zoned(a, field, bad):
		case !a.IsGlobalUnicast():
			bad(Invalid, field, fmt.Sprintf("%s is not an address of a host", a), "give one of the addresses of an uplink of the type bridge, such as 192.0.2.65 or 2001:db8:0:2::65")
		case slices.Contains(out[:i], a):
			bad(Invalid, field, a.String()+" is listed twice", "list it once")
		}
	}
	if n := len(out); n > MaxNodeUplinkAddresses {
		bad(Invalid, "spec.uplinkAddresses", fmt.Sprintf("%d addresses, at most %d are allowed", n, MaxNodeUplinkAddresses), "give one of each family for each uplink of the type bridge")
	}
	slices.SortFunc(out, netip.Addr.Compare)
	return out
}

// MaxNodeUplinkAddresses is how many addresses on uplinks a node may have.
const MaxNodeUplinkAddresses = 16

// UplinkAddress returns the node's IPv4 address on an uplink of the type bridge; ok is false
// without one.
func (s NodeSpec) UplinkAddress(u UplinkSpec) (a netip.Addr, ok bool) {
	return s.UplinkAddressOf(u, IPv4)
}

// UplinkAddressOf returns the node's address of a family on an uplink of the type bridge; ok is
// false without one.
func (s NodeSpec) UplinkAddressOf(u UplinkSpec, f Family) (a netip.Addr, ok bool) {
	i := slices.IndexFunc(s.UplinkAddresses, func(a netip.Addr) bool { return FamilyOf(a) == f && u.Lends(a) })
	if i < 0 {
		return a, false
	}
	return s.UplinkAddresses[i], true
}
