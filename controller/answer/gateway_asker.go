package answer

import (
	"context"
	"net/netip"
	"time"

	"github.com/sdnctl/sdnctl/controller/packetin"
	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// askGatewaysEvery is how often nodes ask for the MACs of the gateways of their uplinks.
const askGatewaysEvery = 30 * time.Second

// RunGatewayAsker has nodes ask for the MACs of the gateways of their uplinks, so that switches
// follow a gateway that changes. It runs until ctx ends, and returns nil then.
func RunGatewayAsker(ctx context.Context, to packetin.Switches) error {
	t := time.NewTicker(askGatewaysEvery)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-t.C:
			askGateways(to)
		}
	}
}

// addressOn returns an address that a node has on an uplink: its own, or a floating one.
func addressOn(v *pipeline.View, n *topology.Node, u *topology.Uplink) (a netip.Addr, ok bool) {
	if a, ok := n.Spec.UplinkAddress(u.Spec); ok {
		return a, true
	}
	for name := range v.FloatingOn(n.Name) {
		if o, ok := v.Topo.FloatingIP(name); ok && o.Spec.Uplink == u.Name && v.FloatingOf(o).Works() {
			return o.Spec.Address, true
		}
	}
	return a, false
}

// askGateways asks for the MACs of all gateways, from an address of each node that has one.
func askGateways(to packetin.Switches) {
	v := to.View()
	for u := range v.Topo.Uplinks() {
		if !u.Spec.Gateway.IsValid() {
			continue
		}
		for n := range v.Topo.Nodes() {
			from, ok := addressOn(v, n, u)
			if out := v.UplinkPortOf(n.Name, u); ok && out != 0 {
				to.PacketOut(n.Name, openflow.NewPacketOut(pipeline.ARPRequest(model.OutsideMAC(from), from, u.Spec.Gateway), openflow.Actions(nil).Output(out)))
			}
		}
	}
}
