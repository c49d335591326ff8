package pipeline

import (
	"iter"
	"maps"
	"slices"

	"github.com/cespare/xxhash/v2"

	"github.com/sdnctl/sdnctl/openflow"
)

// Delta computes what must be sent to a node to take it from one View to
// another. It owns the memory of what it returns, and reuses it. The zero Delta
// is ready to use, by one goroutine at a time.
type Delta struct {
	compiler      Compiler
	before, after ItemSet
	// gone and come are the items that only the state before, or only the state after, has.
	gone, come []Item
	// owned is for SpareOwned.
	owned ItemSet
}

// Compute compares the units' items on the node in the view after with those in the view
// that comes with each unit, which is the last one whose items of that unit the switch has.
func (d *Delta) Compute(after *View, node string, units iter.Seq2[Unit, *View]) {
	d.before.Reset()
	d.after.Reset()
	d.units(after, node, units)
	d.compare()
}

// ComputeWide does what Compute does for a node on which too much has changed to be noted
// by unit: each unit that is not in units may have changed since the view before.
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
		if u.Kind == UnitPolicies && d.compiler.extra == nil {
			if was, is, ok := changedPolicies(before, after, node); ok {
				d.compiler.compilePolicies(&d.before, was)
				d.compiler.compilePolicies(&d.after, is)
				continue
			}
		}
		d.compiler.Compile(&d.before, before, node, u)
		d.compiler.Compile(&d.after, after, node, u)
	}
}

// compare finds the items in which the two sets differ.
func (d *Delta) compare() {
	d.before.Sort()
	d.after.Sort()
	d.gone, d.come = d.gone[:0], d.come[:0]
	b, a := d.before.items, d.after.items
	for len(b) > 0 && len(a) > 0 {
		switch {
		case b[0].Sum == a[0].Sum:
			b, a = b[1:], a[1:]
		case b[0].Sum < a[0].Sum:
			d.gone, b = append(d.gone, b[0]), b[1:]
		default:
			d.come, a = append(d.come, a[0]), a[1:]
		}
	}
	d.gone, d.come = append(d.gone, b...), append(d.come, a...)
	d.dropReplaced()
}

// dropReplaced drops the removal of an item whose key an added item has, since adding
// replaces it. A switch refuses to add a meter whose number is taken, so the addition
// becomes a modification.
func (d *Delta) dropReplaced() {
	if len(d.gone) == 0 || len(d.come) == 0 {
		return
	}
	keys := make(map[uint64][]Item, len(d.come))
	for _, c := range d.come {
		h := keyHash(c.kind, d.after.Message(c))
		keys[h] = append(keys[h], c)
	}
	kept := d.gone[:0]
next:
	for _, g := range d.gone {
		msg := d.before.Message(g)
		for _, c := range keys[keyHash(g.kind, msg)] {
			with := d.after.Message(c)
			if c.kind != g.kind || !sameKey(g.kind, msg, with) {
				continue
			}
			if c.kind == ItemMeter {
				openflow.SetMeterCommand(with, openflow.MeterModify)
			}
			continue next
		}
		kept = append(kept, g)
	}
	d.gone = kept
}

// sameKey reports whether two messages are about the same item of a kind, so that
// adding one replaces the other. The compiler writes a flow's match in one way only,
// so bytes decide.
func sameKey(k ItemKind, a, b []byte) bool {
	if k != ItemFlow {
		return openflow.ModNumber(a) == openflow.ModNumber(b)
	}
	ta, pa, ma := openflow.FlowModKey(a)
	tb, pb, mb := openflow.FlowModKey(b)
	return ta == tb && pa == pb && string(ma) == string(mb)
}

// keyHash is equal for messages about the same item of a kind.
func keyHash(k ItemKind, msg []byte) uint64 {
	if k != ItemFlow {
		return uint64(k)<<32 | uint64(openflow.ModNumber(msg))
	}
	table, _, match := openflow.FlowModKey(msg)
	return xxhash.Sum64(match) ^ uint64(table)
}

// SpareOwned drops the removal of items that belong to other units by now. Call it when
// some of the units waited while later changes were sent: an address may have passed from
// one port to another meanwhile, and the item that one port no longer has is now the
// other's. waits reports the units that still wait, whose items have not been sent.
//
// It compiles the whole node, but only if anything is to be removed.
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
	owned := make(map[Sum]bool, len(d.gone))
	for _, g := range d.gone {
		owned[g.Sum] = false
	}
	for _, o := range d.owned.items {
		if _, ok := owned[o.Sum]; ok {
			owned[o.Sum] = true
		}
	}
	d.gone = slices.DeleteFunc(d.gone, func(g Item) bool { return owned[g.Sum] })
}

// Removed returns the items to delete; valid until the next Compute.
func (d *Delta) Removed() []Item { return d.gone }

// Added returns the items to add, or to put in the place of others; valid until the
// next Compute.
func (d *Delta) Added() []Item { return d.come }

// AddMessage returns the message that adds one of Added.
func (d *Delta) AddMessage(i Item) []byte { return d.after.Message(i) }

// AddRule returns why one of Added exists.
func (d *Delta) AddRule(i Item) Rule { return d.after.Rule(i) }

// RemoveMessage returns the message that had added one of Removed.
func (d *Delta) RemoveMessage(i Item) []byte { return d.before.Message(i) }

// Growth returns how many more items of each kind the node has after the delta.
func (d *Delta) Growth() Counts { return d.after.Count().Minus(d.before.Count()) }
