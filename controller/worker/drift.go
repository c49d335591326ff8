package worker

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/openflow/session"
	"github.com/sdnctl/sdnctl/topology"
)

// Drift is a change of a switch's flows, groups or meters that somebody other than sdnd
// made, and that sdnd has undone.
type Drift struct {
	// Seq numbers drifts since the start of the daemon, from 1.
	Seq  uint64
	Time time.Time
	Node string
	// What says what was done to the item: "added", "deleted" or "modified".
	What string
	// Table is the name of the flow's table, "groups" or "meters".
	Table string
	// Before and After are the item as text; empty if there was none.
	Before, After string
	// Owner is the object that the item belonged to; the zero Ref for an item that is not
	// sdnd's.
	Owner topology.Ref
	// By says what detected the change: "monitor" (at once), "audit" (at the next audit), or
	// "connection" (on connecting, if the switch or sdnd was away when it happened).
	By string
}

// byConnection is the value of Drift.By for changes made while the switch or sdnd was away.
const byConnection = "connection"

// maxReported is the largest number of drifts of one event that are reported and logged one by
// one. A del-flows on a large switch is one event.
const maxReported = 100

// watch asks the switch to report changes by others, if it can.
func (w *Worker) watch(ctx context.Context) error {
	if w.pool.cfg.NoMonitor {
		return nil
	}
	m, err := w.sess.MonitorFlows(ctx, openflow.AllFlowChanges())
	if errors.Is(err, session.ErrMonitorUnsupported) {
		w.pool.cfg.Logger.Info("switch cannot report changes by others; it is audited instead", "node", w.node, "every", w.pool.cfg.AuditEvery)
		return nil
	}
	if w.monitor = m; err != nil {
		return err
	}
	w.groups, err = w.sess.WatchGroups(ctx)
	if errors.Is(err, session.ErrForwardUnsupported) {
		w.pool.cfg.Logger.Info("switch cannot report changes of groups and meters by others; they are audited instead", "node", w.node, "every", w.pool.cfg.AuditEvery)
		return nil
	}
	return err
}

// watchNoLearned leaves out of the monitor the tables in which the switch learns flows, before it
// begins to: for each client of a service with session affinity, and for each neighbour on an uplink.
// Open vSwitch would report each of them.
func (w *Worker) watchNoLearned(ctx context.Context, v *pipeline.View) error {
	if w.monitor == nil || w.learns || !v.Learns(w.node) {
		return nil
	}
	if err := w.monitor.Except(ctx, pipeline.LearnedTables()...); err != nil {
		return err
	}
	w.learns = true
	return nil
}

// hasReports reports whether the monitor has reported changes that are not handled yet.
func (w *Worker) hasReports() bool {
	return w.monitor != nil && len(w.monitor.Changed()) > 0 || len(w.groups) > 0
}

// undoChanges undoes what others did to the switch, and reports it. regrouped says that they
// changed groups or meters. The switch does not say how, so it is compared as a whole.
func (w *Worker) undoChanges(ctx context.Context, regrouped bool) error {
	changes, lost := w.changes()
	if len(changes) == 0 && !lost && !regrouped || w.view == nil {
		return nil
	}
	if !lost && !regrouped && len(changes) <= maxRepaired {
		if ds, err := w.repair(ctx, changes); !refused(err) {
			w.reportUnlessEnded(ds, err)
			return w.orResync(err)
		}
	}
	got, err := w.compare(ctx, w.view, false)
	var ds []Drift
	if err == nil {
		ds = w.driftsOf(got, changes, lost)
	}
	w.reportUnlessEnded(ds, err)
	return w.orResync(err)
}

// changes takes the changes by others that the monitor has reported. lost says that it lost
// some.
func (w *Worker) changes() (changes []session.FlowChange, lost bool) {
	if w.monitor == nil {
		return nil, true
	}
	changes, lost = w.monitor.Take()
	return slices.DeleteFunc(changes, func(c session.FlowChange) bool { return pipeline.IsTransient(&c.Flow) }), lost
}

