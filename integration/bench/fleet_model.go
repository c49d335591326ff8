package bench

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"

	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/integration/lab"
)

// Sections of the lines about fleets.
const (
	sectionModel = "Fleets of simulated switches: from the daemon's start until all are in sync"
	sectionPort  = "One port added, until all nodes that must know have confirmed (simulated switches)"
)

// fleets returns the benches with simulated switches.
func fleets() []Bench {
	port := func(nodes int) Bench {
		return Bench{Name: fmt.Sprintf("fleet/port-%d", nodes), Section: sectionPort, Limit: 4 * time.Minute,
			Run: func(ctx context.Context, e *Env, r *Report) error {
				return fleetPorts(ctx, e, r, e.Pick(nodes, min(nodes, 50)))
			}}
	}
	model := func(name string, nodes, ports int, goals modelGoals, objects func(*fleet, int) []api.Object) Bench {
		return Bench{Name: "fleet/" + name, Section: sectionModel, Limit: 4 * time.Minute,
			Run: func(ctx context.Context, e *Env, r *Report) error {
				m := modelBench{name: name, nodes: e.Pick(nodes, nodes/20), ports: ports, goals: goals, objects: objects}
				return m.run(ctx, e, r)
			}}
	}
	return []Bench{
		port(10), port(100), port(1000),
		model("1000x10", 1000, 10, modelGoals{flows: 1100, cold: 10, warm: 5, rss: 400}, (*fleet).segmented),
		model("1000x100", 1000, 100, modelGoals{}, (*fleet).segmented),
		model("stretched-100x100", 100, 100, modelGoals{}, (*fleet).stretched),
		model("3000x10", 3000, 10, modelGoals{}, (*fleet).segmented),
		{Name: "fleet/restart", Section: sectionModel, Run: fleetRestart},
		{Name: "fleet/apply-100k", Section: sectionModel, Run: fleetApply},
	}
}

// modelGoals are in flows, seconds and MB; 0 is no goal.
type modelGoals struct{ flows, cold, warm, rss float64 }

func goal(limit float64) Goal {
	if limit == 0 {
		return Goal{}
	}
	return AtMost(limit)
}

// modelBench is a topology for a whole fleet.
type modelBench struct {
	name         string
	nodes, ports int
	goals        modelGoals
	objects      func(f *fleet, ports int) []api.Object
}

// run measures a start with empty switches, and one with switches that have all flows.
func (m *modelBench) run(ctx context.Context, e *Env, r *Report) (err error) {
	f, err := newFleet(e, m.nodes, m.ports)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.close()) }()
	if err := f.load(ctx, m.objects(f, m.ports)); err != nil {
		return fmt.Errorf("load the topology: %w", err)
	}
	if err := f.startSim(); err != nil {
		return err
	}
	what := fmt.Sprintf("%d nodes × %d ports", m.nodes, m.ports)
	cold, err := m.start(ctx, f)
	if err != nil {
		return fmt.Errorf("cold: %w", err)
	}
	nodes, err := f.api.Nodes(ctx, api.ListOptions{})
	if err != nil {
		return err
	}
	least, most := nodes.Items[0].Status.Flows, 0
	for _, n := range nodes.Items {
		least, most = min(least, n.Status.Flows), max(most, n.Status.Flows)
	}
	r.Add(Line{Name: what + ": flows on a node", Ours: Value(float64(most)).With("least %d", least), Goal: goal(m.goals.flows)})
	r.Add(Line{Name: what + ": start with empty switches", Unit: "s", Ours: cold.took(), Goal: goal(m.goals.cold)})
	if err := f.sdnd.stop(syscall.SIGTERM); err != nil {
		return err
	}
	warm, err := m.start(ctx, f)
	if err != nil {
		return fmt.Errorf("warm: %w", err)
	}
	r.Add(Line{Name: what + ": start with nothing to do", Unit: "s", Ours: warm.took(), Goal: goal(m.goals.warm)})
	r.Add(Line{Name: what + ": memory of sdnd", Unit: "MB", Goal: goal(m.goals.rss),
		Ours: Value(cold.peak).With("peak of the start with empty switches; of the other %.0f; then %.0f and %.0f", warm.peak, cold.rss, warm.rss)})
	return nil
}

