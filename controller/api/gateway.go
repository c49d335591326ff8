package api

import "net/netip"

// Links returns what to configure on a port's interface. A daemon of version 0.1 reports
// one address only.
func (s *PortStatus) Links() []PortLink {
	if len(s.Addresses) == 0 && s.IP != "" {
		return []PortLink{{IP: s.IP, PrefixLength: s.PrefixLength, Gateway: s.Gateway}}
	}
	return s.Addresses
}

// GatewayFor returns the gateway that a port's address has, or would have if a router
// joined the network; the zero Addr if there is none. PortLink.Gateway is only of
// one that answers now.
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
