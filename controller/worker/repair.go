package worker

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/openflow/session"
)

// Changes by others are undone from the monitor's reports alone. The node's flows are compiled,
// but the switch's flows are not read, which would take several times as long. Only reading
// them shows that nothing else is wrong, so that happens once there have been no repairs for a
// while.
const (
	// maxRepaired is how many changes are undone one by one. When there are more,
	// reading the switch back costs about as much, and finds everything.
	maxRepaired = 500
	// verifyAfter is the time without repairs after which the switch is read back, and
	// verifyWithin the longest delay of that.
	verifyAfter  = time.Second
	verifyWithin = 10 * time.Second
)

// reportedChange is a change by others that the monitor reported, with the flow that the switch
// should have in its place.
type reportedChange struct {
	session.FlowChange
	flow openflow.Flow
	// ours says that a wanted flow, entry, has the same key.
	ours  bool
	entry pipeline.Item
	// right says that the flow is what entry says after the change.
	right bool
}

// compareReported looks changes up among the items that the switch should have, which it
// compiles into w.set.
func (w *Worker) compareReported(changes []session.FlowChange) []reportedChange {
	w.borrow()
	w.set.Reset()
	w.compiler.CompileNode(&w.set, w.view, w.node)
	w.addStamp(&w.compiler, &w.set, w.view, w.node, w.set.Digest())
	return compareReported(changes, &w.set)
}

// compareReported looks up changes among the flows that a switch should have, which need not be
// sorted.
//
// A switch may return a flow in another form, so that its key seems to differ. Then its cookie
// identifies it.
func compareReported(changes []session.FlowChange, wanted *pipeline.ItemSet) []reportedChange {
	all := make([]reportedChange, len(changes))
	byKey := make(map[openflow.FlowKey]pipeline.Item, len(changes))
	byCookie := make(map[openflow.Cookie]pipeline.Item, len(changes))
	for i, c := range changes {
		all[i] = reportedChange{FlowChange: c, flow: openflow.Flow{
			Table: c.Table, Priority: c.Priority, Cookie: c.Cookie,
			IdleTimeout: c.IdleTimeout, HardTimeout: c.HardTimeout,
			Match: c.Match, Instructions: c.Instructions,
		}}
		byKey[all[i].flow.Key()] = pipeline.Item{}
		byCookie[c.Cookie] = pipeline.Item{}
	}
	for _, e := range wanted.Items() {
		if e.Kind() != pipeline.ItemFlow {
			continue
		}
		table, priority, match := openflow.FlowModKey(wanted.Message(e))
		// This form of the lookup allocates nothing.
		if _, ok := byKey[openflow.FlowKey{Table: table, Priority: priority, Match: string(match)}]; ok {
			byKey[openflow.FlowKey{Table: table, Priority: priority, Match: string(match)}] = e
		}
		if _, ok := byCookie[e.Cookie()]; ok {
			byCookie[e.Cookie()] = e
		}
	}
	for i := range all {
		t := &all[i]
		// No flow of sdnd has cookie 0.
		if e := byKey[t.flow.Key()]; e.Sum != 0 {
			t.ours, t.entry = true, e
		} else if e := byCookie[t.flow.Cookie]; e.Sum != 0 && sameKey(&t.flow, wanted.Message(e)) {
			t.ours, t.entry = true, e
		}
		t.right = t.ours && t.Event != openflow.FlowDeleted && t.flow.Cookie == t.entry.Cookie() &&
			(pipeline.CookieOf(&t.flow) == t.flow.Cookie || t.flow.String() == describe(wanted.Message(t.entry)))
	}
	return all
}

// sameKey reports whether a flow has the key of a flow-mod, whatever the form of
// its match.
func sameKey(f *openflow.Flow, mod []byte) bool {
	table, priority, match := openflow.FlowModKey(mod)
	a := openflow.Flow{Table: f.Table, Priority: f.Priority, Match: f.Match}
	b := openflow.Flow{Table: table, Priority: priority, Match: match}
	return a.String() == b.String()
}

// undoing returns what undoes the changes, which come oldest first: flows to remove by their
// key, and flows to add in place of those with the same key. The last change of a flow decides.
// What the worker has done since does not matter, because the changes were compared with the
// result of that.
func undoing(all []reportedChange) (remove []openflow.Flow, add []pipeline.Item) {
	type flow struct {
		ours   openflow.Cookie
		theirs openflow.FlowKey
	}
	seen := make(map[flow]bool, len(all))
	for _, t := range slices.Backward(all) {
		id := flow{ours: t.entry.Cookie()}
		if !t.ours {
			id.theirs = t.flow.Key()
		}
		if seen[id] {
			continue
		}
		seen[id] = true
		switch {
		case t.ours && !t.right:
			add = append(add, t.entry)
		case !t.ours && t.Event != openflow.FlowDeleted:
			remove = append(remove, t.flow)
		}
	}
	return remove, add
}

// repair undoes changes by others, and returns them as drifts. If the switch refuses a repair,
// the switch is read and compared instead.
func (w *Worker) repair(ctx context.Context, changes []session.FlowChange) ([]Drift, error) {
	release, err := w.pool.slot(ctx)
	if err != nil {
		return nil, err
	}
	defer release()
	all := w.compareReported(changes)
	remove, add := undoing(all)
	// Removals come first, as in a comparison. They select by the whole key (strict), because
	// the cookie may be that of a wanted flow. Flows that Open vSwitch keeps for itself have a
	// priority that no such key has.
	err = w.bundle(ctx, func(yield func(itemMod) bool) {
		for _, f := range remove {
			w.removal = f.AppendDeleteStrict(w.removal[:0], 0)
			if !yield(itemMod{removes: true, msg: w.removal}) {
				return
			}
		}
		for _, e := range add {
			if !yield(addition(&w.set, e)) {
				return
			}
		}
	})
	w.verifySoon()
	return w.driftsReported(all), err
}

// verifySoon schedules a comparison after a while without repairs.
func (w *Worker) verifySoon() {
	now := time.Now()
	if w.verify == nil {
		w.verifySince = now
	}
	w.verify = time.After(min(verifyAfter, w.verifySince.Add(verifyWithin).Sub(now)))
}

// refused reports whether an error is an error message from the switch.
func refused(err error) bool {
	var no *session.BundleError
	return errors.As(err, &no)
}

// orResync returns err. If err is not nil, the switch will be compared as a whole.
func (w *Worker) orResync(err error) error {
	if err != nil {
		w.queue.Distrust(w.view)
	}
	return err
}
