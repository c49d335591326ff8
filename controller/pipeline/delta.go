package pipeline

import (
	"iter"
	"maps"
	"slices"

	"github.com/sdnctl/sdnctl/openflow"
)

// Delta computes what must be sent to a node to take it from one View to
// another. It owns the memory of what it returns, and reuses it. The zero Delta
// is ready to use, by one goroutine at a time.
type Delta struct {
	compiler      Compiler
	before, after FlowSet
	// gone and come are the flows of before and after that differ.
	gone, come []Entry
	// owned is for SpareOwned.
	owned FlowSet
}

// Compute compares the units' flows on the node in the view after with those in
// the view that comes with each unit: the one since when the switch has not
// been told of changes of the unit.
func (d *Delta) Compute(after *View, node string, units iter.Seq2[Unit, *View]) {
	d.before.Reset()
	d.after.Reset()
	d.units(after, node, units)
	d.compare()
}

// ComputeWide is Compute for a node on which so much may differ that it has not
// been noted what: everything that is not among units may, since the view before.
func (d *Delta) ComputeWide(after *View, node string, units map[Unit]*View, before *View) {
	d.before.Reset()
	d.after.Reset()
	d.units(after, node, maps.All(units))
	for u := range before.Units(node) {
		if _, ok := units[u]; !ok {
			d.compiler.Compile(&d.before, before, node, u)
		}
	}
	for u := range after.Units(node) {
		if _, ok := units[u]; !ok {
			d.compiler.Compile(&d.after, after, node, u)
		}
	}
	d.compare()
}

// units compiles units as they were and as they are.
func (d *Delta) units(after *View, node string, units iter.Seq2[Unit, *View]) {
	for u, before := range units {
		d.compiler.Compile(&d.before, before, node, u)
		d.compiler.Compile(&d.after, after, node, u)
	}
}

// compare finds what differs between the two sets.
func (d *Delta) compare() {
	d.before.Sort()
	d.after.Sort()
	d.gone, d.come = d.gone[:0], d.come[:0]
	b, a := d.before.entries, d.after.entries
	for len(b) > 0 && len(a) > 0 {
		switch {
		case b[0].Cookie == a[0].Cookie:
			b, a = b[1:], a[1:]
		case b[0].Cookie < a[0].Cookie:
			d.gone, b = append(d.gone, b[0]), b[1:]
		default:
			d.come, a = append(d.come, a[0]), a[1:]
		}
	}
	d.gone, d.come = append(d.gone, b...), append(d.come, a...)
	d.dropReplaced()
}

// dropReplaced forgets the removal of flows that an addition replaces anyway:
// same table, priority and match.
func (d *Delta) dropReplaced() {
	if len(d.gone) == 0 || len(d.come) == 0 {
		return
	}
	keys := make(map[uint64][]Entry, len(d.come))
	for _, e := range d.come {
		h := keyHash(d.after.Message(e))
		keys[h] = append(keys[h], e)
	}
	kept := d.gone[:0]
next:
	for _, g := range d.gone {
		msg := d.before.Message(g)
		for _, c := range keys[keyHash(msg)] {
			if sameKey(msg, d.after.Message(c)) {
				continue next
			}
		}
		kept = append(kept, g)
	}
	d.gone = kept
}

// SpareOwned forgets the removal of flows that belong to other units by now. It
// is to be called when some of the units computed had to wait while later changes
// were sent: an address may have gone from one port to another meanwhile, and
// then a flow that was the one's is the other's. Units that still wait, as waits
// says, have not been sent what is theirs.
//
// It compiles the whole node, if anything is removed at all.
func (d *Delta) SpareOwned(v *View, node string, waits func(Unit) bool) {
	if len(d.gone) == 0 {
		return
	}
	d.owned.ResetBare(0)
	for u := range v.Units(node) {
		if !waits(u) {
			d.compiler.Compile(&d.owned, v, node, u)
		}
	}
	owned := make(map[openflow.Cookie]bool, len(d.gone))
	for _, e := range d.gone {
		owned[e.Cookie] = false
	}
	for _, e := range d.owned.entries {
		if _, ok := owned[e.Cookie]; ok {
			owned[e.Cookie] = true
		}
	}
	d.gone = slices.DeleteFunc(d.gone, func(e Entry) bool { return owned[e.Cookie] })
}

// Removed returns the flows to delete, by cookie; valid until the next Compute.
func (d *Delta) Removed() []Entry { return d.gone }

// Added returns the flows to add; valid until the next Compute.
func (d *Delta) Added() []Entry { return d.come }

// AddMessage returns the OFPT_FLOW_MOD that adds one of Added.
func (d *Delta) AddMessage(e Entry) []byte { return d.after.Message(e) }

// AddRule returns why one of Added exists.
func (d *Delta) AddRule(e Entry) Rule { return d.after.Rule(e) }

// RemoveMessage returns the OFPT_FLOW_MOD that had added one of Removed.
func (d *Delta) RemoveMessage(e Entry) []byte { return d.before.Message(e) }

// Growth is how many flows more the node has after the delta.
func (d *Delta) Growth() int { return d.after.Len() - d.before.Len() }
