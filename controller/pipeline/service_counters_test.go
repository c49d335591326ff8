package pipeline_test

import (
	"testing"

	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/topology"
)

// TestBackendCounters: connections to the backends of a service are counted on the nodes that
// may use it, by a flow for each port and family. Counting backends stops where it is asked to.
func TestBackendCounters(t *testing.T) {
	b := newContractBed(t, []topology.Family{topology.IPv4, topology.IPv6}, topology.Stretched, true, 6, 20)
	for i, name := range []string{"s1", "s2", "s3"} {
		b.apply(labelled(name, i+1, "app", "web"))
		b.bind(name, i+1)
	}
	b.apply(service("one", 1))
	o, ok := b.view.Topo.Service("one")
	if !ok {
		t.Fatal("no service")
	}
	nodes := b.view.NodesOfService(o)
	if len(nodes) != b.relevant {
		t.Errorf("used on %v, want %d nodes", nodes, b.relevant)
	}
	counted := map[string]int{}
	for _, c := range b.view.BackendCounters(nodes[0], o) {
		if c.Table != pipeline.TableEndpoint || c.Cookie == 0 {
			t.Errorf("counter %+v", c)
		}
		counted[c.Backend]++
	}
	if len(counted) != 3 || counted["s1"] != 2 || counted["s3"] != 2 {
		t.Errorf("counters of %v", counted)
	}
	if n := b.view.BackendsOf(b.view.Topo, o, 0, nil); n.Selected != 3 || n.Usable() != 3 {
		t.Errorf("all: %+v", n)
	}
	if n := b.view.BackendsOf(b.view.Topo, o, 2, nil); n.Selected != 2 || n.Usable() != 2 {
		t.Errorf("two: %+v", n)
	}
}
