package answer

import (
	"context"
	"time"

	"github.com/sdnctl/sdnctl/controller/packetin"
	"github.com/sdnctl/sdnctl/openflow"
)

const (
	// announceTick is how often the announcer looks for addresses on uplinks that have come to
	// a node.
	announceTick = 200 * time.Millisecond
	// askGatewaysEvery is how often nodes ask for the MACs of the gateways of their uplinks.
	askGatewaysEvery = 30 * time.Second
)

// RunAnnouncer speaks for nodes on the networks of their uplinks, until ctx ends. Then it returns
// nil. It asks for the MACs of gateways, so that switches follow one which changes.
func RunAnnouncer(ctx context.Context, to packetin.Switches) error {
	t := time.NewTicker(announceTick)
	defer t.Stop()
	var asked time.Time
	for {
		select {
		case <-ctx.Done():
			return nil
		case now := <-t.C:
			if now.Sub(asked) >= askGatewaysEvery {
				asked = now
				askGateways(to)
			}
		}
	}
}

// askGateways asks for the MACs of all gateways, from an address of each node that has one.
func askGateways(to packetin.Switches) {
	v := to.View()
	for u := range v.Topo.Uplinks() {
		if !u.Spec.Gateway.IsValid() {
			continue
		}
		for n := range v.Topo.Nodes() {
			from, ok := n.Spec.UplinkAddress(u.Spec)
			if out := v.UplinkPortOf(n.Name, u); ok && out != 0 {
				if frame, err := arpRequest(from, u.Spec.Gateway); err == nil {
					to.PacketOut(n.Name, openflow.NewPacketOut(frame, openflow.Actions(nil).Output(out)))
				}
			}
		}
	}
}
