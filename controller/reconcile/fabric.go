package reconcile

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"github.com/sdnctl/sdnctl/controller/connlimit"
	"github.com/sdnctl/sdnctl/controller/drops"
	"github.com/sdnctl/sdnctl/controller/facts"
	"github.com/sdnctl/sdnctl/controller/forecast"
	"github.com/sdnctl/sdnctl/controller/ovsdb"
	"github.com/sdnctl/sdnctl/controller/packetin"
	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/controller/status"
	"github.com/sdnctl/sdnctl/controller/warn"
	"github.com/sdnctl/sdnctl/controller/worker"
	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/openflow/session"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/store"
)

// Store is what the Fabric needs of the store.
type Store interface {
	OnCommit(func(store.Commit)) *topology.Snapshot
	store.Observations
}

// Config is what a Fabric is made of. The zero Config is usable.
type Config struct {
	// Logger receives changes of state; nil discards them.
	Logger *slog.Logger
	// Bridge is the name of the bridge on every node; "" means br-int.
	Bridge string
	// Registerer receives the metrics; nil keeps none.
	Registerer prometheus.Registerer
	// Session is for every switch's session.
	Session session.Config
	// Identify has a connection prove which node it may speak for, before
	// anything else; one that cannot is refused. One that need not proves
	// nothing: the zero Proof. That, and nil for Identify, let a connection be
	// the switch that it says it is.
	Identify func(context.Context, net.Conn) (Proof, error)
	// MaxHandshakes bounds the connections that have not finished the handshake. When there
	// are more, those of the address with the most are closed, oldest first, but none
	// younger than 250 ms: then new ones wait. 0 means 1024.
	MaxHandshakes int
	// MaxHandshakePorts bounds the ports that switches describe during the handshake, in
	// steps of 256 and without the first 255 of each switch; a port takes about 150 bytes.
	// When there are more, the same happens as with MaxHandshakes. 0 means 1,048,576.
	MaxHandshakePorts int
	// MaxUnassigned bounds the switches that are connected but no node's; each
	// 64 ports count as one more. When there are more, those of the address
	// with the most are closed, oldest first. 0 means 1024.
	MaxUnassigned int
	// AnswerTimeout is how long a switch may take to answer a request for flows, or to
	// confirm a bundle, plus 1 ms for each flow. Then the attempt has failed and is
	// repeated after RetryAfter. 0 means 1 min.
	AnswerTimeout time.Duration
	// RetryAfter is the pause before sdnd tries again after a switch refused its flows;
	// each further failure doubles it, up to 30 times RetryAfter. 0 means 1 s.
	RetryAfter time.Duration
	// OVSDBGrace is how long, after a start and the first connection of a node whose
	// interfaces OVSDB reports, nothing is removed from its switch before OVSDB has
	// reported: the place of a port may not have been saved. 0 means 5 s.
	OVSDBGrace time.Duration
	// ReturnGrace is how long a node that is away keeps what others claim: after a start,
	// a port that is also claimed on another node; at any time, its datapath id, against a
	// switch at another address. 0 means 15 s.
	ReturnGrace time.Duration
	// AuditEvery is the approximate interval at which a switch that cannot report changes
	// by others (Open vSwitch before 3.0) is compared as a whole. Other switches are
	// compared a tenth as often. 0 means 30 s.
	AuditEvery time.Duration
	// OwnRows returns the rows of sdnd's own that a node's database should have, for nodes
	// that joined; rows that it no longer returns are deleted. It must be pure and quick.
	// nil leaves own rows as they are.
	OwnRows func(node string) []ovsdb.OwnRow
	// Extra adds items to those of the pipeline; nil adds none.
	Extra pipeline.Extra
	// NoMonitor does not ask switches to report changes by others; only audits find them.
	NoMonitor bool
	// DropsEvery is the interval at which the counters of drops are read. 0 means 5 s.
	DropsEvery time.Duration
	// ReviewEvery is the interval at which conditions that depend on the time are
	// evaluated; see review.go. 0 means 5 s.
	ReviewEvery time.Duration
	// PacketIns answers the packets that flows of nodes send to the controller; nil counts
	// them as unexpected. Run runs it.
	PacketIns *packetin.Queues
	// Now is the clock for what people see; nil means time.Now.
	Now func() time.Time
}

// Fabric keeps all switches as the store wants them.
type Fabric struct {
	cfg     Config
	log     *slog.Logger
	store   Store
	metrics *metrics
	board   *status.Board
	saver   *saver
	drifts  drifts
	facts   *facts.Table
	drops   *drops.Table
	// planner computes what planned changes would do.
	planner forecast.Planner
	// identities says which switches present which datapath id.
	identities identities
	// inbox takes the dispatcher's events; gone is closed when the dispatcher has ended.
	inbox chan event
	gone  chan struct{}
	late  sync.WaitGroup // events that wait for a place in the inbox
	// handshakes bounds the connections that have not finished the handshake,
	// handshakePorts the ports that they have described, unassigned the switches that
	// are no node.
	handshakes, handshakePorts, unassigned *connlimit.Limiter
	// warnings logs what is wrong with those who connect.
	warnings *warn.Limiter
	// view is the newest; the dispatcher writes it.
	view atomic.Pointer[pipeline.View]
	d    *dispatcher
	// connected are the switches of nodes.
	connected connected
	// workers work on the switches.
	workers *worker.Pool
}

