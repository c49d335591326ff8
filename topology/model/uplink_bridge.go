package model

import (
	"fmt"
	"hash/fnv"
	"net/netip"
	"slices"
	"strings"
)

// BridgeUplinkPrefix begins the names of the ports of br-int that lead to bridges. No other
// interface has such a name.
const BridgeUplinkPrefix = "sdx-"

// maxUplinkBridge is the longest name of a bridge, in bytes: OpenFlow has 15 for the name of
// a port.
const maxUplinkBridge = 15 - len(BridgeUplinkPrefix)

// BridgeUplinkPort returns the name of the port of br-int that leads to a bridge.
func BridgeUplinkPort(bridge string) string { return BridgeUplinkPrefix + bridge }

// BridgeUplinkPeer returns the name of its other end, the port of the bridge.
func BridgeUplinkPeer(bridge string) string { return bridge + "-sdn" }

// MaxUplinkAddresses is how many ranges an uplink of the type bridge may have.
const MaxUplinkAddresses = 16

// OutsideMAC returns the MAC from which sdnd's switches send with an address of an uplink of
// the type bridge, and at which they answer for it. It follows from the address alone, so
// that an address which moves to another node keeps it: of IPv4 it has the four bytes, of IPv6 40 bits
// of a hash (FNV-1a), which differ for addresses that differ in their last four bytes alone.
func OutsideMAC(a netip.Addr) MAC {
	if a.Is6() {
		h := fnv.New64a()
		b := a.As16()
		_, _ = h.Write(b[:]) // a hash takes all
		sum := h.Sum64()
		return MAC{0x1e, byte(sum >> 32), byte(sum >> 24), byte(sum >> 16), byte(sum >> 8), byte(sum)}
	}
	b := a.As4()
	return MAC{0x0e, 0x73, b[0], b[1], b[2], b[3]}
}

// CheckUplinkBridge says what is wrong with the name of a bridge; "" if nothing is.
func CheckUplinkBridge(name string) (message, fix string) {
	switch {
	case name == "":
		return "is missing", "give the name of the bridge, such as br-ex"
	case len(name) > maxUplinkBridge:
		return fmt.Sprintf("%q is longer than %d characters", name, maxUplinkBridge), "rename the bridge: OpenFlow shows only short names of the port that leads to it"
	case strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune("/\"'\\", r) }):
		return fmt.Sprintf("%q is not a name of a bridge", name), "give the name of the bridge, such as br-ex"
	}
	return "", ""
}

// SubnetOf returns the subnet of a family of an uplink of the type bridge; ok is false if packets of
// the family do not leave by it.
func (s UplinkSpec) SubnetOf(f Family) (p netip.Prefix, ok bool) {
	if f == IPv6 {
		return s.Subnet6, s.Subnet6.IsValid()
	}
	return s.Subnet, s.Subnet.IsValid()
}

// GatewayOf returns the gateway of a family; ok is false without one.
func (s UplinkSpec) GatewayOf(f Family) (a netip.Addr, ok bool) {
	if f == IPv6 {
		return s.Gateway6, s.Gateway6.IsValid()
	}
	return s.Gateway, s.Gateway.IsValid()
}

// normalBridge checks the spec of an uplink of the type bridge.
func (s UplinkSpec) normalBridge(bad Reporter) UplinkSpec {
	if len(s.Ranges) > 0 {
		bad(Invalid, "spec.ranges", "is for uplinks of the type host", "give subnet, gateway and addresses instead")
		s.Ranges = nil
	}
	if message, fix := CheckUplinkBridge(s.Bridge); message != "" {
		bad(Invalid, "spec.bridge", message, fix)
	}
	s.Addresses = cloned(s.Addresses)
	if !s.Subnet.IsValid() && !s.Subnet6.IsValid() {
		bad(Invalid, "spec.subnet", "is missing", "give the subnet of the network that the bridge is part of, such as 192.0.2.0/24, or subnet6 for IPv6")
		return s
	}
	s.Gateway, s.Gateway6 = s.Gateway.Unmap(), s.Gateway6.Unmap()
	if !s.checkSubnet(bad) || !s.checkSubnet6(bad) {
		return s
	}
	if n := len(s.Addresses); n == 0 || n > MaxUplinkAddresses {
		bad(Invalid, "spec.addresses", fmt.Sprintf("has %d ranges, want 1 to %d", n, MaxUplinkAddresses), "give the part of the subnet that no other machine uses, such as 192.0.2.64/26")
	}
	var has [2]bool
	for i, r := range s.Addresses {
		at := fmt.Sprintf("spec.addresses[%d]", i)
		if !r.IsValid() || r != r.Masked() {
			bad(Invalid, at, fmt.Sprintf("%s has bits set after its prefix", r), fmt.Sprintf("write %s", r.Masked()))
			continue
		}
		f := FamilyOf(r.Addr())
		has[f] = true
		subnet, ok := s.SubnetOf(f)
		switch {
		case !ok:
			bad(Invalid, at, fmt.Sprintf("%s is %s, of which the uplink has no subnet", r, f), fmt.Sprintf("give %s, or remove it", [...]string{IPv4: "subnet", IPv6: "subnet6"}[f]))
		case r.Bits() < subnet.Bits() || !subnet.Contains(r.Addr()):
			bad(Invalid, at, fmt.Sprintf("%s is not within %s", r, subnet), "give a part of the subnet")
		case slices.ContainsFunc(s.Addresses[:i], r.Overlaps):
			bad(Invalid, at, fmt.Sprintf("%s overlaps another of the ranges", r), "list each address once")
		}
	}
	for _, f := range Families() {
		if p, ok := s.SubnetOf(f); ok && !has[f] && len(s.Addresses) > 0 {
			bad(Invalid, "spec.addresses", fmt.Sprintf("has no range of %s", p), "give the part of that subnet that no other machine uses, from which nodes have addresses")
		}
	}
	return s
}

