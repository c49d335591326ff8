package pipeline_test

import (
	"fmt"
	"slices"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/openflow"
)

// limited adds, for each port p1, p2, … on its own node, a meter of a rate, a group
// of a weight, and a flow that uses both.
func limited(rate uint32, weight uint16) pipeline.Extra {
	return func(add pipeline.Adder, v *pipeline.View, node string, u pipeline.Unit) {
		p, ok := v.Topo.Port(u.Name)
		if u.Kind != pipeline.UnitPort || !ok || v.Location(p) != node {
			return
		}
		n, err := strconv.Atoi(u.Name[1:])
		if err != nil {
			panic(err)
		}
		id := uint32(n)
		add.Flow(openflow.Flow{Table: 110, Priority: uint16(id), Instructions: openflow.Instructions(nil).
			Meter(id).ApplyActions(openflow.Actions(nil).Group(id))}, "sends")
		add.Meter(openflow.Meter{ID: id, Flags: openflow.MeterKbps, Bands: openflow.Bands(nil).Drop(rate, 0)}, "limits")
		add.Group(openflow.Group{ID: id, Type: openflow.GroupTypeSelect, Buckets: openflow.Buckets(nil).Add(openflow.Bucket{
			Weight: weight, WatchPort: openflow.PortAny, WatchGroup: openflow.GroupAny, Actions: openflow.Actions(nil).Output(3),
		})}, "chooses")
	}
}

// itemView has n ports on each of two nodes.
func itemView(t *testing.T, n int) *pipeline.View {
	b := build(t)
	b.nodes(2)
	b.stretched("net", 100, "10.0.0.0/16")
	for i := range 2 * n {
		b.port(fmt.Sprintf("p%d", i+1), "net", fmt.Sprintf("n%d", 1+i%2))
	}
	b.commit()
	return b.view
}

// TestItems: groups and meters are items beside flows, each with the sum of what a switch
// returns for it.
func TestItems(t *testing.T) {
	v := itemView(t, 3)
	var plain, set pipeline.ItemSet
	new(pipeline.Compiler).CompileNode(&plain, v, "n1")
	var c pipeline.Compiler
	c.Use(limited(1000, 1))
	c.CompileNode(&set, v, "n1")
	want := plain.Count().Plus(pipeline.Counts{pipeline.ItemFlow: 3, pipeline.ItemGroup: 3, pipeline.ItemMeter: 3})
	if diff := cmp.Diff(want, set.Count()); diff != "" {
		t.Fatalf("items (-want +got):\n%s", diff)
	}
	sums := map[pipeline.Sum]bool{}
	for _, i := range set.Items() {
		sums[i.Sum] = true
		m, err := openflow.DecodeMessage(set.Message(i))
		switch m := m.(type) {
		case *openflow.FlowMod:
			if pipeline.CookieOf(&m.Flow) != i.Cookie() || i.Kind() != pipeline.ItemFlow {
				t.Errorf("%v %v: sum %#x", i.Kind(), &m.Flow, i.Sum)
			}
		case *openflow.GroupMod:
			if pipeline.SumOfGroup(&m.Group) != i.Sum || i.Kind() != pipeline.ItemGroup || m.Command != openflow.GroupAddOrModify {
				t.Errorf("%v %v: sum %#x", i.Kind(), m, i.Sum)
			}
		case *openflow.MeterMod:
			if pipeline.SumOfMeter(&m.Meter) != i.Sum || i.Kind() != pipeline.ItemMeter || m.Command != openflow.MeterAdd {
				t.Errorf("%v %v: sum %#x", i.Kind(), m, i.Sum)
			}
		default:
			t.Errorf("%v: %v, %v", i.Kind(), m, err)
		}
	}
	if len(sums) != set.Len() {
		t.Errorf("%d sums of %d items", len(sums), set.Len())
	}
	var groups, flows pipeline.ItemSet
	c.CompileGroups(&groups, v, "n1")
	for range c.CompileFlows(&flows, v, "n1") {
	}
	if groups.Count() != (pipeline.Counts{pipeline.ItemGroup: 3, pipeline.ItemMeter: 3 + perNodeMeters}) || flows.Count().Plus(groups.Count()) != set.Count() {
		t.Errorf("apart: %v and %v of %v", groups.Count(), flows.Count(), set.Count())
	}
	if d := groups.Digest().Plus(flows.Digest()); d != set.Digest() || d.Meters == 0 || d.Meters == d.Bundled {
		t.Errorf("digests %v of all, %v of the parts", set.Digest(), d)
	}
}

