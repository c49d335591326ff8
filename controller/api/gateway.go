package api

import "net/netip"

// Links returns the addresses to configure on a port's interface. It also accepts the status
// of an sdnd of version 0.1, which has no Addresses.
func (s *PortStatus) Links() []PortLink {
	if len(s.Addresses) == 0 && s.IP != "" {
		return []PortLink{{IP: s.IP, PrefixLength: s.PrefixLength, Gateway: s.Gateway}}
	}
	return s.Addresses
}

// GatewayFor returns the gateway of a port's address, or the one that it would have if a
// router joined the network; the zero Addr if the network has none. PortLink.Gateway, in
// contrast, is set only if the gateway answers now.
func GatewayFor(a PortLink, n Network) (netip.Addr, error) {
	if a.Gateway != "" {
		return netip.ParseAddr(a.Gateway)
	}
	ip, err := netip.ParseAddr(a.IP)
	if err != nil {
		return netip.Addr{}, err
	}
	for _, s := range n.Spec.Subnets {
		if s.Prefix.Contains(ip) {
			return s.Gateway.Addr, nil
		}
	}
	return netip.Addr{}, nil
}
