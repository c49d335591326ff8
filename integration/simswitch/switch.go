package simswitch

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"hash/fnv"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/sdnctl/sdnctl/openflow"
)

var be = binary.BigEndian

// Config is what a Switch is made of.
type Config struct {
	// DatapathID is who the switch says it is.
	DatapathID openflow.DatapathID
	// Ports that it has at first.
	Ports []openflow.Port
	// Desc describes it; the zero Desc is Open vSwitch's own.
	Desc openflow.Desc
	// TableLimit is how many flows each table takes; 0 is any number.
	TableLimit int
	// Probe is how long a controller may be silent before it is asked for a sign
	// of life, and then again before it is given up; 0 never.
	Probe time.Duration
	// Backoff is how long Run waits between connections; it doubles from an
	// eighth of it up to it, as Open vSwitch's does up to max_backoff. 0 is 1 s.
	Backoff time.Duration
	// Shared is what switches of a process have in common; nil is nothing.
	Shared *Shared

	buffers *largeBuffers
}

// Shared is what the switches of one process share to need less memory. It is
// safe for concurrent use.
type Shared struct {
	flows   *Pool
	buffers largeBuffers
}

// NewShared returns what many switches may share.
func NewShared() *Shared { return &Shared{flows: NewPool()} }

// Flows returns how many different flows the switches have.
func (s *Shared) Flows() int { return s.flows.Len() }

// Switch is a simulated switch. Its methods may be called concurrently.
type Switch struct {
	cfg   Config
	start time.Time

	mu            sync.Mutex // guards what follows
	tables        *tables
	reader        reader
	ports         []port // by number
	conns         map[*conn]context.CancelCauseFunc
	faults        Faults
	faultsChanged chan struct{}
	elected       bool // election holds
	election      uint64
	stats         Stats
}

// Stats counts what a switch has done since it was made.
type Stats struct {
	Handshakes uint64 // connections that agreed on OpenFlow 1.3
	Messages   uint64 // received
	FlowMods   uint64 // received and in order, in bundles and outside
	GroupMods  uint64 // likewise
	MeterMods  uint64 // likewise
	Bundles    uint64 // committed
	Refused    uint64 // messages answered with an error
	Aborts     uint64 // restarts because Open vSwitch 3.1 would have aborted
}

// OpenVSwitch is how a version of Open vSwitch describes itself.
func OpenVSwitch(version string) openflow.Desc {
	return openflow.Desc{Manufacturer: "Nicira, Inc.", Hardware: "Open vSwitch",
		Software: version, SerialNumber: "None", Datapath: "None"}
}

// New makes a switch that is not connected yet.
func New(cfg Config) *Switch {
	if cfg.Desc == (openflow.Desc{}) {
		cfg.Desc = OpenVSwitch("3.1.3")
	}
	if cfg.Shared == nil {
		cfg.Shared = NewShared()
	}
	cfg.Backoff = cmp.Or(cfg.Backoff, time.Second)
	cfg.buffers = &cfg.Shared.buffers
	s := &Switch{
		cfg: cfg, start: time.Now(), tables: newTables(),
		reader: reader{pool: cfg.Shared.flows},
		conns:  make(map[*conn]context.CancelCauseFunc), faultsChanged: make(chan struct{}),
	}
	for _, p := range cfg.Ports {
		s.ports = append(s.ports, port{Port: p})
	}
	slices.SortFunc(s.ports, func(a, b port) int { return cmp.Compare(a.No, b.No) })
	return s
}

// age is the switch's clock: ns since it was made.
func (s *Switch) age() int64 { return int64(time.Since(s.start)) }

// Serve speaks with a controller over an established connection until that or
// ctx ends, and closes it. The error says why it ended; it is never nil.
func (s *Switch) Serve(ctx context.Context, nc net.Conn) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	c := newConn(ctx, s, nc)
	s.mu.Lock()
	s.conns[c] = cancel
	s.mu.Unlock()
	err := c.serve()
	s.mu.Lock()
	delete(s.conns, c)
	s.mu.Unlock()
	c.running.Wait() // nobody queues anything any more, and writing fails
	return err
}