// TestUnitsOf: a unit that is in several places of a set is yielded once.
func TestUnitsOf(t *testing.T) {
	var set pipeline.ItemSet
	new(pipeline.Compiler).CompileNode(&set, itemView(t, 3), "n1")
	want := slices.Collect(set.UnitsOf(set.Items()))
	if len(want) < 4 || want[0].Kind != pipeline.UnitNode {
		t.Fatalf("units: %v", want)
	}
	set.AddStamp("n1", pipeline.Digest{Bundled: 1})
	set.AddInvalidations("n1", pipeline.Digest{Bundled: 1}, []openflow.TableID{0, 21})
	if got := slices.Collect(set.UnitsOf(set.Items())); !slices.Equal(got, want) {
		t.Errorf("units with the stamp: %v, want %v", got, want)
	}
}

// TestDeltaOfItems: a group or meter that changes is modified, and one whose port is
// deleted is deleted.
func TestDeltaOfItems(t *testing.T) {
	v := itemView(t, 1)
	port := pipeline.Unit{Kind: pipeline.UnitPort, Name: "p1"}
	for name, c := range map[string]struct {
		before, after pipeline.Extra
		added         []string
		removed       int
		growth        pipeline.Counts
	}{
		"added": {nil, limited(1000, 1), []string{
			"ADD meter=1 kbps bands= type=drop rate=1000",
			"ADD_OR_MOD group_id=1,type=select,bucket=actions=output:3",
			"table=110, priority=1 actions=meter:1,group:1",
		}, 0, pipeline.Counts{1, 1, 1}},
		"removed":      {limited(1000, 1), nil, nil, 3, pipeline.Counts{-1, -1, -1}},
		"other rate":   {limited(1000, 1), limited(500, 1), []string{"MOD meter=1 kbps bands= type=drop rate=500"}, 0, pipeline.Counts{}},
		"other weight": {limited(1000, 1), limited(1000, 2), []string{"ADD_OR_MOD group_id=1,type=select,bucket=weight:2,actions=output:3"}, 0, pipeline.Counts{}},
	} {
		t.Run(name, func(t *testing.T) {
			// The view is the same before and after; only the Extra differs.
			after := v.Next(pipeline.Update{})
			var d pipeline.Delta
			d.Use(func(add pipeline.Adder, at *pipeline.View, node string, u pipeline.Unit) {
				switch {
				case at == v && c.before != nil:
					c.before(add, at, node, u)
				case at == after && c.after != nil:
					c.after(add, at, node, u)
				}
			})
			d.Compute(after, "n1", func(yield func(pipeline.Unit, *pipeline.View) bool) { yield(port, v) })
			var got []string
			for _, i := range d.Added() {
				m, err := openflow.DecodeMessage(d.AddMessage(i))
				if err != nil {
					t.Fatal(err)
				}
				text := fmt.Sprint(m)
				if f, ok := m.(*openflow.FlowMod); ok {
					text = f.Flow.String()
				}
				got = append(got, text)
			}
			slices.Sort(got)
			if diff := cmp.Diff(c.added, got); diff != "" || len(d.Removed()) != c.removed || d.Growth() != c.growth {
				t.Errorf("%d removed, growth %v; added (-want +got):\n%s", len(d.Removed()), d.Growth(), diff)
			}
		})
	}
}
