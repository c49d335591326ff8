package connlimit

import (
	"context"
	"math"
	"net"
	"slices"
	"sync"
	"time"
)

// Limiter limits connections of one kind, by their number or by their weight. At the
// limit it drops a connection of the client with the greatest weight. Of the clients
// that wait, the one with the least weight comes first. Its methods may be called
// concurrently.
type Limiter struct {
	max   int
	grace time.Duration

	mu      sync.Mutex
	weight  int                   // guarded by mu: of all
	hosts   map[string]*host      // guarded by mu: those with reservations
	waiting map[string][]*request // guarded by mu: by host, oldest first
	// turn fires when the oldest connection may be dropped for the first that waits.
	turn *time.Timer // guarded by mu
}

// host is the share of one client.
type host struct {
	weight       int
	reservations []*Reservation // oldest first
}

// Reservation is the share of one connection. Its weight may grow.
type Reservation struct {
	limiter *Limiter
	host    string
	weight  int
	since   time.Time // when it got its first weight
	drop    func()
	dropped chan struct{} // closed when the Limiter drops it
}

// request is a reservation that waits for more weight.
type request struct {
	*Reservation
	more  int
	since time.Time
	in    chan struct{} // closed when it has the weight
}

// New returns a Limiter of connections whose weights add up to max at most. A
// connection that is younger than grace is not dropped by Grow.
func New(max int, grace time.Duration) *Limiter {
	c := &Limiter{max: max, grace: grace, hosts: map[string]*host{}, waiting: map[string][]*request{}}
	c.turn = time.AfterFunc(math.MaxInt64, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.admit()
	})
	return c
}

// Acquire adds a connection from an address. It is Reserve and Grow in one, and
// returns nil if ctx ends first. The caller must call release in the end, which is
// Reservation.Release.
func (c *Limiter) Acquire(ctx context.Context, from net.Addr, weight int, drop func()) (release func()) {
	m := c.Reserve(from, drop)
	if !m.Grow(ctx, weight) {
		return nil
	}
	return m.Release
}

// Reserve returns a reservation without weight for a connection from an address. The
// Limiter calls drop once if it drops the connection. drop must neither block nor call
// the Limiter.
func (c *Limiter) Reserve(from net.Addr, drop func()) *Reservation {
	return c.ReserveFor(Host(from), drop)
}

// ReserveFor is Reserve for a client that has another name than its address, such as a
// user.
func (c *Limiter) ReserveFor(client string, drop func()) *Reservation {
	return &Reservation{limiter: c, host: client, drop: drop, dropped: make(chan struct{})}
}

// Grow adds weight to a reservation and reports whether it has it. At the limit the
// Limiter drops the oldest connection of the client with the greatest weight, which may
// be this one; Grow waits until that connection is older than the grace. It returns
// false if ctx ends first, and if the connection is or was dropped.
//
// A connection may weigh more than the limit if it is the only one.
func (m *Reservation) Grow(ctx context.Context, weight int) bool {
	r := &request{Reservation: m, more: weight, since: time.Now(), in: make(chan struct{})}
	c := m.limiter
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

// Release gives the weight back. It may be called at any time, more than once, and after
// the connection was dropped.
func (m *Reservation) Release() {
	c := m.limiter
	c.mu.Lock()
	defer c.mu.Unlock()
	c.remove(m)
	c.admit()
}

// isDropped reports whether the Limiter has dropped the connection. The caller holds the
// Limiter's lock.
func (m *Reservation) isDropped() bool {
	select {
	case <-m.dropped:
		return true
	default:
		return false
	}
}

// admit serves the requests that wait, as far as the limit allows. The caller holds the
// lock.
func (c *Limiter) admit() {
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
			c.add(r.Reservation, r.more)
			close(r.in)
		}
	}
}

// first returns the request that comes first: that of the client with the least weight,
// and of several the oldest. It returns nil if none waits. The caller holds the lock.
func (c *Limiter) first() (first *request) {
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

// forget removes r from the requests that wait. The caller holds the lock.
func (c *Limiter) forget(r *request) {
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

// TryAcquire adds a connection of weight 1 without waiting. At the limit it drops the
// newest connection of the client with the greatest weight, if that client has more
// connections than the caller's would have; otherwise it returns nil. It is for
// connections that last. drop and release are as in Acquire.
func (c *Limiter) TryAcquire(from net.Addr, drop func()) (release func()) {
	m := c.Reserve(from, drop)
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
		c.evict(most.reservations[len(most.reservations)-1])
	}
	c.add(m, 1)
	return m.Release
}

// makeRoom drops connections until there is room for r, or returns after which time it
// can. It stops when it drops the connection of r itself. The caller holds the lock.
func (c *Limiter) makeRoom(r *request) (wait time.Duration) {
	now := time.Now()
	for !r.isDropped() && c.weight > r.weight && c.weight+r.more > c.max {
		oldest := c.greatest().reservations[0]
		if age := now.Sub(oldest.since); age < c.grace {
			return c.grace - age
		}
		c.evict(oldest)
	}
	return 0
}

// evict drops a connection. The caller holds the lock.
func (c *Limiter) evict(m *Reservation) {
	c.remove(m)
	close(m.dropped)
	m.drop()
}

// add adds weight to a reservation. The caller holds the lock.
func (c *Limiter) add(m *Reservation, weight int) {
	h := c.hosts[m.host]
	if h == nil {
		h = &host{}
		c.hosts[m.host] = h
	}
	if m.since.IsZero() {
		m.since = time.Now()
		h.reservations = append(h.reservations, m)
	}
	m.weight += weight
	h.weight += weight
	c.weight += weight
}

// greatest returns the client with the greatest weight, and of several the one with the
// oldest connection; nil if there is none. The caller holds the lock.
func (c *Limiter) greatest() (most *host) {
	for _, h := range c.hosts {
		if most == nil || h.weight > most.weight ||
			h.weight == most.weight && h.reservations[0].since.Before(most.reservations[0].since) {
			most = h
		}
	}
	return most
}

// remove removes a reservation, if it has weight. The caller holds the lock.
func (c *Limiter) remove(m *Reservation) {
	h := c.hosts[m.host]
	if h == nil {
		return
	}
	i := slices.Index(h.reservations, m)
	if i < 0 {
		return
	}
	h.reservations = slices.Delete(h.reservations, i, i+1)
	h.weight -= m.weight
	c.weight -= m.weight
	if len(h.reservations) == 0 {
		delete(c.hosts, m.host)
	}
}