// Run keeps the switch connected until ctx ends: it dials, serves, and dials
// again after a pause that grows while connections fail.
func (s *Switch) Run(ctx context.Context, dial func(context.Context) (net.Conn, error)) {
	wait := s.cfg.Backoff / 8
	for ctx.Err() == nil {
		if nc, err := dial(ctx); err == nil {
			before := s.Stats().Handshakes
			_ = s.Serve(ctx, nc) // says why it ended, which Connected shows
			if s.Stats().Handshakes > before {
				wait = s.cfg.Backoff / 8
			}
		}
		if pause(ctx, wait) != nil {
			return
		}
		wait = min(2*wait, s.cfg.Backoff)
	}
}

// errReset ends connections of a switch that restarts.
var errReset = errors.New("the switch was restarted")

// Disconnect closes the connections; Run makes new ones.
func (s *Switch) Disconnect() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dropAll(errDropped)
}

// Reset is a restart: the connections are closed, the flows, groups and meters gone
// and the roles forgotten; ports stay.
func (s *Switch) Reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.restart()
}

// restart is Reset for those who hold the lock.
func (s *Switch) restart() {
	s.tables.clear()
	s.elected, s.election = false, 0
	s.dropAll(errReset)
}

func (s *Switch) dropAll(why error) {
	for _, cancel := range s.conns {
		cancel(why)
	}
}

// Connected reports whether a controller has agreed on OpenFlow 1.3 on a
// connection that is still there.
func (s *Switch) Connected() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		if c.agreed {
			return true
		}
	}
	return false
}

// Stats returns the counters.
func (s *Switch) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stats
}

// NumFlows returns how many flows the switch has.
func (s *Switch) NumFlows() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.tables.n
}

// Cookies returns the cookies of all flows, ascending.
func (s *Switch) Cookies() []openflow.Cookie {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]openflow.Cookie, 0, s.tables.n)
	for _, e := range s.tables.all() {
		all = append(all, openflow.Cookie(e.cookie()))
	}
	slices.Sort(all)
	return all
}

// Flows returns all flows, by table, falling priority and cookie. Their matches
// and instructions must not be written to.
func (s *Switch) Flows() []openflow.Flow {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]openflow.Flow, 0, s.tables.n)
	for _, e := range s.tables.all() {
		all = append(all, e.value())
	}
	slices.SortFunc(all, func(a, b openflow.Flow) int {
		return cmp.Or(cmp.Compare(a.Table, b.Table), cmp.Compare(b.Priority, a.Priority), cmp.Compare(a.Cookie, b.Cookie))
	})
	return all
}

// Hash returns a number that is the same for switches that have flows with the
// same cookies and the same groups and meters, in whatever order they came.
func (s *Switch) Hash() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := uint64(s.tables.n)
	for _, e := range s.tables.all() {
		h += mix(e.cookie())
	}
	for id, g := range s.tables.groups {
		v := g.value(id)
		h += hashBytes(must(v.AppendDesc([]byte("group"))))
	}
	for id, m := range s.tables.meters {
		v := m.value(id)
		h += hashBytes(must(v.AppendConfig([]byte("meter"))))
	}
	return h
}

// hashBytes returns the same number for the same bytes in every process.
func hashBytes(b []byte) uint64 {
	h := fnv.New64a()
	h.Write(b)
	return h.Sum64()
}

// HashCookies is what Hash returns for a switch that has these cookies and neither
// groups nor meters.
func HashCookies(cookies []openflow.Cookie) uint64 {
	h := uint64(len(cookies))
	for _, c := range cookies {
		h += mix(uint64(c))
	}
	return h
}

// mix spreads a cookie's bits over all 64 (the finisher of splitmix64).
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
