package reconcile

import (
	"cmp"
	"maps"
	"slices"

	"github.com/sdnctl/sdnctl/controller/condition"
	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/controller/status"
)

// Settled reports whether a node's switch is connected and has confirmed all that concerns it.
func (f *Fabric) Settled(node string) bool {
	s, ok := f.board.Node(node)
	return ok && s.Connected && s.InSync
}

// SetTunnelFaults takes by which tunnels packets do not arrive. The map must not be modified
// afterwards.
func (f *Fabric) SetTunnelFaults(failing map[pipeline.TunnelPath]pipeline.TunnelFault) {
	f.post(tunnelFaultsFound(failing))
}

// tunnelFaultsFound: packets do not arrive by other tunnels than before.
type tunnelFaultsFound map[pipeline.TunnelPath]pipeline.TunnelFault

func (e tunnelFaultsFound) happen(d *dispatcher) {
	now := blame(e)
	for node := range d.blamed {
		if now[node] == nil {
			d.tunnelFaults(node, nil)
		}
	}
	for _, node := range slices.Sorted(maps.Keys(now)) {
		all := now[node]
		for i := range all {
			if o, ok := d.view.Topo.Node(all[i].Peer); ok {
				all[i].Addr = o.Spec.TunnelIP
			}
		}
		d.tunnelFaults(node, all)
	}
	d.blamed = now
}

// tunnelFaults shows faults with a node, unless they are shown already.
func (d *dispatcher) tunnelFaults(node string, all []condition.TunnelFault) {
	if slices.Equal(d.blamed[node], all) {
		return
	}
	if len(all) > 0 {
		d.f.log.Warn("packets do not arrive by tunnels", "node", node, "peers", len(all), "first", all[0].Peer)
	} else {
		d.f.log.Info("packets arrive by all tunnels again", "node", node)
	}
	d.f.board.Update(node, func(s *status.Node) { s.TunnelFaults = all })
}

// blame assigns each fault to one of the two nodes: to the one with the most faults, so that one
// machine with a firewall is one node with a condition. Of equals it is the first by name.
func blame(failing map[pipeline.TunnelPath]pipeline.TunnelFault) map[string][]condition.TunnelFault {
	faults := map[string]map[string]condition.TunnelFault{} // by node and peer
	add := func(node, peer string, out bool, t pipeline.TunnelFault) {
		if faults[node] == nil {
			faults[node] = map[string]condition.TunnelFault{}
		}
		is, had := faults[node][peer]
		if !had || t.Size < is.Size {
			is.Size, is.Network = t.Size, t.Network
		}
		is.Peer, is.Out, is.In = peer, is.Out || out, is.In || !out
		faults[node][peer] = is
	}
	for of, t := range failing {
		add(of.From, of.To, true, t)
		add(of.To, of.From, false, t)
	}
	blamed := map[string][]condition.TunnelFault{}
	for len(faults) > 0 {
		worst := slices.MinFunc(slices.Collect(maps.Keys(faults)), func(a, b string) int {
			return cmp.Or(cmp.Compare(len(faults[b]), len(faults[a])), cmp.Compare(a, b))
		})
		for _, peer := range slices.Sorted(maps.Keys(faults[worst])) {
			blamed[worst] = append(blamed[worst], faults[worst][peer])
			if delete(faults[peer], worst); len(faults[peer]) == 0 {
				delete(faults, peer)
			}
		}
		delete(faults, worst)
	}
	return blamed
}
