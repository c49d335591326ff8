package model

import (
	"fmt"
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
// that an address which moves to another node keeps it.
func OutsideMAC(a netip.Addr) MAC {
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
	switch {
	case !s.Subnet.IsValid():
		bad(Invalid, "spec.subnet", "is missing", "give the subnet of the network that the bridge is part of, such as 192.0.2.0/24")
		return s
	case !s.Subnet.Addr().Is4():
		bad(Invalid, "spec.subnet", s.Subnet.String()+" is IPv6, which uplinks of the type bridge do not carry", "give the IPv4 subnet; IPv6 leaves by an uplink of the type host")
		return s
	case s.Subnet != s.Subnet.Masked():
		bad(Invalid, "spec.subnet", fmt.Sprintf("%s has bits set after its prefix", s.Subnet), fmt.Sprintf("write %s", s.Subnet.Masked()))
	case s.Subnet.Bits() < 8 || s.Subnet.Bits() > 30 || !s.Subnet.Addr().IsGlobalUnicast() || s.Subnet.Addr().IsLinkLocalUnicast():
		bad(Invalid, "spec.subnet", fmt.Sprintf("%s is not the subnet of a network with a router", s.Subnet), "give a subnet of /8 to /30, such as 192.0.2.0/24")
	}
	s.Gateway = s.Gateway.Unmap()
	if s.Gateway.IsValid() && !s.hostOfSubnet(s.Gateway) {
		bad(Invalid, "spec.gateway", fmt.Sprintf("%s is not an address of a host in %s", s.Gateway, s.Subnet), "give the address of the router in that subnet")
	}
	if n := len(s.Addresses); n == 0 || n > MaxUplinkAddresses {
		bad(Invalid, "spec.addresses", fmt.Sprintf("has %d ranges, want 1 to %d", n, MaxUplinkAddresses), "give the part of the subnet that no other machine uses, such as 192.0.2.64/26")
	}
	for i, r := range s.Addresses {
		at := fmt.Sprintf("spec.addresses[%d]", i)
		switch {
		case !r.IsValid() || r != r.Masked():
			bad(Invalid, at, fmt.Sprintf("%s has bits set after its prefix", r), fmt.Sprintf("write %s", r.Masked()))
		case r.Bits() < s.Subnet.Bits() || !s.Subnet.Contains(r.Addr()):
			bad(Invalid, at, fmt.Sprintf("%s is not within %s", r, s.Subnet), "give a part of the subnet")
		case slices.ContainsFunc(s.Addresses[:i], r.Overlaps):
			bad(Invalid, at, fmt.Sprintf("%s overlaps another of the ranges", r), "list each address once")
		}
	}
	return s
}

// hostOfSubnet reports whether a host of the subnet can have an address.
func (s UplinkSpec) hostOfSubnet(a netip.Addr) bool {
	if !s.Subnet.Contains(a) || a == s.Subnet.Masked().Addr() {
		return false
	}
	return !a.Next().IsValid() || s.Subnet.Contains(a.Next())
}

// Lends reports whether an address is sdnd's to use on an uplink of the type bridge.
func (s UplinkSpec) Lends(a netip.Addr) bool {
	return s.Type == UplinkBridge && a != s.Gateway && s.hostOfSubnet(a) &&
		slices.ContainsFunc(s.Addresses, func(r netip.Prefix) bool { return r.Contains(a) })
}
