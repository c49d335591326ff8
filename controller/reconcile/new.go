package reconcile

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"time"

	"github.com/sdnctl/sdnctl/controller/binding"
	"github.com/sdnctl/sdnctl/controller/connlimit"
	"github.com/sdnctl/sdnctl/controller/drops"
	"github.com/sdnctl/sdnctl/controller/facts"
	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/controller/status"
	"github.com/sdnctl/sdnctl/controller/warn"
	"github.com/sdnctl/sdnctl/controller/worker"
	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/store"
	"golang.org/x/sync/errgroup"
)

// handshakeGrace is the time that every connection has for its handshake, however many others
// there are. Open vSwitch may need up to half a second, and usually gets it.
const handshakeGrace = 250 * time.Millisecond

// New returns a Fabric for a store. It must be called before the store's first commit. It loads
// where ports were last seen, so that a restart changes nothing on switches.
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
	cfg.Session.Fragments = openflow.FragNXMatch // the pipeline depends on it
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
	healths, err := st.Healths()
	if err != nil {
		return nil, fmt.Errorf("load which backends were healthy: %w", err)
	}
	leavings, err := st.Leavings()
	if err != nil {
		return nil, fmt.Errorf("load which backends leave their services: %w", err)
	}
	joins, err := st.Joins()
	if err != nil {
		return nil, fmt.Errorf("load which ports have joined groups: %w", err)
	}
	topo := st.OnCommit(func(c store.Commit) { f.post(committed{c}) })
	f.d = newDispatcher(f, topo, saved, locals, healths, leavings, joins)
	return f, nil
}

func newDispatcher(f *Fabric, topo *topology.Snapshot, saved []store.Binding, locals []store.Local, healths []store.Health, leavings []store.Leaving, joins []store.Join) *dispatcher {
	d := &dispatcher{
		f: f, view: pipeline.NewView(topo),
		nodes: map[string]*node{}, peers: map[topology.DatapathID][]*peer{},
		reported: map[topology.DatapathID][]binding.Interface{}, dstPorts: map[string]int{},
		fallen: newFallenLinks(), ovsdbConns: map[topology.DatapathID]ovsdbConn{}, readdress: map[string]bool{},
		bind: binding.NewTable(f.cfg.Bridge, pipeline.TunnelPort, pipeline.UplinkPort, pipeline.HostPort), byID: byID{pinned: map[string]int{}},
	}
	var places []pipeline.PlaceChange
	for _, s := range saved {
		places = append(places, placeChanges(d.bind.Remember(topo, s.Port, binding.Place{Node: s.Node, Interface: s.Interface, OFPort: s.OFPort}).Changes)...)
	}
	u := remembered(topo, locals)
	u.Places, u.Links, u.Health, u.Leaving, u.Joins = places, rememberedLinks(saved), rememberedHealth(topo, healths), rememberedLeaving(leavings), rememberedJoins(joins)
	d.view = d.view.Next(u)
	d.forgetJoins(joins)
	d.awaitDrained()
	f.view.Store(d.view)
	awaitsOVSDB := nodesAwaitingOVSDB(topo, saved)
	for n := range topo.Nodes() {
		if m := d.declare(n); awaitsOVSDB(n.Name) {
			m.queue.Guard()
		}
		d.assessSource(n.Name)
	}
	for p := range topo.Ports() {
		d.byID.count(p, +1)
		d.assessPort(p.Name)
	}
	for n := range topo.Networks() {
		if d.view.MixedTunnels(n.Name) {
			d.assessNetwork(n.Name)
		}
	}
	for r := range topo.Routers() {
		if len(r.Spec.Routes) > 0 {
			d.assessRouter(r.Name)
		}
	}
	d.otherWays()
	for o := range topo.Services() {
		d.assessService(o.Name)
	}
	for o := range topo.FloatingIPs() {
		d.assessFloatingIP(o.Name)
	}
	for o := range topo.EgressIPs() {
		d.assessEgressIP(o.Name)
	}
	d.needOVSDB(maps.Keys(d.nodes))
	f.board.Reached(topo.Revision())
	return d
}

// Run does the work until ctx ends. Serve and the store's commits make progress only while Run
// runs.
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

func (d *dispatcher) run(ctx context.Context) error {
	for {
		select {
		case e := <-d.f.inbox:
			e.happen(d)
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}
