package reconcile

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/openflow/session"
	"github.com/sdnctl/sdnctl/topology"
)

// Drift is a change of a switch's flows that somebody else made, and that was
// undone.
type Drift struct {
	// Seq numbers drifts since the start of the daemon, from 1.
	Seq  uint64
	Time time.Time
	Node string
	// What was done to the flow: "added", "deleted" or "modified".
	What  string
	Table string
	// Before and After are the flow as text; empty if there was none.
	Before, After string
	// Owner is whose flow it was; the zero Ref for a flow that is not ours.
	Owner topology.Ref
	// By says what told: "monitor" at once, "audit" at last, or "connection" if it
	// was done while the switch or sdnd was away.
	By string
}

// byConnection is Drift.By of what was done while the switch or sdnd was away.
const byConnection = "connection"

const (
	// maxDrifts is how many drifts are remembered.
	maxDrifts = 1000
	// maxReported is how many drifts of one occasion are remembered and logged
	// one by one; del-flows on a large switch is one occasion.
	maxReported = 100
)

// drifts remembers the newest drifts.
type drifts struct {
	mu   sync.Mutex
	last uint64
	all  []Drift // oldest first
}

func (d *drifts) add(ds []Drift) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, x := range ds {
		d.last++
		x.Seq = d.last
		d.all = append(d.all, x)
	}
	if over := len(d.all) - maxDrifts; over > 0 {
		d.all = append([]Drift(nil), d.all[over:]...)
	}
}

// Drifts returns what others did to the flows of a node, or of all nodes if node
// is "", oldest first: the newest thousand since the start of the daemon.
func (f *Fabric) Drifts(node string) []Drift {
	f.drifts.mu.Lock()
	defer f.drifts.mu.Unlock()
	var out []Drift
	for _, d := range f.drifts.all {
		if node == "" || d.Node == node {
			out = append(out, d)
		}
	}
	return out
}

// watch has the switch tell of changes by others, if it can.
func (w *worker) watch(ctx context.Context) error {
	if w.f.cfg.NoMonitor {
		return nil
	}
	m, err := w.sess.MonitorFlows(ctx, openflow.AllFlowChanges())
	if errors.Is(err, session.ErrMonitorUnsupported) {
		w.f.log.Info("switch cannot tell of changes by others; it is audited instead", "node", w.node.name, "every", w.f.cfg.AuditEvery)
		return nil
	}
	w.monitor = m
	return err
}

// watched reports whether there are changes by others that were not looked at.
func (w *worker) watched() bool { return w.monitor != nil && len(w.monitor.Changed()) > 0 }

// tampered undoes what others did to the switch, and tells of it.
func (w *worker) tampered(ctx context.Context) error {
	changes, lost := w.monitor.Take()
	// The samples' own coming and going is nobody's doing.
	changes = slices.DeleteFunc(changes, func(c session.FlowChange) bool { return pipeline.IsSample(&c.Flow) })
	if len(changes) == 0 && !lost || w.view == nil {
		return nil
	}
	var ds []Drift
	if !lost && len(changes) <= maxRepaired {
		var err error
		if ds, err = w.repair(ctx, changes); !refused(err) {
			w.reportUnlessEnded(ds, err)
			return w.lapsed(err)
		}
	}
	got, err := w.compare(ctx, w.view, false)
	switch {
	case err != nil:
	case lost:
		ds = w.driftsFound(got, "audit")
	default:
		ds = w.driftsTold(w.compareTold(changes))
	}
	w.reportUnlessEnded(ds, err)
	return w.lapsed(err)
}

// reportUnlessEnded reports drifts, unless the session has ended before they were
// undone: a bridge that is removed tells the end of its flows first. What is
// different when the switch comes back is undone then.
func (w *worker) reportUnlessEnded(ds []Drift, err error) {
	if errors.Is(err, session.ErrClosed) {
		w.f.log.Info("flows changed by others as the session ended", "node", w.node.name, "flows", len(ds))
		return
	}
	w.reported = err != nil && len(ds) > 0
	w.report(ds, err == nil)
}

// driftsTold makes drifts of what the monitor told.
func (w *worker) driftsTold(all []told) []Drift {
	var out []Drift
	for _, t := range all {
		d := Drift{Time: t.At, By: "monitor", Table: pipeline.TableName(t.Table), After: t.flow.String()}
		if t.ours {
			d.Owner, d.Before = w.set.Unit(t.entry).Owner(), describe(w.set.Message(t.entry))
		}
		switch {
		case t.Event == openflow.FlowDeleted:
			d.What, d.After = "deleted", ""
			if !t.ours {
				d.Before = t.flow.String()
			}
		case t.right:
			continue // put back as it should be
		case t.ours:
			d.What = "modified"
		default:
			d.What = "added"
		}
		out = append(out, d)
	}
	return out
}

// driftsFound makes drifts of what a comparison found.
func (w *worker) driftsFound(got found, by string) []Drift {
	var out []Drift
	now := w.f.cfg.Now()
	for _, h := range got.foreign {
		out = append(out, Drift{Time: now, By: by, What: "added", Table: pipeline.TableName(h.table), After: h.String()})
	}
	for _, e := range got.missing {
		out = append(out, Drift{
			Time: now, By: by, What: "deleted", Table: pipeline.TableName(e.Table()),
			Before: describe(w.set.Message(e)), Owner: w.set.Unit(e).Owner(),
		})
	}
	return out
}

// report tells people what others did to the switch, and whether it was undone.
func (w *worker) report(ds []Drift, undone bool) {
	if len(ds) == 0 {
		return
	}
	for i := range ds {
		ds[i].Node = w.node.name
		w.f.metrics.drifts.WithLabelValues(w.node.name, ds[i].What, ds[i].By).Inc()
	}
	if more := len(ds) - maxReported; more > 0 {
		w.f.log.Warn("flows changed by others", "node", w.node.name, "flows", len(ds), "of_which_reported", maxReported, "undone", undone)
		ds = ds[:maxReported]
	}
	for _, d := range ds {
		w.f.log.Warn("flow changed by others", "node", d.Node, "what", d.What, "table", d.Table,
			"before", d.Before, "after", d.After, "object", d.Owner.String(), "by", d.By, "undone", undone)
	}
	w.f.drifts.add(ds)
	w.f.board.update(w.node.name, func(*NodeStatus) {})
}

// describe returns a flow-mod of ours as text.
func describe(msg []byte) string {
	mod, err := openflow.DecodeFlowMod(msg)
	if err != nil {
		return err.Error()
	}
	return mod.Flow.String()
}