// began is the cost of a start of the daemon.
type began struct {
	seconds, cpu, rss, peak float64
}

func (b began) took() Figure { return Value(b.seconds).With("%.1f s of CPU of sdnd", b.cpu) }

// start starts the daemon and waits until all nodes are in sync.
func (m *modelBench) start(ctx context.Context, f *fleet) (b began, err error) {
	started, err := f.startDaemon()
	if err != nil {
		return b, err
	}
	took, err := f.awaitSync(ctx, started, nil)
	if err != nil {
		return b, err
	}
	b.seconds, b.cpu = took.Seconds(), f.sdnd.cpu()
	b.rss, b.peak = f.sdnd.memory()
	return b, nil
}

// fleetApply applies 100,000 ports of one stretched network at once without switches, and then
// 10,000 with switches.
func fleetApply(ctx context.Context, e *Env, r *Report) error {
	if err := applyAlone(ctx, e, r); err != nil {
		return err
	}
	return applyLive(ctx, e, r)
}

// applyLive measures an apply until all switches have confirmed it.
func applyLive(ctx context.Context, e *Env, r *Report) (err error) {
	f, err := newFleet(e, 100, e.Pick(101, 3))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.close()) }()
	if err := f.load(ctx, f.stretched(1)); err != nil {
		return err
	}
	if err := f.startSim(); err != nil {
		return err
	}
	started, err := f.startDaemon()
	if err != nil {
		return err
	}
	if _, err := f.awaitSync(ctx, started, nil); err != nil {
		return err
	}
	var objects []api.Object
	for i := range f.nodes {
		for p := 2; p <= f.ports; p++ {
			objects = append(objects, portObject("lan", i+1, p))
		}
	}
	before := f.sdnd.cpu()
	began := time.Now()
	rev, err := f.declare(ctx, objects)
	if err != nil {
		return err
	}
	if err := f.api.Wait(ctx, rev, nil); err != nil {
		return err
	}
	took := time.Since(began)
	_, peak := f.sdnd.memory()
	r.Add(Line{Name: fmt.Sprintf("apply of %d ports to %d nodes of a stretched network, until all have confirmed", len(objects), f.nodes), Unit: "s",
		Ours: Value(took.Seconds()).With("%d flow-mods, %.1f s of CPU and %.0f MB at most of sdnd", 2*len(objects)*(f.nodes+1), f.sdnd.cpu()-before, peak)})
	return nil
}

// applyAlone measures an apply without switches: the transaction, and the time until its work is
// in the nodes' queues.
func applyAlone(ctx context.Context, e *Env, r *Report) (err error) {
	f, err := newFleet(e, 100, 0)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.close()) }()
	if _, err := f.startDaemon(); err != nil {
		return err
	}
	if err := f.ready(ctx); err != nil {
		return err
	}
	ports := e.Pick(1000, 10)
	objects := f.stretched(ports)
	started := time.Now()
	rev, err := f.declare(ctx, objects)
	if err != nil {
		return err
	}
	took := time.Since(started)
	err = lab.PollFor(ctx, time.Minute, "sdnd to know what each node needs", func(ctx context.Context) error {
		a, err := f.api.Acks(ctx, rev, 0)
		if err == nil && len(a.Pending) != f.nodes {
			err = fmt.Errorf("%d nodes pending, want %d", len(a.Pending), f.nodes)
		}
		return err
	})
	if err != nil {
		return err
	}
	all := time.Since(started)
	_, peak := f.sdnd.memory()
	r.Add(Line{Name: fmt.Sprintf("apply of %d ports over %d nodes of a stretched network", ports*f.nodes, f.nodes), Unit: "s",
		Ours: Value(took.Seconds()).With("all nodes' work handed out after %.2f; %.1f s of CPU and %.0f MB at most of sdnd", all.Seconds(), f.sdnd.cpu(), peak)})
	return nil
}
