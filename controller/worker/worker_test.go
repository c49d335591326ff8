package worker_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/controller/worker"
	"github.com/sdnctl/sdnctl/controller/workqueue"
	"github.com/sdnctl/sdnctl/integration/simswitch"
	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/openflow/session"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// bench is one worker with one simulated switch at the other end of a pipe, in a bubble of
// testing/synctest. There is no fleet.
type bench struct {
	*testing.T
	sim    *simswitch.Switch
	queue  *workqueue.Queue
	pool   *worker.Pool
	worker *worker.Worker
	sess   *session.Session
	view   *pipeline.View
	ctx    context.Context

	mu       sync.Mutex
	reported []string
}

func (b *bench) report(format string, args ...any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.reported = append(b.reported, fmt.Sprintf(format, args...))
}

func (b *bench) Confirmed(node string, items pipeline.Counts) {
	b.report("%s confirmed %d flows", node, items.Flows())
}
func (b *bench) Failed(node string, _ error) { b.report("%s failed", node) }
func (b *bench) Drifted(node string, all []worker.Drift) {
	for _, d := range all {
		b.report("%s: flow %s in %s, detected by %s", node, d.What, d.Table, d.By)
	}
}
func (b *bench) Dropped(node string, d worker.Dropped) {
	b.report("%s dropped %d", node, len(d.Packets))
}
func (b *bench) Fragments(node, found string) { b.report("%s treats fragments %q", node, found) }

// play gives a worker a view with one port on its node, calls run, and returns the error
// that ended the worker.
func play(t *testing.T, run func(b *bench)) (err error) {
	return playReading(t, 1000*time.Hour, run)
}

// playReading is play with a worker that reads counters of drops at an interval.
func playReading(t *testing.T, every time.Duration, run func(b *bench)) (err error) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		b := &bench{T: t, ctx: ctx, queue: workqueue.New(), view: pipeline.NewView(topology.NewSnapshot())}
		b.sim = simswitch.New(simswitch.Config{Desc: openflow.Desc{Software: "3.3.0"}, Ports: []openflow.Port{{No: 1, Name: pipeline.TunnelPort}}})
		b.next(
			put(topology.KindNode, "here", topology.NodeSpec{TunnelIP: netip.MustParseAddr("192.0.2.1")}),
			put(topology.KindNode, "there", topology.NodeSpec{TunnelIP: netip.MustParseAddr("192.0.2.2")}),
			put(topology.KindNetwork, "net", topology.NetworkSpec{VNI: 7, Mode: topology.Stretched,
				Subnets: []topology.Subnet{{Prefix: netip.MustParsePrefix("10.0.0.0/16")}}}),
			port("web", "here"),
		)
		b.view = b.view.Next(pipeline.Update{
			Places:  []pipeline.PlaceChange{{Port: "web", After: pipeline.Place{Node: "here", Interface: "eth0", OFPort: 5}}},
			Tunnels: []pipeline.TunnelChange{{Node: "here", After: 1}},
		})
		b.pool = worker.NewPool(worker.Config{
			Logger: slog.New(slog.DiscardHandler), Fragments: openflow.FragNXMatch, AnswerTimeout: time.Minute,
			RetryAfter: time.Second, AuditEvery: 1000 * time.Hour, DropsEvery: every, Now: time.Now,
		}, nil)
		sess, running := b.session(ctx)
		b.sess, b.worker = sess, b.pool.New(sess, b)
		running.Go(func() { err = b.worker.Run(ctx) })
		run(b)
		cancel()
		running.Wait()
	})
	return err
}

// session connects to the switch.
func (b *bench) session(ctx context.Context) (*session.Session, *sync.WaitGroup) {
	ours, theirs := net.Pipe()
	var running sync.WaitGroup
	running.Go(func() { _ = b.sim.Serve(ctx, theirs) })
	sess, err := session.Handshake(ctx, ours, session.Config{Fragments: openflow.FragNXMatch})
	if err != nil {
		b.Fatal(err)
	}
	running.Go(func() { _ = sess.Run(ctx) })
	running.Go(func() {
		for range sess.Events() {
		}
	})
	return sess, &running
}

func put(kind topology.Kind, name string, spec topology.Spec) topology.Op {
	return topology.Op{Verb: topology.Put, Ref: topology.Ref{Kind: kind, Name: name}, Spec: spec}
}

func port(name, node string) topology.Op {
	return put(topology.KindPort, name, topology.PortSpec{Network: "net", Node: node})
}

// next makes the next view, and returns the one before and the units that may have changed.
func (b *bench) next(ops ...topology.Op) (before *pipeline.View, units []pipeline.Unit) {
	b.Helper()
	before = b.view
	r, err := topology.Plan(before.Topo, ops, time.Time{})
	if err != nil {
		b.Fatal(err)
	}
	u := pipeline.Update{Topo: r.Next, Changes: r.Changes, Blocks: r.Blocks, Identities: r.Identities, Numberings: r.Numberings, Identified: r.Identified}
	b.view = before.Next(u)
	pipeline.Affected(before, b.view, u, func(node string, unit pipeline.Unit) {
		if node == "here" {
			units = append(units, unit)
		}
	})
	return before, units
}

// change makes the next view and puts it into the queue.
func (b *bench) change(ops ...topology.Op) {
	b.Helper()
	before, units := b.next(ops...)
	b.queue.Post(before, b.view, units)
}

