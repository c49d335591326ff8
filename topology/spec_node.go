package topology

import (
	"fmt"
	"net/netip"
)

// normalNode checks a node's spec by itself and returns it in the form in
// which it is stored.
func normalNode(s NodeSpec, bad reporter) NodeSpec {
	switch s.TunnelCheck {
	case TunnelAuto:
		s.TunnelCheck = ""
	case "", TunnelEnforce:
	default:
		bad(Invalid, "spec.tunnelCheck", fmt.Sprintf("%q is not a way to check", s.TunnelCheck),
			fmt.Sprintf("write %s (once OVSDB shows that the node sends from its tunnel IP) or %s (always)", TunnelAuto, TunnelEnforce))
	}
	if !s.TunnelIP.IsValid() {
		return s
	}
	s.TunnelIP = s.TunnelIP.Unmap()
	const field = "spec.tunnelIP"
	switch a := s.TunnelIP; {
	case !a.Is4():
		bad(Invalid, field, a.String()+" is IPv6", "only IPv4 is supported for now; give the node's IPv4 address on the underlay")
	case a.IsUnspecified() || a.IsMulticast() || a.IsLoopback() || a == netip.AddrFrom4([4]byte{255, 255, 255, 255}):
		bad(Invalid, field, a.String()+" cannot be the end of a tunnel", "give the node's own address on the underlay, such as 192.168.50.11")
	}
	return s
}
