package worker

import (
	"context"
	"iter"

	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/openflow/session"
)

// Open vSwitch leaves a message that it refuses on receipt, such as one with an unknown action,
// out of its bundle, and would commit the rest. So a bundle takes two round trips: one to learn
// that every message was accepted, and one for the commit. A switch that has accepted an item
// of some rule accepts others of that rule. So a few items of such rules are sent together with
// their commit, in one round trip. (A message that the switch refuses on commit, such as one
// flow too many, undoes the whole bundle.)
//
// It accepts flows and groups in bundles, but no meters. So a change is sent in this order,
// in which no flow ever names a group or meter that does not exist:
//
// 1. meters that are new or differ from before
// 2. one bundle: groups that are new or differ from before, flows, and last the
//    groups to delete, together with the flows that still name them. (Open
//    vSwitch 3.1 aborts when it has to undo the deletion of a group that flows
//    use: nothing that it could refuse may come after that.)
// 3. meters to delete

// itemMod is a message that adds, modifies or deletes items.
type itemMod struct {
	kind    pipeline.ItemKind
	removes bool
	// rule is equal for messages that differ in numbers and addresses only; "" if that cannot
	// be said of a message.
	rule pipeline.Rule
	msg  []byte
}

// Rules of deletions: by cookie of flows, by number of groups and meters.
const (
	byCookie pipeline.Rule = "remove by cookie"
	byNumber pipeline.Rule = "remove by number"
)

// deletion returns the message that deletes a table's flows with the cookie. The next call
// overwrites it. The message names the table because Open vSwitch refuses to touch the flows
// that it keeps for itself, whose cookie is 0.
func (w *Worker) deletion(t openflow.TableID, c openflow.Cookie) itemMod {
	w.removal = openflow.AppendFlowDeleteByCookie(w.removal[:0], 0, t, c)
	return itemMod{pipeline.ItemFlow, true, byCookie, w.removal}
}

// deletionOf returns the message that deletes a group or a meter. The next call overwrites it.
func (w *Worker) deletionOf(k pipeline.ItemKind, id uint32) itemMod {
	if k == pipeline.ItemGroup {
		w.removal = openflow.AppendGroupDelete(w.removal[:0], 0, id)
	} else {
		w.removal = openflow.AppendMeterDelete(w.removal[:0], 0, id)
	}
	return itemMod{k, true, byNumber, w.removal}
}

// removed returns the message that deletes an item that the delta removes.
func (w *Worker) removed(d *pipeline.Delta, i pipeline.Item) itemMod {
	if i.Kind() == pipeline.ItemFlow {
		return w.deletion(i.Table(), i.Cookie())
	}
	return w.deletionOf(i.Kind(), openflow.ModNumber(d.RemoveMessage(i)))
}

// addition returns the message that adds an item of a set.
func addition(s *pipeline.ItemSet, i pipeline.Item) itemMod {
	return itemMod{kind: i.Kind(), rule: s.Rule(i), msg: s.Message(i)}
}

const (
	// extendEvery is the number of messages after which the time for them is extended.
	extendEvery = 1 << 10
	// maxQuick is the largest number of messages that are sent together with their commit. With
	// more of them a round trip does not matter.
	maxQuick = 64
)

// send sends the messages that add, modify and delete items, in the order explained above,
// and waits for the switch to confirm them. Flows stay in their order. Without messages it
// does nothing.
func (w *Worker) send(ctx context.Context, mods iter.Seq[itemMod]) error {
	if flowsOnly(mods) {
		return w.bundle(ctx, mods)
	}
	if err := w.apply(ctx, only(mods, pipeline.ItemMeter, false)); err != nil {
		return err
	}
	if err := w.bundle(ctx, func(yield func(itemMod) bool) {
		for m := range only(mods, pipeline.ItemGroup, false) {
			if !yield(m) {
				return
			}
		}
		for m := range mods {
			if m.kind == pipeline.ItemFlow && !yield(m) {
				return
			}
		}
		for m := range only(mods, pipeline.ItemGroup, true) {
			if !yield(m) {
				return
			}
		}
	}); err != nil {
		return err
	}
	return w.apply(ctx, only(mods, pipeline.ItemMeter, true))
}

