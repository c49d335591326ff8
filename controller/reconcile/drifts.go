package reconcile

import (
	"sync"

	"github.com/sdnctl/sdnctl/controller/worker"
)

// maxDrifts is how many drifts are remembered.
const maxDrifts = 1000

// drifts remembers the newest drifts.
type drifts struct {
	mu   sync.Mutex
	last uint64
	all  []worker.Drift // oldest first
}

func (d *drifts) add(ds []worker.Drift) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, x := range ds {
		d.last++
		x.Seq = d.last
		d.all = append(d.all, x)
	}
	if over := len(d.all) - maxDrifts; over > 0 {
		d.all = append([]worker.Drift(nil), d.all[over:]...)
	}
}

// Drifts returns what others did to the flows of a node, or of all nodes if node
// is "", oldest first: the newest thousand since the start of the daemon.
func (f *Fabric) Drifts(node string) []worker.Drift {
	f.drifts.mu.Lock()
	defer f.drifts.mu.Unlock()
	var out []worker.Drift
	for _, d := range f.drifts.all {
		if node == "" || d.Node == node {
			out = append(out, d)
		}
	}
	return out
}

// count returns how many there were since the start.
func (d *drifts) count() uint64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.last
}