// checkSubnet checks the IPv4 subnet and its gateway, and reports whether it is a subnet at all.
func (s UplinkSpec) checkSubnet(bad Reporter) bool {
	switch {
	case !s.Subnet.IsValid():
		if s.Gateway.IsValid() {
			bad(Invalid, "spec.gateway", "is for IPv4, of which the uplink has no subnet", "give subnet, or write an IPv6 gateway as gateway6")
		}
		return true
	case !s.Subnet.Addr().Is4():
		bad(Invalid, "spec.subnet", s.Subnet.String()+" is IPv6", "write it as subnet6; subnet is the IPv4 subnet, and can be absent")
		return false
	case s.Subnet != s.Subnet.Masked():
		bad(Invalid, "spec.subnet", fmt.Sprintf("%s has bits set after its prefix", s.Subnet), fmt.Sprintf("write %s", s.Subnet.Masked()))
	case s.Subnet.Bits() < 8 || s.Subnet.Bits() > 30 || !s.Subnet.Addr().IsGlobalUnicast() || s.Subnet.Addr().IsLinkLocalUnicast():
		bad(Invalid, "spec.subnet", fmt.Sprintf("%s is not the subnet of a network with a router", s.Subnet), "give a subnet of /8 to /30, such as 192.0.2.0/24")
	}
	if s.Gateway.IsValid() && !hostOf(s.Subnet, s.Gateway) {
		bad(Invalid, "spec.gateway", fmt.Sprintf("%s is not an address of a host in %s", s.Gateway, s.Subnet), "give the address of the router in that subnet")
	}
	return true
}

// checkSubnet6 is checkSubnet for IPv6.
func (s UplinkSpec) checkSubnet6(bad Reporter) bool {
	const field = "spec.subnet6"
	switch a := s.Subnet6.Addr(); {
	case !s.Subnet6.IsValid():
		if s.Gateway6.IsValid() {
			bad(Invalid, "spec.gateway6", "is for IPv6, of which the uplink has no subnet", "give subnet6")
		}
		return true
	case !a.Is6() || a.Is4In6():
		bad(Invalid, field, s.Subnet6.String()+" is not IPv6", "write an IPv4 subnet as subnet")
		return false
	case s.Subnet6 != s.Subnet6.Masked():
		bad(Invalid, field, fmt.Sprintf("%s has bits set after its prefix", s.Subnet6), fmt.Sprintf("write %s", s.Subnet6.Masked()))
	case s.Subnet6.Bits() < 16 || s.Subnet6.Bits() > 126 || !a.IsGlobalUnicast():
		bad(Invalid, field, fmt.Sprintf("%s is not the subnet of a network with a router", s.Subnet6), "give a subnet of /16 to /126 of global or unique local addresses, such as 2001:db8:0:2::/64")
	}
	if g := s.Gateway6; g.IsValid() && !zoned(g, "spec.gateway6", bad) && !hostOf(s.Subnet6, g) && !(g.Is6() && g.IsLinkLocalUnicast()) {
		bad(Invalid, "spec.gateway6", fmt.Sprintf("%s is not an address of a host in %s, and not link-local", g, s.Subnet6), "give the address of the router in that subnet, or its link-local address, such as fe80::1")
	}
	return true
}

// hostOf reports whether a host of a subnet can have an address. The first one means all routers of
// an IPv6 subnet (RFC 4291, 2.6.1); the last one is for broadcasts in IPv4, and is left out of both.
func hostOf(subnet netip.Prefix, a netip.Addr) bool {
	if !subnet.Contains(a) || a == subnet.Masked().Addr() {
		return false
	}
	return !a.Next().IsValid() || subnet.Contains(a.Next())
}

// Lends reports whether an address is sdnd's to use on an uplink of the type bridge.
func (s UplinkSpec) Lends(a netip.Addr) bool {
	if s.Type != UplinkBridge || !a.IsValid() || a == s.Gateway || a == s.Gateway6 {
		return false
	}
	subnet, ok := s.SubnetOf(FamilyOf(a))
	return ok && hostOf(subnet, a) && slices.ContainsFunc(s.Addresses, func(r netip.Prefix) bool { return r.Contains(a) })
}
