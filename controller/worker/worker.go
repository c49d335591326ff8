package worker

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/controller/workqueue"
	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/openflow/session"
)

// Worker makes one switch what its node's queue asks for, job by job, and keeps it so. Make
// it with Pool.New and call Run.
type Worker struct {
	pool    *Pool
	sess    *session.Session
	reports Reports
	// assigned receives the node of the switch, once.
	assigned chan assignment
	// audits receives requests to compare the switch; ended is closed when Run has
	// returned.
	audits chan chan auditReply
	ended  chan struct{}

	assignment
	// stale says that the datapath may keep outdated cached flows.
	stale atomic.Bool
	// view is the View of the last job; nil while what the switch has is unknown.
	view *pipeline.View
	// If view is known: items is how many items the switch has, its stamp included,
	// digest that of all but the stamp and the invalidations, and stamped what the stamp says.
	items           pipeline.Counts
	digest, stamped pipeline.Digest
	// entries are the tables that have invalidations, if any have.
	entries []openflow.TableID
	// monitor reports changes of flows by others, and groups changes of groups and meters. Each
	// is nil if the switch cannot report that.
	monitor *session.FlowMonitor
	groups  <-chan struct{}
	// learns says that the monitor leaves out the tables in which the switch learns flows.
	learns bool
	// reported says that the known changes by others are already reported as drifts. The next
	// comparison will undo them.
	reported bool
	// verify fires when the switch should be compared after repairs; nil if there were none.
	// The first of these repairs was at verifySince.
	verify      <-chan time.Time
	verifySince time.Time
	// drops is the state of the switch's counters of drops.
	drops dropWatch
	// fragments is the switch's mode for IP fragments when it was last asked, if that was
	// wrong; else "".
	fragments string

	// workspace is borrowed while there is work; nil otherwise.
	*workspace
	// cost is what the current job has sent.
	cost workqueue.Cost
	// mods counts what was sent.
	mods nodeMods
	// proven are the rules of which the switch has accepted a flow-mod; see send.go.
	proven map[pipeline.Rule]bool
}

// assignment is the node of a switch, and the node's queue.
type assignment struct {
	node  string
	queue *workqueue.Queue
}

// ErrReleased ends Run when the switch is no longer its node's, and has been emptied.
var ErrReleased = errors.New("the node was deleted, or given another datapath id")

// New returns a worker for the switch at the other end of a session.
func (p *Pool) New(sess *session.Session, to Reports) *Worker {
	return &Worker{
		pool: p, sess: sess, reports: to,
		assigned: make(chan assignment, 1), audits: make(chan chan auditReply), ended: make(chan struct{}),
		proven: map[pipeline.Rule]bool{},
	}
}

// Assign assigns the switch to a node: the worker begins to do the jobs of the node's queue. It
// must be called at most once.
func (w *Worker) Assign(node string, queue *workqueue.Queue) { w.assigned <- assignment{node, queue} }

