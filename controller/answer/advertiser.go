package answer

import (
	"context"
	"time"

	"github.com/sdnctl/sdnctl/controller/packetin"
	"github.com/sdnctl/sdnctl/controller/pipeline"
)

// advertiseTick is the interval at which advertisements are sent to a part of the ports.
const advertiseTick = time.Second

// RunAdvertiser sends router advertisements to all ports of networks with them, to each port
// once in AdvertiseEvery, until ctx ends. Then it returns nil. It spreads the ports evenly over
// that time.
func RunAdvertiser(ctx context.Context, to packetin.Switches) error {
	t := time.NewTicker(advertiseTick)
	defer t.Stop()
	var turns []string
	each := 0
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-t.C:
		}
		v := to.View()
		if len(turns) == 0 {
			turns = advertisedPorts(v)
			each = (len(turns) + int(AdvertiseEvery/advertiseTick) - 1) / int(AdvertiseEvery/advertiseTick)
		}
		now := turns[:min(each, len(turns))]
		turns = turns[len(now):]
		for _, name := range now {
			if p, ok := v.Topo.Port(name); ok {
				if node, m, ok := Advertise(v, p); ok {
					to.PacketOut(node, m) // hosts of a switch that is not connected ask again
				}
			}
		}
	}
}

// advertisedPorts returns the names of the ports of networks with advertisements.
func advertisedPorts(v *pipeline.View) (names []string) {
	for n := range v.Topo.Networks() {
		if n.Spec.RA == "" {
			continue
		}
		for p := range v.Topo.PortsOfNetwork(n.Name) {
			names = append(names, p.Name)
		}
	}
	return names
}
