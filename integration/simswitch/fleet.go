package simswitch

import (
	"cmp"
	"context"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/sdnctl/sdnctl/openflow"
)

// FleetConfig has the settings of a Fleet.
type FleetConfig struct {
	// Controller is the address that the switches connect to, "host:port".
	Controller string
	// Names are the names of the switches, without duplicates.
	Names []string
	// Switch returns the settings of a switch, by its name and its index in Names. The Fleet
	// sets Shared and, with an underlay, Tunnelled.
	Switch func(name string, i int) Config
	// Underlay carries packets between the switches; nil for none.
	Underlay *Underlay
	// Dials is the greatest number of connections being established at a time; 0 for 64.
	Dials int
	// DialTimeout is the time limit of establishing a connection; 0 for 10 s.
	DialTimeout time.Duration
}

// Fleet is many switches in one process. Its methods may be called
// concurrently.
type Fleet struct {
	cfg      FleetConfig
	shared   *Shared
	switches map[string]*Switch
	dialing  chan struct{}
	// byAddress are the switches by their tunnel addresses, underlay the packets on their way to these.
	byAddress map[netip.Addr]*Switch
	underlay  chan onTheWay
}

// NewFleet creates a fleet with its switches, which are not connected yet.
func NewFleet(cfg FleetConfig) *Fleet {
	cfg.DialTimeout = cmp.Or(cfg.DialTimeout, 10*time.Second)
	f := &Fleet{
		cfg: cfg, shared: NewShared(), switches: make(map[string]*Switch, len(cfg.Names)),
		dialing: make(chan struct{}, cmp.Or(cfg.Dials, 64)), byAddress: map[netip.Addr]*Switch{},
	}
	if cfg.Underlay != nil {
		f.underlay = make(chan onTheWay, maxOnTheWay)
	}
	for i, name := range cfg.Names {
		c := cfg.Switch(name, i)
		c.Shared = f.shared
		if cfg.Underlay != nil {
			c.Tunnelled = f.tunnelled
		}
		s := New(c)
		f.switches[name] = s
		if cfg.Underlay != nil {
			f.byAddress[cfg.Underlay.Address(name, i)] = s
		}
	}
	return f
}

// Run keeps all switches connected until ctx ends.
func (f *Fleet) Run(ctx context.Context) {
	var running sync.WaitGroup
	for _, name := range f.cfg.Names {
		s := f.switches[name]
		running.Go(func() { s.Run(ctx, f.dial) })
	}
	if f.cfg.Underlay != nil {
		running.Go(func() { f.carry(ctx) })
	}
	running.Wait()
}

// dial connects to the controller.
func (f *Fleet) dial(ctx context.Context) (net.Conn, error) {
	select {
	case f.dialing <- struct{}{}:
		defer func() { <-f.dialing }()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	d := net.Dialer{Timeout: f.cfg.DialTimeout}
	return d.DialContext(ctx, "tcp", f.cfg.Controller)
}

// Names returns the names of the switches. The caller must not modify the slice.
func (f *Fleet) Names() []string { return f.cfg.Names }

// Switch returns a switch by its name, nil if there is none.
func (f *Fleet) Switch(name string) *Switch { return f.switches[name] }

// FleetStatus has sums over all switches of a fleet.
type FleetStatus struct {
	Switches  int
	Connected int
	Flows     int // in all tables of all switches
	// DistinctFlows is the number of different flows.
	DistinctFlows int
	Stats         Stats
}

// Status returns the sums over all switches.
func (f *Fleet) Status() FleetStatus {
	t := FleetStatus{Switches: len(f.switches), DistinctFlows: f.shared.Flows()}
	for _, s := range f.switches {
		st := s.Stats()
		t.Stats.Handshakes += st.Handshakes
		t.Stats.Messages += st.Messages
		t.Stats.FlowMods += st.FlowMods
		t.Stats.GroupMods += st.GroupMods
		t.Stats.MeterMods += st.MeterMods
		t.Stats.Bundles += st.Bundles
		t.Stats.Refused += st.Refused
		t.Stats.Aborts += st.Aborts
		t.Flows += s.NumFlows()
		if s.Connected() {
			t.Connected++
		}
	}
	return t
}

// Missing returns the cookies in want that no flow of the switch has, and the cookies of flows
// that are not in want, both ascending.
func (s *Switch) Missing(want []openflow.Cookie) (missing, extra []openflow.Cookie) {
	want = slices.Clone(want)
	slices.Sort(want)
	have := s.Cookies()
	for len(want) > 0 || len(have) > 0 {
		switch {
		case len(have) == 0 || len(want) > 0 && want[0] < have[0]:
			missing, want = append(missing, want[0]), want[1:]
		case len(want) == 0 || have[0] < want[0]:
			extra, have = append(extra, have[0]), have[1:]
		default:
			want, have = want[1:], have[1:]
		}
	}
	return missing, extra
}