// flowsOnly reports whether all messages concern flows.
func flowsOnly(mods iter.Seq[itemMod]) bool {
	for m := range mods {
		if m.kind != pipeline.ItemFlow {
			return false
		}
	}
	return true
}

// only yields the messages that add items of a kind or, with removes, those that delete them.
func only(mods iter.Seq[itemMod], k pipeline.ItemKind, removes bool) iter.Seq[itemMod] {
	return func(yield func(itemMod) bool) {
		for m := range mods {
			if m.kind == k && m.removes == removes && !yield(m) {
				return
			}
		}
	}
}

// sent counts messages by what they do.
type sent struct {
	added, removed pipeline.Counts
	stamps, bytes  int
}

// count counts a message.
func (s *sent) count(m itemMod) {
	s.bytes += len(m.msg)
	switch {
	case m.rule.IsStamp():
		s.stamps++
	case m.removes:
		s.removed.Add(m.kind, 1)
	default:
		s.added.Add(m.kind, 1)
	}
}

// total returns the number of messages without stamps.
func (s *sent) total() int { return s.added.Total() + s.removed.Total() }

// The size of the other messages of a bundle, in bytes: a header for each item, and the
// requests to open, close and commit it (ONF extension 230).
const (
	bundleHeader   = 24
	bundleRequests = 3 * 24
)

// account adds what was sent to the metrics and to the cost of the job. Messages in a bundle
// have additional headers.
func (w *Worker) account(s *sent, bundled bool) {
	w.pool.metrics.sent(w.node, &w.mods, s)
	w.cost.Mods += s.total()
	w.cost.Bytes += s.bytes
	if bundled {
		w.cost.Bytes += bundleHeader*(s.total()+s.stamps) + bundleRequests
	}
}

// bundle sends messages as one atomic bundle, in their order, and waits for the
// switch to confirm it.
func (w *Worker) bundle(ctx context.Context, mods iter.Seq[itemMod]) error {
	ctx, p := w.pool.awaitAnswer(ctx)
	defer p.end()
	flags := openflow.BundleAtomic | openflow.BundleOrdered
	var rules map[pipeline.Rule]bool // not yet proven; nil if all are
	if w.known(mods) {
		flags |= session.BundlePipelined
	} else {
		rules = map[pipeline.Rule]bool{}
	}
	var n sent
	last := pipeline.Rule("")
	counted := false // because a refused message is searched for in a second pass
	err := w.sess.Bundle(ctx, flags, func(yield func([]byte) bool) {
		defer func() { counted = true }()
		for m := range mods {
			if !counted {
				n.count(m)
				if rules != nil && m.rule != last {
					last = m.rule
					rules[last] = true
				}
				if n.total()%extendEvery == 0 {
					p.extend(n.total())
				}
			}
			if !yield(m.msg) {
				return
			}
		}
		p.extend(n.total())
	})
	if n.bytes == 0 {
		return err
	}
	w.account(&n, true)
	if err == nil {
		for r := range rules {
			w.prove(r)
		}
	}
	return err
}

// apply sends messages about meters one by one and waits for the switch to confirm them.
func (w *Worker) apply(ctx context.Context, mods iter.Seq[itemMod]) error {
	ctx, p := w.pool.awaitAnswer(ctx)
	defer p.end()
	var n sent
	err := w.sess.Apply(ctx, func(yield func([]byte) bool) {
		for m := range mods {
			n.count(m)
			p.extend(n.total())
			if !yield(m.msg) {
				return
			}
		}
	})
	if n.bytes > 0 {
		w.account(&n, false)
	}
	return err
}

// known reports whether mods are few, and all of rules that the switch has accepted.
func (w *Worker) known(mods iter.Seq[itemMod]) bool {
	n := 0
	for m := range mods {
		if n++; n > maxQuick || !w.proven[m.rule] {
			return false
		}
	}
	return true
}

// prove records that the switch has accepted a message of a rule.
func (w *Worker) prove(r pipeline.Rule) {
	if r != "" {
		w.proven[r] = true
	}
}
