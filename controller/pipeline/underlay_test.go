package pipeline_test

import (
	"bytes"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
)

// underlayNode declares a node with a tunnel address.
func (b *builder) underlayNode(name, tunnel string) {
	b.ops = append(b.ops, put(topology.KindNode, name, topology.NodeSpec{TunnelIP: netip.MustParseAddr(tunnel)}))
}

// tunnelsTo lists the tunnel addresses that a node's flows send to, and admitsFrom the
// prefixes that they admit, sorted and unique.
func tunnelsTo(t *testing.T, v *pipeline.View, node string) []string {
	return wordsOf(t, v, node, "->tun_dst", "->tun_ipv6_dst")
}

func admitsFrom(t *testing.T, v *pipeline.View, node string) []string {
	return wordsOf(t, v, node, "tun_src=", "tun_ipv6_src=")
}

// wordsOf lists the words that follow one of the marks in a node's flows.
func wordsOf(t *testing.T, v *pipeline.View, node string, marks ...string) []string {
	t.Helper()
	all := []string{}
	for _, msg := range compile(v, node) {
		m, err := openflow.DecodeMessage(msg)
		if err != nil {
			t.Fatal(err)
		}
		mod, ok := m.(*openflow.FlowMod)
		if !ok {
			continue
		}
		for _, w := range strings.FieldsFunc(mod.Flow.String(), func(r rune) bool { return r == ',' || r == ' ' }) {
			for _, m := range marks {
				if s := strings.TrimPrefix(strings.TrimSuffix(strings.TrimPrefix(strings.TrimPrefix(w, "actions="), "set_field:"), m), m); strings.Contains(w, m) {
					all = append(all, s)
				}
			}
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// TestUnderlayFamilies: a node sends only to nodes whose tunnel address is of the same
// family as its own, and a new tunnel address adds or removes the flows to other nodes.
func TestUnderlayFamilies(t *testing.T) {
	for _, mode := range []topology.Mode{topology.Stretched, topology.Segmented} {
		t.Run(string(mode), func(t *testing.T) {
			b := build(t)
			b.underlayNode("n1", "fd00:50::1")
			b.underlayNode("n2", "fd00:50::2")
			b.underlayNode("n3", "192.0.2.3")
			if mode == topology.Stretched {
				b.stretched("net", 100, "10.0.0.0/24")
			} else {
				b.segmented("net", 100, "10.0.0.0/16", 100, 100)
			}
			for i := range 3 {
				b.port(fmt.Sprintf("p%d", i+1), "net", fmt.Sprintf("n%d", i+1))
			}
			expect := func(node string, want ...string) {
				t.Helper()
				if got := tunnelsTo(t, b.view, node); !slices.Equal(got, want) {
					t.Errorf("%s sends to %v, want %v", node, got, want)
				}
			}
			b.commit()
			expect("n1", "fd00:50::2")
			expect("n2", "fd00:50::1")
			expect("n3")
			if got, want := admitsFrom(t, b.view, "n1"), []string{"192.0.2.3", "fd00:50::1", "fd00:50::2"}; !slices.Equal(got, want) {
				t.Errorf("n1 admits %v, want %v", got, want)
			}
			world := table(compile(b.view, "n3"))
			b.underlayNode("n3", "fd00:50::3")
			b.commit()
			b.applyTo(world, "n3")
			if got, want := len(world), count(b.view, "n3"); got != want {
				t.Errorf("n3 has %d flows after its change of family, want %d", got, want)
			}
			expect("n1", "fd00:50::2", "fd00:50::3")
			expect("n3", "fd00:50::1", "fd00:50::2")
		})
	}
}

// applyTo applies what the last commit sends to a node.
func (b *builder) applyTo(world table, node string) {
	for _, s := range b.last {
		var d pipeline.Delta
		units := map[pipeline.Unit]*pipeline.View{}
		pipeline.Affected(s.before, s.after, s.update, func(n string, u pipeline.Unit) {
			if n == node {
				units[u] = s.before
			}
		})
		d.Compute(s.after, node, maps.All(units))
		world.apply(&d)
	}
}

// TestNodeAndLabelsAtOnce: a node gets another tunnel address in the change that gives a
// port on it other labels. Nodes that send to the port get flows with the new address.
func TestNodeAndLabelsAtOnce(t *testing.T) {
	b := build(t)
	b.underlayNode("n1", "192.0.2.1")
	b.underlayNode("n2", "192.0.2.2")
	b.stretched("net", 100, "10.0.0.0/24")
	b.port("p1", "net", "n1")
	b.port("p2", "net", "n2")
	b.commit()
	world := compile(b.view, "n1")
	b.underlayNode("n2", "192.0.2.99")
	relabel := portOp("p2", "net", 2)
	relabel.Labels = map[string]string{"app": "web"}
	b.ops = append(b.ops, relabel)
	b.commit()
	b.applyTo(world, "n1")
	if want := compile(b.view, "n1"); !maps.EqualFunc(world, want, bytes.Equal) {
		t.Error("n1 does not have what it should")
	}
}