// handshakeGrace is how long a connection may take for its handshake however many others
// there are. This is only the guaranteed time: Open vSwitch may need half a second.
const handshakeGrace = 250 * time.Millisecond

// New returns a Fabric for a store; it must be called before the store's first commit. It
// loads where ports were last seen, so that a restart changes nothing on switches.
func New(cfg Config, st Store) (*Fabric, error) {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	cfg.Bridge = cmp.Or(cfg.Bridge, "br-int")
	cfg.MaxHandshakes = cmp.Or(cfg.MaxHandshakes, 1024)
	cfg.MaxHandshakePorts = cmp.Or(cfg.MaxHandshakePorts, 1<<20)
	cfg.MaxUnassigned = cmp.Or(cfg.MaxUnassigned, 1024)
	cfg.AnswerTimeout = cmp.Or(cfg.AnswerTimeout, time.Minute)
	cfg.AuditEvery = cmp.Or(cfg.AuditEvery, 30*time.Second)
	cfg.RetryAfter = cmp.Or(cfg.RetryAfter, time.Second)
	cfg.ReturnGrace = cmp.Or(cfg.ReturnGrace, 15*time.Second)
	cfg.OVSDBGrace = cmp.Or(cfg.OVSDBGrace, 5*time.Second)
	cfg.DropsEvery = cmp.Or(cfg.DropsEvery, 5*time.Second)
	cfg.ReviewEvery = cmp.Or(cfg.ReviewEvery, 5*time.Second)
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	cfg.Session.Fragments = openflow.FragNXMatch // which the pipeline counts on
	cfg.Session.PacketInUserdata = cfg.PacketIns != nil
	f := &Fabric{
		cfg: cfg, log: cfg.Logger, store: st,
		handshakes:     connlimit.New(cfg.MaxHandshakes, handshakeGrace),
		handshakePorts: connlimit.New(cfg.MaxHandshakePorts/portsAdmitted, handshakeGrace), unassigned: connlimit.New(cfg.MaxUnassigned, 0),
		warnings: warn.New(cfg.Logger),
		board:    status.New(cfg.Now, cfg.Bridge, cfg.Identify != nil), saver: newSaver(cfg.Logger, st), facts: facts.New(), drops: drops.New(cfg.Now, cfg.Logger), identities: newIdentities(), connected: connected{byNode: map[string]*peer{}},
		inbox: make(chan event, 256), gone: make(chan struct{}),
	}
	f.workers = worker.NewPool(worker.Config{
		Logger: cfg.Logger, Extra: cfg.Extra, Fragments: cfg.Session.Fragments, NoMonitor: cfg.NoMonitor,
		AnswerTimeout: cfg.AnswerTimeout, RetryAfter: cfg.RetryAfter, AuditEvery: cfg.AuditEvery, DropsEvery: cfg.DropsEvery, Now: cfg.Now,
	}, cfg.Registerer)
	f.metrics = newMetrics(cfg.Registerer)
	if cfg.Registerer != nil {
		cfg.Registerer.MustRegister(f.board.Collectors()...)
	}
	saved, err := st.Bindings()
	if err != nil {
		return nil, fmt.Errorf("load where ports were last seen: %w", err)
	}
	locals, err := st.Locals()
	if err != nil {
		return nil, fmt.Errorf("load from which addresses nodes were last seen to send: %w", err)
	}
	topo := st.OnCommit(func(c store.Commit) { f.post(committed{c}) })
	f.d = newDispatcher(f, topo, saved, locals)
	return f, nil
}

// Run does the work until ctx ends. It must run for Serve, and for the store's
// commits, to make progress.
func (f *Fabric) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		defer close(f.gone)
		return f.d.run(ctx)
	})
	g.Go(func() error { return f.saver.run(ctx) })
	g.Go(func() error {
		if pause(ctx, f.cfg.ReturnGrace) {
			f.post(nodesReturned{})
		}
		return nil
	})
	g.Go(func() error { return f.reviews(ctx) })
	if q := f.cfg.PacketIns; q != nil {
		g.Go(func() error { return q.Run(ctx, f) })
	}
	err := g.Wait()
	f.late.Wait()
	if ctx.Err() == nil {
		return err
	}
	return nil
}

// post gives the dispatcher an event. It waits while the inbox is full, and drops the event
// if the dispatcher has ended.
func (f *Fabric) post(e event) {
	select {
	case f.inbox <- e:
	case <-f.gone:
	}
}

// postSoon gives the dispatcher an event without waiting; the dispatcher itself may call it.
func (f *Fabric) postSoon(e event) {
	select {
	case f.inbox <- e:
	default:
		f.late.Go(func() { f.post(e) })
	}
}

// secure reports whether nodes prove who they are.
func (f *Fabric) secure() bool { return f.cfg.Identify != nil }

// View returns the newest view.
func (f *Fabric) View() *pipeline.View { return f.view.Load() }

// Forecast returns what a planned change of a snapshot would do; see forecast.Planner.
func (f *Fabric) Forecast(before *topology.Snapshot, r topology.Result, flows bool) forecast.Effect {
	return f.planner.Effect(f.View, before, r, flows)
}
