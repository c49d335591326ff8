package simswitch

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"hash/fnv"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/sdnctl/sdnctl/openflow"
)

var be = binary.BigEndian

// Config has the settings of a Switch.
type Config struct {
	// DatapathID is the datapath id that the switch presents.
	DatapathID openflow.DatapathID
	// Ports are its ports at the start.
	Ports []openflow.Port
	// Desc is its description; the zero Desc is that of Open vSwitch 3.1.
	Desc openflow.Desc
	// TableLimit is the greatest number of flows in each table; 0 for any number.
	TableLimit int
	// Probe is the idle time after which the switch sends an echo request, and again the
	// time after which it closes the connection if nothing follows; 0 for never.
	Probe time.Duration
	// Backoff is the longest pause of Run between connections. The pause doubles from an
	// eighth of it, as Open vSwitch's does up to max_backoff. 0 for 1 s.
	Backoff time.Duration
	// Shared is the memory that the switch shares with others; nil for none.
	Shared *Shared
	// PacketOut is called with the packet of each PACKET_OUT that is accepted, unless it is nil. It
	// must be quick, must not call methods of the switch, and must not keep the packet.
	PacketOut func(packet []byte)
	// Tunnelled is called with the packet of each PACKET_OUT that is accepted and whose actions set the address to which
	// a tunnel sends it, under the same conditions; nil for none.
	Tunnelled func(to netip.Addr, packet []byte)

	buffers *largeBuffers
}

// Shared is memory that the switches of one process share. It is safe for concurrent use.
type Shared struct {
	flows   *Pool
	buffers largeBuffers
}

// NewShared returns an empty Shared.
func NewShared() *Shared { return &Shared{flows: NewPool()} }

// Flows returns the number of different flows of the switches.
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

// Stats are the counters of a switch since it was created.
type Stats struct {
	Handshakes uint64 // connections that agreed on OpenFlow 1.3
	Messages   uint64 // received
	FlowMods   uint64 // received and valid, in bundles and outside
	GroupMods  uint64 // likewise
	MeterMods  uint64 // likewise
	Bundles    uint64 // committed
	Refused    uint64 // messages answered with an error
	Aborts     uint64 // restarts because Open vSwitch 3.1 would have aborted
}

// OpenVSwitch returns the description of a version of Open vSwitch.
func OpenVSwitch(version string) openflow.Desc {
	return openflow.Desc{Manufacturer: "Nicira, Inc.", Hardware: "Open vSwitch",
		Software: version, SerialNumber: "None", Datapath: "None"}
}

// New creates a switch that is not connected yet.
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

// age returns the time of the switch's clock: ns since it was created.
func (s *Switch) age() int64 { return int64(time.Since(s.start)) }

// Serve handles an established connection to a controller until the connection or ctx ends,
// and closes it. The error is the reason of the end; it is never nil.
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
	c.running.Wait() // the connection is closed, so that writing fails
	return err
}

// Run keeps the switch connected until ctx ends: it dials, serves the connection, and dials
// again after a pause that grows while connections fail.
func (s *Switch) Run(ctx context.Context, dial func(context.Context) (net.Conn, error)) {
	wait := s.cfg.Backoff / 8
	for ctx.Err() == nil {
		if nc, err := dial(ctx); err == nil {
			before := s.Stats().Handshakes
			_ = s.Serve(ctx, nc) // the reason of the end does not matter here
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

// errReset is the error of connections of a switch that restarts.
var errReset = errors.New("the switch was restarted")

// Disconnect closes the connections; Run establishes new ones.
func (s *Switch) Disconnect() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dropAll(errDropped)
}

// Reset restarts the switch: it closes the connections and removes the flows, groups, meters
// and roles. Ports stay.
func (s *Switch) Reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.restart()
}

// restart does what Reset does. The caller holds the lock.
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

// Connected reports whether the switch has a connection on which OpenFlow 1.3 was negotiated.
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

// NumFlows returns the number of flows of the switch.
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

// Flows returns all flows, by table, descending priority and cookie. The caller must not modify
// their matches and instructions.
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

// Hash returns a number that is the same for switches whose flows have the same cookies and
// that have the same groups and meters. It does not depend on their order.
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

// HashCookies returns the result of Hash for a switch with these cookies and without groups
// and meters.
func HashCookies(cookies []openflow.Cookie) uint64 {
	h := uint64(len(cookies))
	for _, c := range cookies {
		h += mix(uint64(c))
	}
	return h
}

// mix spreads the bits of a cookie over all 64 bits (the finisher of splitmix64).
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
