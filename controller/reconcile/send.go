package reconcile

import (
	"context"
	"iter"

	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/openflow/session"
)

// An Open vSwitch leaves out of a bundle what it refuses on receiving it, as an
// action that it does not know, and would commit the rest. So a bundle costs two
// round trips: one to hear that all was taken, and one for the commit. But what a
// switch does not know it never knows: of kinds of flows all of which it has taken
// before, a few more are sent with their commit, in one round trip. (What it
// refuses on committing, as a flow too many, undoes the whole bundle.)

// flowMod is a message that adds or removes flows.
type flowMod struct {
	removes bool
	// kind is the same for messages that differ in numbers and addresses only;
	// "" for one that is of no such kind.
	kind pipeline.Rule
	msg  []byte
}

// byCookie is the kind of deletions by cookie.
const byCookie pipeline.Rule = "remove by cookie"

// deletion returns what removes the table's flows with the cookie; it is
// overwritten by the next. The table is named because Open vSwitch refuses to
// touch the flows that it keeps for itself, whose cookie is 0.
func (w *worker) deletion(t openflow.TableID, c openflow.Cookie) flowMod {
	w.removal = openflow.AppendFlowDeleteByCookie(w.removal[:0], 0, t, c)
	return flowMod{true, byCookie, w.removal}
}

// addition returns what adds one of the flows of w.set.
func (w *worker) addition(e pipeline.Entry) flowMod {
	return flowMod{kind: w.set.Rule(e), msg: w.set.Message(e)}
}

const (
	// extendEvery is how many messages are handed over before the time for them
	// is told anew.
	extendEvery = 1 << 10
	// maxQuick is how many messages are sent with their commit at most: for more,
	// a round trip does not matter.
	maxQuick = 64
)

// send sends flow-mods as one atomic bundle, removals first, and waits for the
// switch to confirm it. Nothing to send costs nothing.
func (w *worker) send(ctx context.Context, mods iter.Seq[flowMod]) error {
	ctx, p := w.f.patience(ctx)
	defer p.end()
	flags := openflow.BundleAtomic | openflow.BundleOrdered
	if w.known(mods) {
		flags |= session.BundlePipelined
	}
	var added, removed, stamps, bytes int
	kinds := map[pipeline.Rule]bool{}
	last := pipeline.Rule("")
	counted := false // a refused message is looked for among them once more
	err := w.sess.Bundle(ctx, flags, func(yield func([]byte) bool) {
		defer func() { counted = true }()
		for m := range mods {
			if !counted {
				bytes += len(m.msg)
				switch {
				case m.kind.IsStamp():
					stamps++
				case m.removes:
					removed++
				default:
					added++
				}
				if m.kind != last {
					last = m.kind
					kinds[last] = true
				}
				if n := added + removed; n%extendEvery == 0 {
					p.extend(n)
				}
			}
			if !yield(m.msg) {
				return
			}
		}
		p.extend(added + removed)
	})
	if added+removed+stamps == 0 {
		return err
	}
	w.f.metrics.flowMods.WithLabelValues(w.node.name, "delete").Add(float64(removed))
	w.f.metrics.flowMods.WithLabelValues(w.node.name, "add").Add(float64(added))
	w.f.metrics.flowMods.WithLabelValues(w.node.name, "stamp").Add(float64(stamps))
	w.spent.add(added+removed, bytes+bundleHeader*stamps)
	if err == nil {
		for k := range kinds {
			w.prove(k)
		}
	}
	return err
}

// known reports whether mods are few, and all of kinds that the switch has taken.
func (w *worker) known(mods iter.Seq[flowMod]) bool {
	n := 0
	for m := range mods {
		if n++; n > maxQuick || !w.proven[m.kind] {
			return false
		}
	}
	return true
}

// prove notes that the switch has taken messages of a kind.
func (w *worker) prove(kind pipeline.Rule) {
	if kind != "" {
		w.proven[kind] = true
	}
}