// Run waits until the switch is assigned to a node, and then works until the session or ctx
// ends.
func (w *Worker) Run(ctx context.Context) error {
	defer close(w.ended)
	w.drops = newDropWatch(w.pool.cfg.DropsEvery)
	defer w.drops.timer.Stop()
	if err := w.askStale(ctx); err != nil {
		return err
	}
	select {
	case w.assignment = <-w.assigned:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	// The monitor starts before the first comparison, so that no later change is missed.
	if err := w.watch(ctx); err != nil {
		return err
	}
	audit := time.NewTimer(w.auditAfter())
	defer audit.Stop()
	config := time.NewTicker(fragmentsEvery)
	defer config.Stop()
	wait := w.pool.cfg.RetryAfter
	for {
		err := w.next(ctx, audit, config.C)
		if err == nil {
			wait = w.pool.cfg.RetryAfter
			continue
		}
		w.queue.Failed()
		w.view = nil
		if ctx.Err() != nil || errors.Is(err, ErrReleased) {
			return err
		}
		w.pool.cfg.Logger.Error("switch not up to date", "node", w.node, "err", err, "retry_after", wait)
		w.reports.Failed(w.node, err)
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		wait = min(2*wait, 30*w.pool.cfg.RetryAfter)
	}
}

// next does the next piece of work: a job of the queue, undoing changes by others, an audit,
// or, when config fires, a check of the switch's configuration.
func (w *Worker) next(ctx context.Context, timer *time.Timer, config <-chan time.Time) error {
	defer w.returnWorkspace()
	if j, ok := w.queue.Take(); ok {
		return w.serve(ctx, j)
	}
	var changed <-chan struct{}
	if w.monitor != nil {
		changed = w.monitor.Changed()
	}
	audits, due, verify, drops := w.audits, timer.C, w.verify, w.drops.timer.C
	if !w.queue.Status().Idle {
		// Some work waits for other nodes, so the switch is not meant to equal the newest View
		// yet.
		audits, due, verify, drops = nil, nil, nil, nil
	}
	select {
	case <-w.queue.Notify():
		return nil
	case <-changed:
		return w.undoChanges(ctx, false)
	case <-w.groups:
		return w.undoChanges(ctx, true)
	case ask := <-audits:
		found, err := w.audit(ctx)
		ask <- auditReply{found, err}
		return err
	case <-drops:
		return w.orResync(w.checkDrops(ctx))
	case <-config:
		return w.orResync(w.checkFragments(ctx))
	case <-verify:
		_, err := w.audit(ctx)
		return err
	case <-due:
		timer.Reset(w.auditAfter())
		_, err := w.audit(ctx)
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// serve does a job and confirms it.
func (w *Worker) serve(ctx context.Context, j workqueue.Job) error {
	started := time.Now()
	w.cost = workqueue.Cost{}
	err := w.do(ctx, j)
	if errors.Is(err, errGuarded) {
		w.queue.Postpone()
		return nil
	}
	if err != nil {
		return err
	}
	w.queue.Done(w.cost)
	w.pool.metrics.applied(started, j.Scope == workqueue.Full)
	w.reports.Confirmed(w.node, w.items)
	return nil
}

// do makes the switch what the job's view says.
func (w *Worker) do(ctx context.Context, j workqueue.Job) error {
	if _, node := j.Units[pipeline.Unit{Kind: pipeline.UnitNode, Name: w.node}]; node || j.Scope != workqueue.Units || w.view == nil {
		if err := w.watchNoLearned(ctx, j.View); err != nil {
			return err
		}
	}
	switch {
	case j.Scope == workqueue.Wiped:
		if err := w.wipe(ctx); err != nil {
			return err
		}
		return ErrReleased
	case j.Scope == workqueue.Full || w.view == nil:
		_, err := w.compare(ctx, j.View, j.Guarded)
		return err
	default:
		return w.change(ctx, j)
	}
}

// fewUnits is the number of units that are compiled without a slot.
const fewUnits = 256

// change sends the difference between what the switch has and what it should have, for the
// units that may differ.
func (w *Worker) change(ctx context.Context, j workqueue.Job) error {
	if j.Scope == workqueue.Wide || len(j.Units) > fewUnits {
		release, err := w.pool.slot(ctx)
		if err != nil {
			return err
		}
		defer release()
	}
	w.borrow()
	d := &w.delta
	if j.Scope == workqueue.Wide {
		d.ComputeWide(j.View, w.node, j.Units, j.Since)
	} else {
		d.Compute(j.View, w.node, maps.All(j.Units))
	}
	if j.Held != nil {
		d.SpareOwned(j.View, w.node, func(u pipeline.Unit) bool { return j.Held[u] })
	}
	digest := w.digest.Plus(d.Digest())
	stamped := w.stampAfter(j, digest)
	entries := w.entriesOf(j.View)
	err := w.send(ctx, func(yield func(itemMod) bool) {
		for _, i := range d.Removed() {
			if !yield(w.removed(d, i)) {
				return
			}
		}
		for _, i := range d.Added() {
			if !yield(itemMod{kind: i.Kind(), rule: d.AddRule(i), msg: d.AddMessage(i)}) {
				return
			}
		}
		if stamped != w.stamped {
			w.set.Reset()
			if !yield(addition(&w.set, w.set.AddStamp(w.node, stamped))) {
				return
			}
		}
		w.invalidate(entries, digest, yield)
	})
	if err != nil {
		return err
	}
	items := w.items.Plus(d.Growth())
	items.Add(pipeline.ItemFlow, len(entries)-len(w.entries))
	w.synced(j.View, entries, items, digest, stamped)
	return nil
}

// errGuarded ends a comparison that would remove items while it is not yet known what is
// wanted.
var errGuarded = errors.New("what is wanted is not known yet, and something would be removed")

// found has the differences that a comparison found on a switch, and has repaired.
type found struct {
	foreign []installedItem
	missing []pipeline.Item
}

// compare reads what the switch has and sends the difference to what it should have, if there
// is any. The result is valid until the next comparison. If the queue is guarded and the
// comparison would remove a flow, compare sends nothing and returns errGuarded.
func (w *Worker) compare(ctx context.Context, v *pipeline.View, guarded bool) (found, error) {
	c := compilation{w: w, view: v}
	defer c.end()
	has, err := w.installed(ctx, c.tryBegin)
	if err != nil {
		return found{}, fmt.Errorf("read back what the switch has: %w", err)
	}
	first := w.view == nil
	if first && len(has.items) == 0 && !c.begun {
		return found{}, w.fill(ctx, v)
	}
	if err := c.complete(ctx); err != nil {
		return found{}, err
	}
	if err := c.acceptEquivalent(has); err != nil {
		return found{}, err
	}
	foreign, missing := difference(has.items, w.bare.Items())
	// The wanted stamp replaces the present one.
	foreign = slices.DeleteFunc(foreign, func(h installedItem) bool { return h.stamp })
	none := len(missing) == w.bare.Len()
	if len(missing) > 0 {
		missing = c.withMessages(missing)
	}
	foreign, missing = c.acceptEquivalentNumbered(has, foreign, missing)
	if guarded && slices.ContainsFunc(foreign, func(h installedItem) bool { return !h.invalidation }) {
		return found{}, errGuarded
	}
	err = w.send(ctx, w.corrections(foreign, missing))
	if err != nil {
		return found{}, err
	}
	w.synced(v, w.entriesOf(v), w.bare.Count(), c.digest, c.digest)
	for _, r := range w.bare.Rules() {
		w.prove(r) // the switch has an item of each rule
	}
	got := found{foreign, missing}
	defer func() { w.reported = false }()
	if first {
		digest := digestOf(has.items)
		drift := judge(has.stamp, digest, c.digest, none)
		w.pool.cfg.Logger.Info("node compared", "node", w.node, "flows", w.items.Flows(), "removed", len(foreign), "added", len(missing), "drift", string(drift))
		if !w.reported {
			w.report(w.driftsWhileAway(drift, got, has.stamp, digest, c.digest), true)
		}
	}
	return got, nil
}

// corrections returns the messages that remove foreign items and add missing ones. A group or meter
// that is both is modified in place, because deleting a group deletes its flows.
func (w *Worker) corrections(foreign []installedItem, missing []pipeline.Item) iter.Seq[itemMod] {
	again := w.replaced(foreign, missing)
	return func(yield func(itemMod) bool) {
		for _, h := range foreign {
			k, ok := h.numbered()
			switch {
			case h.invalidation && !yield(w.invalidationRemoved(h.table, h.cookie())),
				!ok && !h.invalidation && !yield(w.deletion(h.table, h.cookie())), ok && !again[k] && !yield(w.deletionOf(h.kind, h.number)):
				return
			}
		}
		for _, i := range missing {
			m := addition(&w.set, i)
			if i.Kind() == pipeline.ItemMeter && again[numbered{i.Kind(), openflow.ModNumber(m.msg)}] {
				openflow.SetMeterCommand(m.msg, openflow.MeterModify)
			}
			if !yield(m) {
				return
			}
		}
	}
}

// fill sends all items to an empty switch. Groups and meters go first, then flows, each as soon
// as it is compiled. The switch is slower than the compiler, so the whole table need not be
// held in memory.
func (w *Worker) fill(ctx context.Context, v *pipeline.View) error {
	release, err := w.pool.slot(ctx)
	if err != nil {
		return err
	}
	defer release()
	w.borrow()
	groups := &w.bare
	groups.Reset()
	w.compiler.CompileGroups(groups, v, w.node)
	first := func(yield func(itemMod) bool) {
		for _, i := range groups.Items() {
			if !yield(addition(groups, i)) {
				return
			}
		}
	}
	if err := w.apply(ctx, only(first, pipeline.ItemMeter, false)); err != nil {
		return err
	}
	items, digest := groups.Count(), groups.Digest()
	err = w.bundle(ctx, func(yield func(itemMod) bool) {
		items, digest = groups.Count(), groups.Digest()
		for m := range only(first, pipeline.ItemGroup, false) {
			if !yield(m) {
				return
			}
		}
		w.set.Reset()
		for range w.compiler.CompileFlows(&w.set, v, w.node) {
			for _, i := range w.set.Items() {
				digest.Add(i.Kind(), i.Table(), i.Sum)
				if items.Add(i.Kind(), 1); !yield(addition(&w.set, i)) {
					return
				}
			}
			w.set.Reset()
		}
		w.addStamp(&w.compiler, &w.set, v, w.node, digest)
		for _, i := range w.set.Items() {
			if items.Add(i.Kind(), 1); !yield(addition(&w.set, i)) {
				return
			}
		}
	})
	if err != nil {
		return err
	}
	w.synced(v, w.entriesOf(v), items, digest, digest)
	w.pool.cfg.Logger.Info("node filled", "node", w.node, "flows", w.items.Flows())
	return nil
}

// synced records that the switch has the items of a View. entries are the tables that have
// invalidations, digest is the digest of its other items, stamped the one in its stamp.
func (w *Worker) synced(v *pipeline.View, entries []openflow.TableID, items pipeline.Counts, digest, stamped pipeline.Digest) {
	w.view, w.entries, w.items, w.digest, w.stamped = v, entries, items, digest, stamped
}

// wipe removes all flows, groups and meters except virtual meters.
func (w *Worker) wipe(ctx context.Context) error {
	w.borrow()
	all := openflow.NewFlowMod(openflow.FlowDelete, openflow.Flow{Table: openflow.TableAll})
	flows, err := all.AppendBinary(nil)
	if err != nil {
		return err
	}
	err = w.bundle(ctx, func(yield func(itemMod) bool) {
		_ = yield(itemMod{removes: true, msg: flows}) && yield(w.deletionOf(pipeline.ItemGroup, openflow.GroupAll))
	})
	if err != nil {
		return err
	}
	var meters []uint32
	err = w.sess.Multipart(ctx, openflow.MeterConfigRequest(openflow.MeterAll), func(m *openflow.MultipartReply) error {
		return session.Each(m.Meters(), func(m *openflow.Meter) error {
			if m.ID <= openflow.MeterMax {
				meters = append(meters, m.ID)
			}
			if len(meters) > maxFlows {
				return errTooManyFlows
			}
			return nil
		})
	})
	if err != nil {
		return fmt.Errorf("read meters: %w", err)
	}
	return w.apply(ctx, func(yield func(itemMod) bool) {
		for _, id := range meters {
			if !yield(w.deletionOf(pipeline.ItemMeter, id)) {
				return
			}
		}
	})
}
