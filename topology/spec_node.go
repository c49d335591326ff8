package topology

import "net/netip"

// normalNode checks a node's spec by itself and returns it in the form in
// which it is stored.
func normalNode(s NodeSpec, bad reporter) NodeSpec {
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
