package pipeline

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
)

// trialStage is a table that packets must pass before they reach a port.
func trialStage() stage {
	return stage{
		Table:  Table{75, "trial", "looks at what is forwarded", "–", "forward"},
		before: TableForward,
		node: func(c *Compiler) {
			c.match = c.match[:0]
			c.instr = c.instr[:0].GotoTable(c.next(TableForward))
			c.emit(prioDefault, "lets everything pass")
		},
	}
}

// TestStageBefore: one line in the list of stages inserts a table. What other stages send
// to the table behind it reaches it, and no other flow changes.
func TestStageBefore(t *testing.T) {
	v := smallView(t)
	trial := stages()
	at := slices.IndexFunc(trial, func(s stage) bool { return s.ID > 75 })
	trial = slices.Insert(trial, at, trialStage())
	var with Compiler
	with.use(trial)

	old, now := flowTexts(&Compiler{}, v), flowTexts(&with, v)
	var want []string
	passes := 0
	for _, f := range old {
		if strings.HasSuffix(f, fmt.Sprintf("goto_table:%d", TableForward)) {
			f = strings.Replace(f, fmt.Sprintf("goto_table:%d", TableForward), "goto_table:75", 1)
			passes++
		}
		want = append(want, f)
	}
	want = append(want, fmt.Sprintf("table=75, priority=0 actions=goto_table:%d", TableForward))
	slices.Sort(want)
	if diff := cmp.Diff(want, now); diff != "" || passes < 3 {
		t.Errorf("%d flows led to the table behind (-want +got):\n%s", passes, diff)
	}
}

// flowTexts returns a node's flows as text, sorted.
func flowTexts(c *Compiler, v *View) []string {
	var set ItemSet
	c.CompileNode(&set, v, "n1")
	var texts []string
	for _, e := range set.Items() {
		m, err := openflow.DecodeMessage(set.Message(e))
		if err != nil {
			panic(err)
		}
		if mod, ok := m.(*openflow.FlowMod); ok {
			texts = append(texts, mod.Flow.String())
		}
	}
	slices.Sort(texts)
	return texts
}

// smallView has two nodes with a port each, in two networks that a router joins.
func smallView(t *testing.T) *View {
	t.Helper()
	put := func(kind topology.Kind, name string, spec topology.Spec) topology.Op {
		return topology.Op{Verb: topology.Put, Ref: topology.Ref{Kind: kind, Name: name}, Spec: spec}
	}
	network := func(cidr string) topology.NetworkSpec {
		return topology.NetworkSpec{Subnets: []topology.Subnet{{Prefix: netip.MustParsePrefix(cidr)}}}
	}
	r, err := topology.Plan(topology.NewSnapshot(), []topology.Op{
		put(topology.KindNode, "n1", topology.NodeSpec{TunnelIP: netip.MustParseAddr("192.0.2.1")}),
		put(topology.KindNode, "n2", topology.NodeSpec{TunnelIP: netip.MustParseAddr("192.0.2.2")}),
		put(topology.KindNetwork, "blue", network("10.0.0.0/24")),
		put(topology.KindNetwork, "red", network("10.0.1.0/24")),
		put(topology.KindRouter, "r", topology.RouterSpec{Networks: []string{"blue", "red"}}),
		put(topology.KindPort, "web", topology.PortSpec{Network: "blue", Node: "n1"}),
		put(topology.KindPort, "db", topology.PortSpec{Network: "red", Node: "n2"}),
	}, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	return NewView(r.Next)
}
