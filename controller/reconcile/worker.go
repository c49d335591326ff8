package reconcile

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/openflow/session"
)

// worker brings one switch to what its node's mailbox asks, job by job, and
// keeps it there.
type worker struct {
	*peer
	node *node
	// view is what the switch was last brought to; nil while it is not known
	// what the switch has.
	view *pipeline.View
	// If view is known: flows is how many flows the switch has, its stamp included,
	// digest that of all but the stamp, and stamped what the stamp says.
	flows           int
	digest, stamped pipeline.Digest
	// monitor tells of changes by others; nil if the switch cannot.
	monitor *session.FlowMonitor
	// reported says that what is wrong with the switch was told, and is to be undone
	// by the next comparison.
	reported bool
	// doubt says when to compare the switch after repairs, the first of which was
	// at doubted; nil if there were none.
	doubt   <-chan time.Time
	doubted time.Time
	// drops is what is known of packets that the switch has dropped.
	drops dropWatch
	// fragments is how the switch treated IP fragments when last asked, if that
	// was wrong; else "".
	fragments string

	// workspace is borrowed while there is work; nil otherwise.
	*workspace
	// spent is what the job under way has sent.
	spent spent
	// proven are the kinds of flow-mods that the switch has taken; see send.go.
	proven map[pipeline.Rule]bool
}

