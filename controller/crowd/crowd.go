package crowd

import (
	"context"
	"math"
	"net"
	"slices"
	"sync"
	"time"
)

// Crowd bounds connections of a kind, in number or in weight. When there is no
// room, the machine that has most of it has to make some, and of those that wait
// for some the machine that has least comes first. Its methods may be called
// concurrently.
type Crowd struct {
	max   int
	grace time.Duration

	mu      sync.Mutex
	weight  int                  // guarded by mu: of all
	hosts   map[string]*host     // guarded by mu: those with members
	waiting map[string][]*member // guarded by mu: by host, oldest first
	// turn is armed while the first of those that wait will have room by then.
	turn *time.Timer // guarded by mu
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
	since  time.Time // it waits or, once it is in, it is in
	drop   func()
	in     chan struct{} // closed when it is in
}

// New makes a Crowd with room for connections that together weigh max. For grace
// each is safe from what Enter does for others.
func New(max int, grace time.Duration) *Crowd {
	c := &Crowd{max: max, grace: grace, hosts: map[string]*host{}, waiting: map[string][]*member{}}
	c.turn = time.AfterFunc(math.MaxInt64, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.admit()
	})
	return c
}

// Enter adds a connection from an address. While there is not room enough it
// drops the oldest of the machine that has most; drop must neither wait nor call
// the Crowd. It waits while that one is safe, and returns nil if ctx ends first.
// leave may be called at any time, also twice, also of one that was dropped, and
// must be in the end.
//
// One that is heavier than all the room may enter alone.
func (c *Crowd) Enter(ctx context.Context, from net.Addr, weight int, drop func()) (leave func()) {
	m := &member{host: Host(from), weight: weight, drop: drop, since: time.Now(), in: make(chan struct{})}
	c.mu.Lock()
	c.waiting[m.host] = append(c.waiting[m.host], m)
	c.admit()
	c.mu.Unlock()
	select {
	case <-m.in:
	default:
		select {
		case <-m.in:
		case <-ctx.Done():
			c.leave(m)
			return nil
		}
	}
	return func() { c.leave(m) }
}

// admit lets those in that wait, as far as there is room. The caller holds the
// lock.
func (c *Crowd) admit() {
	for {
		m := c.first()
		if m == nil {
			return
		}
		if wait := c.makeRoom(m); wait > 0 {
			c.turn.Reset(wait)
			return
		}
		c.forget(m)
		close(m.in)
	}
}

// first returns who of those that wait comes first: of the machine that has
// least, and of several the one that has waited for longest; nil if none waits.
func (c *Crowd) first() (first *member) {
	least := 0
	for name, waiting := range c.waiting {
		has := 0
		if h := c.hosts[name]; h != nil {
			has = h.weight
		}
		if m := waiting[0]; first == nil || has < least || has == least && m.since.Before(first.since) {
			first, least = m, has
		}
	}
	return first
}

// forget takes m out of those that wait, if it is one. The caller holds the lock.
func (c *Crowd) forget(m *member) {
	waiting := c.waiting[m.host]
	i := slices.Index(waiting, m)
	if i < 0 {
		return
	}
	if len(waiting) == 1 {
		delete(c.waiting, m.host)
		return
	}
	c.waiting[m.host] = slices.Delete(waiting, i, i+1)
}

// TryEnter adds a connection of weight 1 without waiting. When there is no room,
// it drops the youngest of the machine that has most, if that has more than the
// connection's own would have with it, and else returns nil: those that are here
// do not make room for more of as many. It is for connections that are meant to
// last; drop and leave are those of Enter.
func (c *Crowd) TryEnter(from net.Addr, drop func()) (leave func()) {
	m := &member{host: Host(from), weight: 1, drop: drop}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.weight >= c.max {
		own := 0
		if h := c.hosts[m.host]; h != nil {
			own = h.weight
		}
		most := c.greatest()
		if most == nil || most.weight <= own+1 {
			return nil
		}
		youngest := most.members[len(most.members)-1]
		c.remove(youngest)
		youngest.drop()
	}
	c.add(m, time.Now())
	return func() { c.leave(m) }
}

// makeRoom adds m, or returns how long it may take until there is room for it.
// The caller holds the lock.
func (c *Crowd) makeRoom(m *member) (wait time.Duration) {
	now := time.Now()
	for c.weight > 0 && c.weight+m.weight > c.max {
		oldest := c.greatest().members[0]
		if age := now.Sub(oldest.since); age < c.grace {
			return c.grace - age
		}
		c.remove(oldest)
		oldest.drop()
	}
	c.add(m, now)
	return 0
}

// add adds m. The caller holds the lock.
func (c *Crowd) add(m *member, now time.Time) {
	m.since = now
	h := c.hosts[m.host]
	if h == nil {
		h = &host{}
		c.hosts[m.host] = h
	}
	h.members = append(h.members, m)
	h.weight += m.weight
	c.weight += m.weight
}

// greatest returns the host with most weight, of several the one that has been
// here for longest; nil if there is none.
func (c *Crowd) greatest() (most *host) {
	for _, h := range c.hosts {
		if most == nil || h.weight > most.weight ||
			h.weight == most.weight && h.members[0].since.Before(most.members[0].since) {
			most = h
		}
	}
	return most
}

func (c *Crowd) leave(m *member) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.forget(m)
	c.remove(m)
	c.admit()
}

// remove takes a member out, if it is in. The caller holds the lock.
func (c *Crowd) remove(m *member) {
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
