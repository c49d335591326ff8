package reconcile

import (
	"context"
	"net"
	"slices"
	"sync"
	"time"
)

// crowd bounds connections of a kind, in number or in weight. When there is no
// room, the machine that has most of it has to make some: its oldest connection
// is dropped. So whoever opens any number of connections crowds out its own,
// and a machine with one is heard.
type crowd struct {
	max int
	// grace is for how long a connection is safe. While all are, those who
	// would enter wait.
	grace time.Duration
	// room has an element when one has left.
	room chan struct{}

	mu     sync.Mutex
	weight int              // guarded by mu: of all
	hosts  map[string]*host // guarded by mu: those with members
}

// host is one machine's part of a crowd.
type host struct {
	weight  int
	members []*member // oldest first
}

// member is one connection.
type member struct {
	host   string
	weight int
	since  time.Time
	drop   func()
}

func newCrowd(max int, grace time.Duration) *crowd {
	return &crowd{max: max, grace: grace, room: make(chan struct{}, 1), hosts: map[string]*host{}}
}

// enter adds a connection from an address, and drops others while there is not
// room enough; drop must not wait. It waits while all others are safe, and
// returns nil if ctx ends first. leave may be called at any time, also twice,
// and must be in the end.
func (c *crowd) enter(ctx context.Context, from net.Addr, weight int, drop func()) (leave func()) {
	m := &member{host: hostOf(from), weight: weight, drop: drop}
	for {
		c.mu.Lock()
		wait := c.makeRoom(m)
		c.mu.Unlock()
		if wait == 0 {
			return func() { c.leave(m) }
		}
		t := time.NewTimer(wait)
		select {
		case <-c.room:
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return nil
		}
		t.Stop()
	}
}

// makeRoom adds m, or returns how long it may take until there is room for it.
// The caller holds the lock.
func (c *crowd) makeRoom(m *member) (wait time.Duration) {
	now := time.Now()
	for c.weight > 0 && c.weight+m.weight > c.max {
		oldest := c.greatest().members[0]
		if age := now.Sub(oldest.since); age < c.grace {
			return c.grace - age
		}
		c.remove(oldest)
		oldest.drop()
	}
	m.since = now
	h := c.hosts[m.host]
	if h == nil {
		h = &host{}
		c.hosts[m.host] = h
	}
	h.members = append(h.members, m)
	h.weight += m.weight
	c.weight += m.weight
	return 0
}

// greatest returns the host with most weight; there must be one.
func (c *crowd) greatest() (most *host) {
	for _, h := range c.hosts {
		if most == nil || h.weight > most.weight {
			most = h
		}
	}
	return most
}

func (c *crowd) leave(m *member) {
	c.mu.Lock()
	c.remove(m)
	c.mu.Unlock()
	select {
	case c.room <- struct{}{}:
	default:
	}
}

// remove takes a member out, if it is in. The caller holds the lock.
func (c *crowd) remove(m *member) {
	h := c.hosts[m.host]
	if h == nil {
		return
	}
	i := slices.Index(h.members, m)
	if i < 0 {
		return
	}
	h.members = slices.Delete(h.members, i, i+1)
	h.weight -= m.weight
	c.weight -= m.weight
	if len(h.members) == 0 {
		delete(c.hosts, m.host)
	}
}
