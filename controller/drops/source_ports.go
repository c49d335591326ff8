package drops

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/sdnctl/sdnctl/controller/condition"
	"github.com/sdnctl/sdnctl/topology"
)

// noSourcePort counts the packets of a router on a node, or of the node, for which no source port
// was free: since the first one of which the last is not older than Recent.
type noSourcePort struct {
	packets uint64
	last    time.Time
}

func (t *Table) keepNoSourcePort(node string, grown map[uint32]uint64) {
	if len(grown) == 0 {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	all := t.noSourcePort[node]
	if all == nil {
		all = map[uint32]noSourcePort{}
		t.noSourcePort[node] = all
	}
	for router, n := range grown {
		all[router] = noSourcePort{packets: all[router].packets + n, last: t.now()}
	}
}

// pastNoSourcePort forgets what is older than Recent, and returns the nodes of which it was. The
// caller holds the lock.
func (t *Table) pastNoSourcePort(now time.Time) (nodes []string) {
	for node, all := range t.noSourcePort {
		before := len(all)
		maps.DeleteFunc(all, func(_ uint32, x noSourcePort) bool { return now.Sub(x.last) >= Recent })
		if len(all) < before {
			nodes = append(nodes, node)
		}
		if len(all) == 0 {
			delete(t.noSourcePort, node)
		}
	}
	slices.Sort(nodes)
	return nodes
}

// NoSourcePort returns for whose connections no source port was free on a node within Recent: those of
// routers of a topology, by name, and whether of the node itself.
func (t *Table) NoSourcePort(topo *topology.Snapshot, node string) (facts condition.NoSourcePort) {
	t.mu.Lock()
	all := maps.Clone(t.noSourcePort[node])
	t.mu.Unlock()
	if len(all) == 0 {
		return facts
	}
	var routers []string
	for r := range topo.Routers() {
		if x, ok := all[r.ID]; ok {
			facts.Packets, routers = facts.Packets+x.packets, append(routers, r.Name)
		}
	}
	if x, ok := all[0]; ok {
		facts.Packets, facts.Node = facts.Packets+x.packets, true
	}
	facts.Routers = strings.Join(routers, ", ")
	return facts
}
