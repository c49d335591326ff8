package topology

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

func checked(t *testing.T) *Snapshot {
	t.Helper()
	r, err := Plan(NewSnapshot(), []Op{
		{Verb: Put, Ref: Ref{Kind: KindNode, Name: "n1"}, Spec: NodeSpec{}},
		{Verb: Put, Ref: Ref{Kind: KindNetwork, Name: "a"}, Spec: NetworkSpec{VNI: 9, Subnets: []Subnet{{Prefix: netip.MustParsePrefix("10.0.0.0/24")}}}},
		{Verb: Put, Ref: Ref{Kind: KindNetwork, Name: "s"}, Spec: NetworkSpec{VNI: 8, Mode: Segmented, ContainersPerNode: 250, MaxNodes: 9, Subnets: []Subnet{{Prefix: netip.MustParsePrefix("10.4.0.0/16")}}}},
		{Verb: Put, Ref: Ref{Kind: KindPort, Name: "p"}, Spec: PortSpec{Network: "a"}},
		{Verb: Put, Ref: Ref{Kind: KindPort, Name: "q"}, Spec: PortSpec{Network: "a"}},
	}, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	return r.Next
}

// TestCheckIPAMFinds corrupts the indexes in every way that the check detects.
func TestCheckIPAMFinds(t *testing.T) {
	at := numberOf(netip.MustParseAddr("10.0.0.2"))
	after := func(n uint32) number { return at.plus(small(n)) }
	for _, tt := range []struct {
		name    string
		corrupt func(s *Snapshot, p, q *Port)
		want    string
	}{
		{"nothing", func(*Snapshot, *Port, *Port) {}, ""},
		{"lock lost", func(s *Snapshot, _, _ *Port) { s.x.locks.Delete(lock{vni: 9, span: just(at)}) }, "port/p: 10.0.0.2 of network/a is not locked"},
		{"lock of another", func(s *Snapshot, _, q *Port) { s.x.locks.Set(lock{9, just(at), q}) }, "is locked for port/q"},
		{"lock of nobody", func(s *Snapshot, p, _ *Port) { s.x.locks.Set(lock{9, just(after(50)), p}) }, "1 addresses are locked for no port"},
		{"held twice", func(_ *Snapshot, p, q *Port) { q.Addresses = p.Addresses }, "port/q: 10.0.0.2 of network/a is held twice"},
		{"outside", func(_ *Snapshot, _, q *Port) { q.Addresses = []netip.Addr{netip.MustParseAddr("10.9.0.1")} }, "is not in the subnets"},
		{"network lost", func(s *Snapshot, _, _ *Port) { s.x.networks.Delete("a") }, `there is no network "a"`},
		{"booked too much", func(s *Snapshot, _, _ *Port) { s.x.addrs.add(9, span{after(50), after(60)}) }, "addresses 10.0.0.52-10.0.0.62 are booked as taken"},
		{"booked too little", func(s *Snapshot, _, _ *Port) { s.x.addrs.remove(9, just(at)) }, "10.0.0.2-10.0.0.3 are in use, and not all booked"},
		{"block lost", func(s *Snapshot, _, _ *Port) { s.x.blocks.Delete(blockEntry{a: "s", b: "n1"}) }, `node "n1" has no block`},
		{"block of no network", func(s *Snapshot, _, _ *Port) { s.x.networks.Delete("s") }, "no such segmented network"},
		{"block twice", func(s *Snapshot, _, _ *Port) {
			b, _ := s.x.block("s", "n1")
			s.x.blocks.Set(blockEntry{"s", "n2", &Block{Network: "s", Node: "n2", ByFamily: b.ByFamily}})
		}, "belongs to two nodes"},
		{"slot lost", func(s *Snapshot, _, _ *Port) { s.x.slots.remove(8<<1, just(small(uint32(1)))) }, "blocks number 1-1 of IPv4 are in use, and not all booked"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := checked(t)
			p, _ := s.Port("p")
			q, _ := s.Port("q")
			tt.corrupt(s, p, q)
			got := CheckIPAM(s)
			if tt.want == "" && len(got) == 0 {
				return
			}
			if tt.want == "" || !slices.ContainsFunc(got, func(w string) bool { return strings.Contains(w, tt.want) }) {
				t.Errorf("found %q, want %q", got, tt.want)
			}
		})
	}
}

// TestPlanConcurrently plans on one snapshot from many goroutines while others
// read it; for the race detector.
func TestPlanConcurrently(t *testing.T) {
	s := checked(t)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for range 20 {
				r, err := Plan(s, []Op{{Verb: Put, Ref: Ref{Kind: KindPort, Name: fmt.Sprint("x", i)}, Spec: PortSpec{Network: "a"}}}, time.Time{})
				if err != nil {
					t.Error(err)
					return
				}
				if p, _ := r.Next.Port(fmt.Sprint("x", i)); p.Addresses[0].String() != "10.0.0.4" {
					t.Errorf("planned %s", p.Addresses)
				}
			}
		})
		wg.Go(func() {
			for range 20 {
				if w := CheckIPAM(s); len(w) > 0 || s.NumPorts() != 2 {
					t.Error(w)
				}
			}
		})
	}
	wg.Wait()
}

// BenchmarkAllocate finds the next free address among many that are taken, in
// one run followed by as many numbers of which every second one is free.
func BenchmarkAllocate(b *testing.B) {
	for _, n := range []uint32{1_000, 1_000_000} {
		b.Run(fmt.Sprintf("taken=%d", n), func(b *testing.B) {
			s := newRunSet()
			in := spanOf(netip.MustParsePrefix("fd00::/64"))
			s.add(9, span{in.from, in.from.plus(small(n))})
			for i := n + 2; i < 2*n; i += 2 { // beyond the first gap, as after many deletes
				s.add(9, just(in.from.plus(small(i))))
			}
			b.ReportAllocs()
			for b.Loop() {
				v, ok := s.free(9, in, nil)
				if !ok {
					b.Fatal("nothing is free")
				}
				s.add(9, just(v))
				s.remove(9, just(v))
			}
		})
	}
}