// driftsOf makes the drifts of a comparison: for groups and meters from what it found, and for
// flows from what the monitor reported, unless the monitor has lost some.
func (w *Worker) driftsOf(got found, changes []session.FlowChange, lost bool) []Drift {
	flows, others := got.split(func(k pipeline.ItemKind) bool { return k == pipeline.ItemFlow })
	ds := w.driftsFound(others, "monitor")
	if lost {
		return append(w.driftsFound(flows, "audit"), ds...)
	}
	return append(w.driftsReported(w.compareReported(changes)), ds...)
}

// reportUnlessEnded reports drifts, unless the session ended before they were undone: a
// bridge that is being removed first reports that its flows are deleted. If the switch
// returns with differences, the first comparison undoes them.
func (w *Worker) reportUnlessEnded(ds []Drift, err error) {
	if errors.Is(err, session.ErrClosed) {
		w.pool.cfg.Logger.Info("flows changed by others as the session ended", "node", w.node, "flows", len(ds))
		return
	}
	w.reported = err != nil && len(ds) > 0
	w.report(ds, err == nil)
}

// driftsReported makes drifts of what the monitor reported.
func (w *Worker) driftsReported(all []reportedChange) []Drift {
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
			continue // it is as it should be again
		case t.ours:
			d.What = "modified"
		default:
			d.What = "added"
		}
		out = append(out, d)
	}
	return out
}

// driftsFound makes drifts of what a comparison found. The missing must have their
// messages in w.set.
func (w *Worker) driftsFound(got found, by string) []Drift {
	var out []Drift
	now := w.pool.cfg.Now()
	again := w.replaced(got.foreign, got.missing)
	after := map[numbered]string{}
	for _, h := range got.foreign {
		if k, ok := h.numbered(); ok && again[k] {
			after[k] = h.String()
			continue
		}
		out = append(out, Drift{Time: now, By: by, What: "added", Table: h.tableName(), After: h.String()})
	}
	for _, i := range got.missing {
		msg := w.set.Message(i)
		d := Drift{
			Time: now, By: by, What: "deleted", Table: tableName(i.Kind(), i.Table()),
			Before: describe(msg), Owner: w.set.Unit(i).Owner(),
		}
		if i.Kind() != pipeline.ItemFlow {
			if text, ok := after[numbered{i.Kind(), openflow.ModNumber(msg)}]; ok {
				d.What, d.After = "modified", text
			}
		}
		out = append(out, d)
	}
	return out
}

// report logs and records what others did to the switch, and whether it was undone.
func (w *Worker) report(ds []Drift, undone bool) {
	if len(ds) == 0 {
		return
	}
	for i := range ds {
		ds[i].Node = w.node
		w.pool.metrics.drifts.WithLabelValues(w.node, ds[i].What, ds[i].By).Inc()
	}
	if more := len(ds) - maxReported; more > 0 {
		w.pool.cfg.Logger.Warn("flows changed by others", "node", w.node, "changes", len(ds), "of_which_reported", maxReported, "undone", undone)
		ds = ds[:maxReported]
	}
	for _, d := range ds {
		w.pool.cfg.Logger.Warn("flow changed by others", "node", d.Node, "what", d.What, "table", d.Table,
			"before", d.Before, "after", d.After, "object", d.Owner.String(), "by", d.By, "undone", undone)
	}
	w.reports.Drifted(w.node, ds)
}

// describe returns, as text, the item that one of our messages adds.
func describe(msg []byte) string {
	m, err := openflow.DecodeMessage(msg)
	if err != nil {
		return err.Error()
	}
	switch m := m.(type) {
	case *openflow.FlowMod:
		return m.Flow.String()
	case *openflow.GroupMod:
		return m.Group.String()
	case *openflow.MeterMod:
		return m.Meter.String()
	}
	return m.Type().String()
}
