package crowd

import (
	"context"
	"net"
	"slices"
	"sync"
	"time"
)

// Crowd bounds connections of a kind, in number or in weight. When there is no
// room, the machine that has most of it has to make some. Its methods may be
// called concurrently.
type Crowd struct {
	max   int
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

// New makes a Crowd with room for connections that together weigh max. For grace
// each is safe from what Enter does for others.
func New(max int, grace time.Duration) *Crowd {
	return &Crowd{max: max, grace: grace, room: make(chan struct{}, 1), hosts: map[string]*host{}}
}

// Enter adds a connection from an address. While there is not room enough it
// drops the oldest of the machine that has most; drop must neither wait nor call
// the Crowd. It waits while that one is safe, and returns nil if ctx ends first.
// leave may be called at any time, also twice, also of one that was dropped, and
// must be in the end.
//
// One that is heavier than all the room may enter alone.
func (c *Crowd) Enter(ctx context.Context, from net.Addr, weight int, drop func()) (leave func()) {
	m := &member{host: Host(from), weight: weight, drop: drop}
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
	c.remove(m)
	c.mu.Unlock()
	select {
	case c.room <- struct{}{}:
	default:
	}
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
