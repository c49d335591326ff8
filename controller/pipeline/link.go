package pipeline

import (
	"net/netip"

	"github.com/sdnctl/sdnctl/topology"
)

// Link is a port's address of one family, with the prefix of its subnet or block, and the
// gateway there.
type Link struct {
	Address netip.Addr
	Prefix  netip.Prefix
	Gateway netip.Addr
	MAC     topology.MAC // of the gateway
	// Routes says that the gateway routes to other networks or blocks.
	Routes bool
}

// LinkOf returns the link of a port that is on a node; the zero Link if the port has no
// address of the family.
func (v *View) LinkOf(p *topology.Port, node string, f topology.Family) Link {
	ip, ok := p.Address(f)
	if !ok {
		return Link{}
	}
	n, ok := v.Topo.Network(p.Spec.Network)
	if !ok {
		return Link{}
	}
	if n.Spec.Mode == topology.Segmented {
		b, ok := v.Topo.Block(n.Name, node)
		if !ok {
			return Link{}
		}
		r, ok := b.Of(f)
		if !ok {
			return Link{}
		}
		return Link{Address: ip, Prefix: r.Prefix, Gateway: r.Gateway, MAC: b.GatewayMAC, Routes: true}
	}
	_, routed := v.Topo.RouterOf(n.Name)
	for _, s := range n.Spec.Subnets {
		if s.Prefix.Contains(ip) {
			return Link{Address: ip, Prefix: s.Prefix, Gateway: s.Gateway.Addr, MAC: n.GatewayMAC, Routes: routed}
		}
	}
	return Link{}
}