// expect waits until the worker and the switch are idle, and compares what was reported
// since the last call; then the switch must have exactly the flows of the view.
func (b *bench) expect(want ...string) {
	b.Helper()
	synctest.Wait()
	b.mu.Lock()
	defer b.mu.Unlock()
	if !slices.Equal(b.reported, want) {
		b.Errorf("reported %q, want %q", b.reported, want)
	}
	b.reported = nil
}

// inOrder fails unless the switch has exactly the flows of the view.
func (b *bench) inOrder() {
	b.Helper()
	var c pipeline.Compiler
	var set pipeline.ItemSet
	c.CompileNode(&set, b.view, "here")
	set.AddStamp("here", set.Digest())
	var want []openflow.Cookie
	for _, i := range set.Items() {
		if i.Kind() == pipeline.ItemFlow {
			want = append(want, i.Cookie())
		}
	}
	if missing, extra := b.sim.Missing(want); len(missing)+len(extra) > 0 {
		b.Errorf("%d flows are missing, %d are too many", len(missing), len(extra))
	}
}

// TestWorker: one worker makes its switch what the queue asks for, reports what the switch has
// confirmed, undoes what others do, tries again after a refusal, and empties a switch that is
// no longer the node's. It needs only a session and a queue.
func TestWorker(t *testing.T) {
	err := play(t, func(b *bench) {
		b.queue.Compare(b.view)
		b.expect() // the switch is not assigned to a node yet
		b.worker.Assign("here", b.queue)
		b.expect("here confirmed 23 flows")
		b.inOrder()

		b.change(port("db", "there"))
		b.expect("here confirmed 28 flows")
		b.inOrder()

		// Others add a flow.
		ctx, cancel := context.WithCancel(b.ctx)
		other, running := b.session(ctx)
		if err := other.Send(ctx, openflow.NewFlowMod(openflow.FlowAdd, openflow.Flow{Table: 40, Priority: 7})); err != nil {
			b.Fatal(err)
		}
		b.expect("here: flow added in bridge, detected by monitor")
		b.inOrder()
		cancel()
		running.Wait()
		if a := b.worker.Audit(b.ctx); a.Verdict != worker.Equal {
			b.Errorf("the audit says %+v", a)
		}

		b.sim.SetFaults(simswitch.Faults{RefuseFlows: true})
		b.change(port("cache", "there"))
		b.expect("here failed")
		b.sim.SetFaults(simswitch.Faults{})
		time.Sleep(2 * time.Second)
		b.expect("here confirmed 30 flows")
		b.inOrder()

		b.queue.Wipe(b.view)
		synctest.Wait()
		if n := b.sim.NumFlows(); n != 0 {
			b.Errorf("%d flows are left", n)
		}
		if a := b.worker.Audit(b.ctx); a.Verdict != worker.Unknown {
			b.Errorf("after its end the audit says %+v", a)
		}
	})
	if !errors.Is(err, worker.ErrReleased) {
		t.Errorf("the worker ended with %v", err)
	}
}

// TestGuardedWorker: while the queue is guarded, the worker adds what is missing and removes
// nothing.
func TestGuardedWorker(t *testing.T) {
	_ = play(t, func(b *bench) {
		b.queue.Compare(b.view)
		b.worker.Assign("here", b.queue)
		b.expect("here confirmed 23 flows")
		b.change(port("db", "there"))
		b.expect("here confirmed 28 flows")
		b.queue.Guard()
		before, _ := b.next(topology.Op{Verb: topology.Delete, Ref: topology.Ref{Kind: topology.KindPort, Name: "db"}})
		b.queue.Compare(b.view)
		b.expect()
		with := b.view
		b.view = before
		b.inOrder()
		b.view = with
		b.queue.Unguard()
		b.expect("here confirmed 23 flows")
		b.inOrder()
	})
}

// TestLearnedIsNotWatched: others' flows are reported in every table, until the switch may learn flows.
// From then on those in the tables of learned flows are found by audits only, because Open vSwitch would
// report each learned flow.
func TestLearnedIsNotWatched(t *testing.T) {
	_ = play(t, func(b *bench) {
		b.queue.Compare(b.view)
		b.worker.Assign("here", b.queue)
		b.expect("here confirmed 23 flows")
		other, _ := b.session(b.ctx)
		foreign := func(table openflow.TableID) {
			if err := other.Send(b.ctx, openflow.NewFlowMod(openflow.FlowAdd, openflow.Flow{Table: table, Priority: 7})); err != nil {
				b.Fatal(err)
			}
		}
		foreign(pipeline.TableAffinity)
		b.expect("here: flow added in affinity, detected by monitor")

		b.change(put(topology.KindRouter, "r", topology.RouterSpec{Networks: []string{"net"}}), put(model.KindService, "shop", model.ServiceSpec{
			Addresses: []netip.Addr{netip.MustParseAddr("10.96.0.10")}, Networks: []string{"net"},
			Ports: []model.ServicePort{{Port: 80}},
		}))
		synctest.Wait()
		b.reported = nil
		foreign(pipeline.TableAffinity)
		b.expect()
		foreign(pipeline.TableBridge)
		b.expect("here: flow added in bridge, detected by monitor")
		if a := b.worker.Audit(b.ctx); a.Verdict == worker.Equal {
			b.Errorf("the audit says %+v", a)
		}
		b.expect("here: flow added in affinity, detected by audit")
		b.inOrder()
	})
}
