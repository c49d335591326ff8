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

// askGatewaysEvery is how often nodes ask for the MACs of the gateways of their uplinks. When a node gets an
// uplink it asks at once, askGatewaysFirst times, askGatewaysPause apart: its switch may not have the
// flows yet that learn from the answer, and must know the MAC before sdnd is away.
const (
	askGatewaysEvery = 30 * time.Second
	askGatewaysPause = time.Second
	askGatewaysFirst = 3
)

// RunGatewayAsker has nodes ask for the MACs of the gateways of their uplinks, so that switches know
// them before they need them, and follow a gateway that changes. It runs until ctx ends, and returns
// nil then.
func RunGatewayAsker(ctx context.Context, to packetin.Switches) error {
	t := time.NewTicker(askGatewaysPause)
	defer t.Stop()
	var asked map[gatewayAsk]int
	var seen *pipeline.View
	due := false // some of those that asked have not done so askGatewaysFirst times
	for n := 1; ; n++ {
		select {
		case <-ctx.Done():
			return nil
		case <-t.C:
			all := n%int(askGatewaysEvery/askGatewaysPause) == 0
			if v := to.View(); v != seen || due || all {
				asked, due = askGateways(to, v, asked, all)
				seen = v
			}
		}
	}
}

// gatewayAsk is a way by which a node asks for a gateway.
type gatewayAsk struct {
	node          string
	out           openflow.PortNo
	from, gateway netip.Addr
}

// addressOn returns an address of a family that a node has on an uplink: its own, or a floating one.
func addressOn(v *pipeline.View, n *topology.Node, u *topology.Uplink, f topology.Family) (a netip.Addr, ok bool) {
	if a, ok := n.Spec.UplinkAddressOf(u.Spec, f); ok {
		return a, true
	}
	for name := range v.FloatingOn(n.Name) {
		if o, ok := v.Topo.FloatingIP(name); ok && o.Spec.Uplink == u.Name && model.FamilyOf(o.Spec.Address) == f && v.FloatingOf(o).Works() {
			return o.Spec.Address, true
		}
	}
	return a, false
}

// askGateways asks for the MACs of gateways, from an address of each node that has one: of all, or of those
// for which a node has not asked askGatewaysFirst times. asked says how often that was. It returns how often
// it is now, and whether some have to ask again soon.
func askGateways(to packetin.Switches, v *pipeline.View, asked map[gatewayAsk]int, all bool) (now map[gatewayAsk]int, due bool) {
	now = map[gatewayAsk]int{}
	for u := range v.Topo.Uplinks() {
		for _, f := range model.Families() {
			gateway, ok := u.Spec.GatewayOf(f)
			if !ok {
				continue
			}
			for n := range v.Topo.Nodes() {
				from, ok := addressOn(v, n, u, f)
				out := v.UplinkPortOf(n.Name, u)
				if !ok || out == 0 {
					continue
				}
				ask := gatewayAsk{n.Name, out, from, gateway}
				times := asked[ask]
				if all || times < askGatewaysFirst {
					question, err := askFor(gateway, from)
					if err == nil && to.PacketOut(n.Name, openflow.NewPacketOut(question, openflow.Actions(nil).Output(out))) {
						times = min(times+1, askGatewaysFirst)
					}
				}
				now[ask] = times
				due = due || times < askGatewaysFirst
			}
		}
	}
	return now, due
}
