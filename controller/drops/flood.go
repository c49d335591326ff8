package drops

import (
	"time"

	"github.com/sdnctl/sdnctl/controller/condition"
	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/topology"
)

// flooded counts the packets that a port sent to all of its network beyond the limit. The count begins anew
// once no such packet has come for Recent.
type flooded struct {
	place   pipeline.Place
	packets uint64
	last    time.Time
}

// keepFlooded records that so many more packets of a port were dropped.
func (t *Table) keepFlooded(p *topology.Port, at pipeline.Place, more uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	x := t.flooded[p.Name]
	if x.place != at {
		x = flooded{place: at}
		t.log.Warn("port sends more to all of its network than it may", "port", p.Name, "node", at.Node, "network", p.Spec.Network)
	}
	x.packets, x.last = x.packets+more, t.now()
	t.flooded[p.Name] = x
}

// pastFlooded removes the counts of ports that sent no such packet within Recent, and returns these ports.
// The caller holds the lock.
func (t *Table) pastFlooded(now time.Time) (ports []string) {
	for port, x := range t.flooded {
		if now.Sub(x.last) > Recent {
			ports = append(ports, port)
			delete(t.flooded, port)
		}
	}
	return ports
}

// Flooded returns what a port sent to all of its network beyond the limit within Recent; nil if nothing.
func (t *Table) Flooded(port string, at pipeline.Place) *condition.Flooded {
	t.mu.Lock()
	defer t.mu.Unlock()
	x, ok := t.flooded[port]
	if !ok || x.place != at || t.now().Sub(x.last) > Recent {
		return nil
	}
	return &condition.Flooded{Packets: x.packets}
}