// work waits until the switch is a node's, and then works until the session or
// ctx ends.
func (p *peer) work(ctx context.Context) error {
	w := &worker{peer: p, proven: map[pipeline.Rule]bool{}, drops: newDropWatch(p.f.cfg.DropsEvery)}
	defer w.drops.timer.Stop()
	select {
	case w.node = <-p.assigned:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	// Before the first comparison: so what happens after it is seen.
	if err := w.watch(ctx); err != nil {
		return err
	}
	audit := time.NewTimer(w.auditAfter())
	defer audit.Stop()
	config := time.NewTicker(fragmentsEvery)
	defer config.Stop()
	wait := p.f.cfg.RetryAfter
	for {
		err := w.next(ctx, audit, config.C)
		if err == nil {
			wait = p.f.cfg.RetryAfter
			continue
		}
		w.node.mail.failed()
		w.view = nil
		if ctx.Err() != nil || errors.Is(err, errReleased) {
			return err
		}
		p.f.log.Error("switch not brought up to date", "node", w.node.name, "err", err, "retry_after", wait)
		p.f.board.update(w.node.name, func(s *NodeStatus) { s.LastError = err.Error() })
		if !pause(ctx, wait) {
			return context.Cause(ctx)
		}
		wait = min(2*wait, 30*p.f.cfg.RetryAfter)
	}
}

// next does what there is to do next: the mailbox's job, what others did to the
// switch, an audit, or, when config says so, a check of its configuration.
func (w *worker) next(ctx context.Context, timer *time.Timer, config <-chan time.Time) error {
	defer w.giveBack()
	if j, ok := w.node.mail.take(); ok {
		return w.serve(ctx, j)
	}
	var changed <-chan struct{}
	if w.monitor != nil {
		changed = w.monitor.Changed()
	}
	audits, due, doubt, drops := w.audits, timer.C, w.doubt, w.drops.timer.C
	if _, _, _, idle := w.node.mail.state(); !idle {
		// Some of what is to be is not yet to be: it waits for other nodes.
		audits, due, doubt, drops = nil, nil, nil, nil
	}
	select {
	case <-w.node.mail.notify:
		return nil
	case <-changed:
		return w.tampered(ctx)
	case ask := <-audits:
		found, err := w.audit(ctx)
		ask <- auditReply{found, err}
		return err
	case <-drops:
		return w.lapsed(w.lookAtDrops(ctx))
	case <-config:
		return w.lapsed(w.checkFragments(ctx))
	case <-doubt:
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
func (w *worker) serve(ctx context.Context, j job) error {
	started := time.Now()
	w.spent = spent{}
	err := w.do(ctx, j)
	if errors.Is(err, errUnsure) {
		w.node.mail.park()
		return nil
	}
	if err != nil {
		return err
	}
	w.node.mail.settle(j, w.spent)
	w.node.mail.done()
	w.f.metrics.applied(started, j.full)
	w.f.board.update(w.node.name, func(s *NodeStatus) { s.Flows, s.LastError = w.flows, "" })
	return nil
}

// do brings the switch to the job's view.
func (w *worker) do(ctx context.Context, j job) error {
	switch {
	case j.wipe:
		if err := w.wipe(ctx); err != nil {
			return err
		}
		return errReleased
	case j.full || w.view == nil:
		_, err := w.compare(ctx, j.view, j.unsure)
		return err
	default:
		return w.change(ctx, j)
	}
}

// fewUnits is how many units are compiled without asking how many other switches
// have their flows in memory.
const fewUnits = 256

// change sends what differs between what the switch has and what it is to have,
// in the units that may differ.
func (w *worker) change(ctx context.Context, j job) error {
	if j.wide != nil || len(j.units) > fewUnits {
		release, err := w.f.compareSlot(ctx)
		if err != nil {
			return err
		}
		defer release()
	}
	w.borrow()
	d := &w.delta
	if j.wide != nil {
		d.ComputeWide(j.view, w.node.name, j.units, j.wide)
	} else {
		d.Compute(j.view, w.node.name, maps.All(j.units))
	}
	if j.late {
		d.SpareOwned(j.view, w.node.name, func(u pipeline.Unit) bool { return j.held[u] })
	}
	digest := w.digest + d.Digest()
	stamped := w.stampAfter(j, digest)
	err := w.send(ctx, func(yield func(flowMod) bool) {
		for _, e := range d.Removed() {
			if !yield(w.deletion(e.Table(), e.Cookie)) {
				return
			}
		}
		for _, e := range d.Added() {
			if !yield(flowMod{kind: d.AddRule(e), msg: d.AddMessage(e)}) {
				return
			}
		}
		if stamped != w.stamped {
			w.set.Reset()
			yield(w.addition(w.set.AddStamp(w.node.name, stamped)))
		}
	})
	if err != nil {
		return err
	}
	w.brought(j.view, w.flows+d.Growth(), digest, stamped)
	return nil
}

// found is what a comparison found wrong with a switch, and has mended.
type found struct {
	foreign []had
	missing []pipeline.Entry
}

// compare reads back what the switch has and sends what differs from what it
// is to have: nothing, if it was left in order. What it found is valid until
// the next comparison. While it is unsure it sends nothing if that would remove
// a flow, and returns errUnsure.
func (w *worker) compare(ctx context.Context, v *pipeline.View, unsure bool) (found, error) {
	c := compilation{w: w, view: v}
	defer c.end()
	has, err := w.installed(ctx, c.tryBegin)
	if err != nil {
		return found{}, fmt.Errorf("read flows back: %w", err)
	}
	first := w.view == nil
	if first && len(has.flows) == 0 && !c.begun {
		return found{}, w.fill(ctx, v)
	}
	if err := c.complete(ctx); err != nil {
		return found{}, err
	}
	if err := c.forgive(has); err != nil {
		return found{}, err
	}
	foreign, missing := difference(has.flows, w.bare.Entries())
	// The stamp that is wanted replaces the one that is there.
	foreign = slices.DeleteFunc(foreign, func(h had) bool { return h.stamp })
	if unsure && len(foreign) > 0 {
		return found{}, errUnsure
	}
	none := len(missing) == w.bare.Len()
	if len(missing) > 0 {
		missing = c.spell(missing)
	}
	err = w.send(ctx, func(yield func(flowMod) bool) {
		for _, h := range foreign {
			if !yield(w.deletion(h.table, h.cookie)) {
				return
			}
		}
		for _, e := range missing {
			if !yield(w.addition(e)) {
				return
			}
		}
	})
	if err != nil {
		return found{}, err
	}
	w.brought(v, w.bare.Len(), c.digest, c.digest)
	for _, r := range w.bare.Rules() {
		w.prove(r) // it has some of each
	}
	got := found{foreign, missing}
	defer func() { w.reported = false }()
	if first {
		digest := digestOf(has.flows)
		drift := judge(has.stamp, digest, c.digest, none)
		w.f.log.Info("node compared", "node", w.node.name, "flows", w.flows, "removed", len(foreign), "added", len(missing), "drift", string(drift))
		if !w.reported {
			w.report(w.driftsWhileAway(drift, got, has.stamp, digest), true)
		}
	}
	return got, nil
}

// fill gives a switch that has no flows all of them, each as soon as it is
// compiled: the switch is the slower of the two, and no table need be held.
func (w *worker) fill(ctx context.Context, v *pipeline.View) error {
	release, err := w.f.compareSlot(ctx)
	if err != nil {
		return err
	}
	defer release()
	w.borrow()
	flows, digest := 0, pipeline.Digest(0) // without the stamp
	err = w.send(ctx, func(yield func(flowMod) bool) {
		flows, digest = 0, 0
		w.set.Reset()
		for range w.compiler.CompileEach(&w.set, v, w.node.name) {
			for _, e := range w.set.Entries() {
				digest.Add(e.Table(), e.Cookie)
				if flows++; !yield(w.addition(e)) {
					return
				}
			}
			w.set.Reset()
		}
		yield(w.addition(w.set.AddStamp(w.node.name, digest)))
	})
	if err != nil {
		return err
	}
	w.brought(v, flows+1, digest, digest)
	w.f.log.Info("node filled", "node", w.node.name, "flows", w.flows)
	return nil
}

// brought notes that the switch was brought to a view. The digest is that of its
// flows, stamped what its stamp says of them.
func (w *worker) brought(v *pipeline.View, flows int, digest, stamped pipeline.Digest) {
	w.view, w.flows, w.digest, w.stamped = v, flows, digest, stamped
}

// wipe removes all flows.
func (w *worker) wipe(ctx context.Context) error {
	w.borrow()
	all := openflow.FlowMod{
		Command: openflow.FlowDelete, BufferID: openflow.NoBuffer,
		OutPort: openflow.PortAny, OutGroup: openflow.GroupAny,
		Flow: openflow.Flow{Table: openflow.TableAll},
	}
	msg, err := all.AppendBinary(nil)
	if err != nil {
		return err
	}
	return w.send(ctx, func(yield func(flowMod) bool) { yield(flowMod{removes: true, msg: msg}) })
}
