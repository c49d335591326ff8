package api

import "net/netip"

// GatewayFor returns the gateway that a port has, or would have if a router
// joined the network; the zero Addr if there is none. Status.Gateway is only of
// one that answers now.
func GatewayFor(p Port, n Network) (netip.Addr, error) {
	if p.Status.Gateway != "" {
		return netip.ParseAddr(p.Status.Gateway)
	}
	ip, err := netip.ParseAddr(p.Status.IP)
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
