package topology_test

import (
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/sdnctl/sdnctl/topology"
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

// plan plans ops that must be valid, and checks the indexes of the result.
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

// refused plans ops that must be invalid.
func refused(t testing.TB, s *topology.Snapshot, ops ...topology.Op) topology.Problems {
	t.Helper()
	_, err := topology.Plan(s, ops, epoch)
	var ps topology.Problems
	if !errors.As(err, &ps) {
		t.Fatalf("error %v, want problems", err)
	}
	return ps
}

func port(t testing.TB, s *topology.Snapshot, name string) *topology.Port {
	t.Helper()
	p, ok := s.Port(name)
	if !ok {
		t.Fatalf("there is no port %q", name)
	}
	return p
}
