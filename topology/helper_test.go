package topology_test

import (
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

var epoch = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func ref(k topology.Kind, name string) topology.Ref { return topology.Ref{Kind: k, Name: name} }

func put(k topology.Kind, name string, spec topology.Spec) topology.Op {
	return topology.Op{Verb: topology.Put, Ref: ref(k, name), Spec: spec}
}

func create(k topology.Kind, name string, spec topology.Spec) topology.Op {
	return topology.Op{Verb: topology.Create, Ref: ref(k, name), Spec: spec}
}

func del(k topology.Kind, name string) topology.Op {
	return topology.Op{Verb: topology.Delete, Ref: ref(k, name)}
}

func ip(s string) netip.Addr { return netip.MustParseAddr(s) }

func stretched(cidrs ...string) topology.NetworkSpec {
	var s topology.NetworkSpec
	for _, c := range cidrs {
		s.Subnets = append(s.Subnets, topology.Subnet{Prefix: netip.MustParsePrefix(c)})
	}
	return s
}

func segmented(cidr string, containers, nodes int) topology.NetworkSpec {
	s := stretched(cidr)
	s.Mode, s.ContainersPerNode, s.MaxNodes = topology.Segmented, containers, nodes
	return s
}

func node(tunnel string) topology.NodeSpec { return topology.NodeSpec{TunnelIP: ip(tunnel)} }

// plan plans ops that must be right, and checks the books of what comes out.
func plan(t testing.TB, s *topology.Snapshot, ops ...topology.Op) topology.Result {
	t.Helper()
	r, err := topology.Plan(s, ops, epoch)
	if err != nil {
		t.Fatal(err)
	}
	if w := topology.CheckIPAM(r.Next); len(w) > 0 {
		t.Fatal(w)
	}
	return r
}

// refused plans ops that must be wrong.
func refused(t testing.TB, s *topology.Snapshot, ops ...topology.Op) topology.Problems {
	t.Helper()
	_, err := topology.Plan(s, ops, epoch)
	var ps topology.Problems
	if !errors.As(err, &ps) {
		t.Fatalf("error %v, want problems", err)
	}
	return ps
}

// contents returns everything that a snapshot says.
func contents(s *topology.Snapshot) map[string]any {
	out := map[string]any{"revision": s.Revision()}
	for o := range s.Nodes() {
		out[o.Ref().String()] = *o
	}
	for o := range s.Networks() {
		out[o.Ref().String()] = *o
	}
	for o := range s.Routers() {
		out[o.Ref().String()] = *o
	}
	for o := range s.Ports() {
		out[o.Ref().String()] = *o
	}
	for o := range s.Objects(model.KindPortGroup) {
		out[o.Ref().String()] = *o.(*topology.PortGroup)
	}
	for o := range s.Policies() {
		out[o.Ref().String()] = *o
	}
	for b := range s.AllBlocks() {
		out["block "+b.Network+" "+b.Node] = *b
	}
	return out
}

// addrs lets cmp compare netip values.
var addrs = cmp.Options{
	cmp.Comparer(func(a, b netip.Addr) bool { return a == b }),
	cmp.Comparer(func(a, b netip.Prefix) bool { return a == b }),
}

func port(t testing.TB, s *topology.Snapshot, name string) *topology.Port {
	t.Helper()
	p, ok := s.Port(name)
	if !ok {
		t.Fatalf("there is no port %q", name)
	}
	return p
}
