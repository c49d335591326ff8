package pipeline

import "github.com/sdnctl/sdnctl/openflow"

// Extra adds items of a unit beside those of the stages. It must be pure, as the
// stages are. What it adds is compared, read back and mended like all else. Its
// tables are its own: no packet gets to them from the stages.
type Extra func(add Adder, v *View, node string, u Unit)

// Use has the compiler add what the Extra adds; nil is nothing.
func (c *Compiler) Use(x Extra) { c.extra = x }

// Use has the delta compare what the Extra adds, too; nil is nothing.
func (d *Delta) Use(x Extra) { d.compiler.Use(x) }

// Adder takes the items that an Extra adds.
type Adder struct{ c *Compiler }

// Flow adds a flow, whose cookie is computed here.
func (a Adder) Flow(f openflow.Flow, r Rule) {
	if a.c.only != onlyGroups {
		a.c.out.addFlow(&f, a.c.unit, r)
	}
}

// Group adds a group. Its number must be of no other group of the node.
func (a Adder) Group(g openflow.Group, r Rule) { a.c.emitGroup(g, r) }

// Meter adds a meter. Its number must be of no other meter of the node.
func (a Adder) Meter(m openflow.Meter, r Rule) { a.c.emitMeter(m, r) }
