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
	weight  int                   // guarded by mu: of all
	hosts   map[string]*host      // guarded by mu: those with members
	waiting map[string][]*request // guarded by mu: by host, oldest first
	// turn is armed while the first of those that wait will have room by then.
	turn *time.Timer // guarded by mu
}

// host is one machine's part of a crowd.
type host struct {
	weight  int
	members []*Member // oldest first
}

// Member is one connection that a Crowd counts. Its weight may grow.
type Member struct {
	crowd   *Crowd
	host    string
	weight  int
	since   time.Time // when it got its first weight
	drop    func()
	dropped chan struct{} // closed when it had to make room
}

// request is a member that waits for more weight.
type request struct {
	*Member
	more  int
	since time.Time
	in    chan struct{} // closed when it has it
}

// New makes a Crowd with room for connections that together weigh max. For grace
// each is safe from what Grow does for others.
func New(max int, grace time.Duration) *Crowd {
	c := &Crowd{max: max, grace: grace, hosts: map[string]*host{}, waiting: map[string][]*request{}}
	c.turn = time.AfterFunc(math.MaxInt64, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.admit()
	})
	return c
}

// Enter adds a connection from an address: it is Member and Grow in one. It
// returns nil if ctx ends before there is room. leave is Member.Leave, and must
// be called in the end.
func (c *Crowd) Enter(ctx context.Context, from net.Addr, weight int, drop func()) (leave func()) {
	m := c.Member(from, drop)
	if !m.Grow(ctx, weight) {
		return nil
	}
	return m.Leave
}

// Member makes a member for a connection from an address, of no weight yet. drop
// is called once, when the connection has to make room for others; it must
// neither wait nor call the Crowd.
func (c *Crowd) Member(from net.Addr, drop func()) *Member { return c.MemberOf(Host(from), drop) }

// MemberOf is Member for a client that is known by something else than its
// address, such as the name of a user.
func (c *Crowd) MemberOf(client string, drop func()) *Member {
	return &Member{crowd: c, host: client, drop: drop, dropped: make(chan struct{})}
}

// Grow adds weight to a member. While there is not room enough, the Crowd drops
// the oldest member of the machine that has most, which may be this one. Grow
// waits while that member is safe. It reports whether the member has the weight:
// it has not if ctx ended first or if the member was dropped, now or earlier.
//
// A member that is heavier than all the room may be there alone.
func (m *Member) Grow(ctx context.Context, weight int) bool {
	r := &request{Member: m, more: weight, since: time.Now(), in: make(chan struct{})}
	c := m.crowd
	c.mu.Lock()
	if m.isDropped() {
		c.mu.Unlock()
		return false
	}
	c.waiting[m.host] = append(c.waiting[m.host], r)
	c.admit()
	c.mu.Unlock()
	select {
	case <-r.in:
		return true
	default:
	}
	select {
	case <-r.in:
		return true
	case <-m.dropped:
	case <-ctx.Done():
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	select {
	case <-r.in: // both at once
		return true
	default:
	}
	c.forget(r)
	c.admit()
	return false
}

// Leave gives the member's room to others, for good. It may be called at any time,
// also twice, also after the member was dropped.
func (m *Member) Leave() {
	c := m.crowd
	c.mu.Lock()
	defer c.mu.Unlock()
	c.remove(m)
	c.admit()
}

// isDropped reports whether the member had to make room. The caller holds the
// Crowd's lock.
func (m *Member) isDropped() bool {
	select {
	case <-m.dropped:
		return true
	default:
		return false
	}
}

// admit gives those that wait what they wait for, as far as there is room. The
// caller holds the lock.
func (c *Crowd) admit() {
	for {
		r := c.first()
		if r == nil {
			return
		}
		if wait := c.makeRoom(r); wait > 0 {
			c.turn.Reset(wait)
			return
		}
		c.forget(r)
		if !r.isDropped() {
			c.add(r.Member, r.more)
			close(r.in)
		}
	}
}

// first returns who of those that wait comes first: of the machine that has
// least, and of several the one that has waited for longest; nil if none waits.
func (c *Crowd) first() (first *request) {
	least := 0
	for name, waiting := range c.waiting {
		has := 0
		if h := c.hosts[name]; h != nil {
			has = h.weight
		}
		if r := waiting[0]; first == nil || has < least || has == least && r.since.Before(first.since) {
			first, least = r, has
		}
	}
	return first
}

// forget takes r out of those that wait, if it is one. The caller holds the lock.
func (c *Crowd) forget(r *request) {
	waiting := c.waiting[r.host]
	i := slices.Index(waiting, r)
	if i < 0 {
		return
	}
	if len(waiting) == 1 {
		delete(c.waiting, r.host)
		return
	}
	c.waiting[r.host] = slices.Delete(waiting, i, i+1)
}

// TryEnter adds a connection of weight 1 without waiting. When there is no room,
// it drops the youngest of the machine that has most, if that has more than the
// connection's own would have with it, and else returns nil: those that are here
// do not make room for more of as many. It is for connections that are meant to
// last; drop and leave are those of Enter.
func (c *Crowd) TryEnter(from net.Addr, drop func()) (leave func()) {
	m := c.Member(from, drop)
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
		c.evict(most.members[len(most.members)-1])
	}
	c.add(m, 1)
	return m.Leave
}

// makeRoom drops members until there is room for what r asks, or returns how
// long it may take until it can. It ends early when that drops r's own member.
// The caller holds the lock.
func (c *Crowd) makeRoom(r *request) (wait time.Duration) {
	now := time.Now()
	for !r.isDropped() && c.weight > r.weight && c.weight+r.more > c.max {
		oldest := c.greatest().members[0]
		if age := now.Sub(oldest.since); age < c.grace {
			return c.grace - age
		}
		c.evict(oldest)
	}
	return 0
}

// evict drops a member. The caller holds the lock.
func (c *Crowd) evict(m *Member) {
	c.remove(m)
	close(m.dropped)
	m.drop()
}

// add adds weight to m. The caller holds the lock.
func (c *Crowd) add(m *Member, weight int) {
	h := c.hosts[m.host]
	if h == nil {
		h = &host{}
		c.hosts[m.host] = h
	}
	if m.since.IsZero() {
		m.since = time.Now()
		h.members = append(h.members, m)
	}
	m.weight += weight
	h.weight += weight
	c.weight += weight
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

// remove takes a member out, if it is in. The caller holds the lock.
func (c *Crowd) remove(m *Member) {
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
