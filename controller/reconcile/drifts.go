package reconcile

import (
	"sync"

	"github.com/sdnctl/sdnctl/controller/worker"
)

// maxDrifts is the largest number of drifts that are kept.
const maxDrifts = 1000

// drifts keeps the newest drifts.
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

// count returns the number of drifts since the start.
func (d *drifts) count() uint64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.last
}
