package ovsdb

import (
	"context"
	"sync"
)

// Reconsider collects the datapath ids for which the standings of connections may have changed. The zero Reconsider is not usable; see NewReconsider.
type Reconsider struct {
	notify chan struct{}

	mu  sync.Mutex
	ids map[uint64]bool
}

// NewReconsider returns a Reconsider that names no datapath id.
func NewReconsider() *Reconsider {
	return &Reconsider{notify: make(chan struct{}, 1), ids: map[uint64]bool{}}
}

// Add names a datapath id. It does not wait, and any goroutine may call it.
func (r *Reconsider) Add(datapathID uint64) {
	r.mu.Lock()
	r.ids[datapathID] = true
	r.mu.Unlock()
	select {
	case r.notify <- struct{}{}:
	default:
	}
}

// run has the claims on the named datapath ids ranked again, until ctx ends.
func (r *Reconsider) run(ctx context.Context, c *claims) {
	for {
		select {
		case <-r.notify:
		case <-ctx.Done():
			return
		}
		r.mu.Lock()
		ids := r.ids
		r.ids = map[uint64]bool{}
		r.mu.Unlock()
		for id := range ids {
			c.reconsider(id)
		}
	}
}
