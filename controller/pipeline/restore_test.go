package pipeline_test

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/store"
	"github.com/sdnctl/sdnctl/topology/store/bolt"
)

// lineage makes a topology with the same names and numbers allocated in another order:
// VNIs, the router's number, blocks and addresses differ.
func lineage(t *testing.T, path string, seed int) store.Store {
	t.Helper()
	s, err := bolt.Open(path, bolt.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	put := func(k topology.Kind, name string, spec topology.Spec) {
		t.Helper()
		ops := []topology.Op{{Verb: topology.Put, Ref: topology.Ref{Kind: k, Name: name}, Spec: spec}}
		if _, err := s.Apply(context.Background(), "test", ops); err != nil {
			t.Fatal(err)
		}
	}
	stretched := func(i int) topology.NetworkSpec {
		return topology.NetworkSpec{Subnets: []topology.Subnet{{Prefix: netip.MustParsePrefix(fmt.Sprintf("10.%d.0.0/24", i))}}}
	}
	for i := range seed {
		put(topology.KindNetwork, fmt.Sprintf("only%d-%d", seed, i), stretched(100+i))
		put(topology.KindRouter, fmt.Sprintf("only%d-%d", seed, i), topology.RouterSpec{Networks: []string{fmt.Sprintf("only%d-%d", seed, i)}})
	}
	nodes := []string{"n1", "n2", "n3"}
	for i := range nodes {
		put(topology.KindNode, nodes[(i+seed)%3], topology.NodeSpec{TunnelIP: netip.AddrFrom4([4]byte{192, 168, byte(seed), byte(1 + i)})})
	}
	put(topology.KindNetwork, "seg", topology.NetworkSpec{
		Mode: topology.Segmented, ContainersPerNode: 60, MaxNodes: 8,
		Subnets: []topology.Subnet{{Prefix: netip.MustParsePrefix("10.200.0.0/16")}},
	})
	put(topology.KindNetwork, "a", stretched(1))
	put(topology.KindNetwork, "b", stretched(2))
	put(topology.KindRouter, "r", topology.RouterSpec{Networks: []string{"a", []string{"b", "seg"}[seed%2]}})
	for i := range 12 {
		n := (i*5 + seed) % 12
		net := []string{"a", "b", "seg"}[n%3]
		put(topology.KindPort, fmt.Sprint("p", n), topology.PortSpec{Network: net, Node: nodes[(n/3+seed)%3], Interface: fmt.Sprint("veth", n)})
	}
	return s
}

// TestRestoreIsItsDelta: restoring a topology onto another one, in which the same names
// have other numbers, sends each switch the difference. The result is that of a full
// compilation.
func TestRestoreIsItsDelta(t *testing.T) {
	dir := t.TempDir()
	now, then := lineage(t, filepath.Join(dir, "now.db"), 2), lineage(t, filepath.Join(dir, "then.db"), 5)
	u := pipeline.Update{}
	for i := range 12 {
		p, _ := now.Snapshot().Port(fmt.Sprint("p", i))
		u.Places = append(u.Places, pipeline.PlaceChange{
			Port: p.Name, After: pipeline.Place{Node: p.Spec.Node, Interface: p.Spec.Interface, OFPort: openflow.PortNo(10 + i)},
		})
	}
	for _, n := range []string{"n1", "n2", "n3"} {
		u.Tunnels = append(u.Tunnels, pipeline.TunnelChange{Node: n, After: 1})
	}
	before := pipeline.NewView(now.Snapshot()).Next(u)
	c, err := now.Restore(context.Background(), "test", then.Snapshot())
	if err != nil {
		t.Fatal(err)
	}
	r, _ := c.Before.Router("r")
	if restored, ok := c.After.Router("r"); !ok || restored.ID == r.ID || len(c.Blocks) == 0 {
		t.Fatalf("the numbers are the same: %+v", restored)
	}
	u = pipeline.Update{Topo: c.After, Changes: c.Changes, Blocks: c.Blocks, Identities: c.Identities, Numberings: c.Numberings, Identified: c.Identified}
	after := before.Next(u)
	marked := map[string]map[pipeline.Unit]*pipeline.View{}
	pipeline.Affected(before, after, u, func(node string, unit pipeline.Unit) {
		if marked[node] == nil {
			marked[node] = map[pipeline.Unit]*pipeline.View{}
		}
		marked[node][unit] = before
	})
	for _, node := range []string{"n1", "n2", "n3"} {
		got, want := compile(before, node), compile(after, node)
		had := len(got)
		var d pipeline.Delta
		d.Compute(after, node, maps.All(marked[node]))
		got.apply(&d)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-compiled +after the delta):\n%s", node, diff)
		}
		t.Logf("%s: %d flows before, %d after", node, had, len(got))
	}
}
