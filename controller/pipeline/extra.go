package pipeline

import "github.com/sdnctl/sdnctl/openflow"

// Extra adds items to a unit beside those of the stages. It must be pure, as the stages
// are. What it adds is compared, read back and repaired like all other items. It uses
// tables of its own, which no packet reaches from the stages.
type Extra func(add Adder, v *View, node string, u Unit)

// Use makes the compiler add what the Extra adds; nil adds nothing.
func (c *Compiler) Use(x Extra) { c.extra = x }

// Use makes the delta compare what the Extra adds, too; nil adds nothing.
func (d *Delta) Use(x Extra) { d.compiler.Use(x) }

// Adder takes the items that an Extra adds.
type Adder struct{ c *Compiler }

// Flow adds a flow, whose cookie is computed here.
func (a Adder) Flow(f openflow.Flow, r Rule) {
	if a.c.only != onlyGroups {
		a.c.out.addFlow(&f, a.c.unit, r)
	}
}

// Group adds a group. Its number must differ from those of the node's other groups.
func (a Adder) Group(g openflow.Group, r Rule) { a.c.emitGroup(g, r) }

// Meter adds a meter. Its number must differ from those of the node's other meters.
func (a Adder) Meter(m openflow.Meter, r Rule) { a.c.emitMeter(m, r) }
