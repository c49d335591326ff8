package storetest

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
	"github.com/sdnctl/sdnctl/topology/store"
)

// bed is a store and where it is kept.
type bed struct {
	impl Implementation
	dir  string
	st   store.Store
}

// reopen closes the store and opens it again.
func (b *bed) reopen(t *testing.T) {
	t.Helper()
	if err := b.st.Close(); err != nil {
		t.Fatal(err)
	}
	b.st = b.impl.Open(t, b.dir)
}

// apply commits ops of alice.
func (b *bed) apply(t *testing.T, ops ...topology.Op) store.Commit {
	t.Helper()
	c, err := b.st.Apply(t.Context(), "alice", ops)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// same reports a difference between what a snapshot has and what was wanted.
func (b *bed) same(t *testing.T, want map[string]any, what string) {
	t.Helper()
	if d := cmp.Diff(want, Contents(b.st.Snapshot()), Values()); d != "" {
		t.Errorf("%s (-want +got):\n%s", what, d)
	}
}

// Values lets cmp compare addresses.
func Values() cmp.Option { return cmpopts.EquateComparable(netip.Addr{}, netip.Prefix{}) }

// Contents returns copies of everything that a snapshot has, by name: its revision, the objects
// of all kinds, and the blocks of nodes.
func Contents(s *topology.Snapshot) map[string]any {
	out := map[string]any{"revision": s.Revision()}
	for _, k := range model.Kinds() {
		for o := range s.Objects(k) {
			out[o.Ref().String()] = topology.Clone(o)
		}
	}
	for b := range s.AllBlocks() {
		out["block of "+b.Network+" on "+b.Node] = *b
	}
	return out
}

// Objects returns Contents without revisions, which a restore makes anew.
func Objects(s *topology.Snapshot) map[string]any {
	out := map[string]any{}
	for _, k := range model.Kinds() {
		for o := range s.Objects(k) {
			o = topology.Clone(o)
			m := o.Metadata()
			m.Created, m.Modified = 0, 0
			out[o.Ref().String()] = o
		}
	}
	for b := range s.AllBlocks() {
		out["block of "+b.Network+" on "+b.Node] = *b
	}
	return out
}

func put(k topology.Kind, name string, spec topology.Spec) topology.Op {
	return topology.Op{Verb: topology.Put, Ref: topology.Ref{Kind: k, Name: name}, Spec: spec}
}

func del(k topology.Kind, name string) topology.Op {
	return topology.Op{Verb: topology.Delete, Ref: topology.Ref{Kind: k, Name: name}}
}

// network puts a stretched network.
func network(name, subnet string) topology.Op {
	return put(topology.KindNetwork, name, topology.NetworkSpec{Subnets: []topology.Subnet{{Prefix: netip.MustParsePrefix(subnet)}}})
}

// port puts a port of the network blue.
func port(name string) topology.Op {
	return put(topology.KindPort, name, topology.PortSpec{Network: "blue"})
}

// everything puts objects of every kind that has something allocated for it.
func everything() []topology.Op {
	labelled := port("web")
	labelled.Labels = map[string]string{"tier": "web"}
	return []topology.Op{
		put(topology.KindNode, "n1", topology.NodeSpec{TunnelIP: netip.MustParseAddr("192.0.2.1")}),
		put(topology.KindNode, "n2", topology.NodeSpec{TunnelIP: netip.MustParseAddr("192.0.2.2"), DatapathID: 0xa2}),
		put(topology.KindNetwork, "pods", topology.NetworkSpec{
			Mode: topology.Segmented, ContainersPerNode: 250, MaxNodes: 100,
			Subnets: []topology.Subnet{{Prefix: netip.MustParsePrefix("10.244.0.0/16")}},
		}),
		network("blue", "10.0.0.0/24"),
		put(topology.KindRouter, "main", topology.RouterSpec{Networks: []string{"pods", "blue"}}),
		put(topology.KindPort, "pod", topology.PortSpec{Network: "pods", Node: "n1"}),
		labelled,
	}
}
