package topology_test

import (
	"fmt"
	"net/netip"
	"runtime"
	"testing"
	"time"

	"github.com/sdnctl/sdnctl/topology"
)

// flat is a snapshot of a stretched network "a" with n ports on one of 100
// nodes each.
func flat(tb testing.TB, n int) *topology.Snapshot {
	tb.Helper()
	r, err := topology.Plan(topology.NewSnapshot(), flatOps(n), time.Time{})
	if err != nil {
		tb.Fatal(err)
	}
	return r.Next
}

func flatOps(n int) []topology.Op {
	ops := []topology.Op{put(topology.KindNetwork, "a", stretched("10.0.0.0/8"))}
	for i := range 100 {
		ops = append(ops, put(topology.KindNode, fmt.Sprint("n", i), topology.NodeSpec{TunnelIP: netip.AddrFrom4([4]byte{192, 168, 1, byte(i)})}))
	}
	for i := range n {
		ops = append(ops, put(topology.KindPort, fmt.Sprint("p", i), topology.PortSpec{Network: "a", Node: fmt.Sprint("n", i%100)}))
	}
	return ops
}

// BenchmarkPlanPort plans one more port, with an address allocated, beside
// many. The figures for different sizes must be about equal.
func BenchmarkPlanPort(b *testing.B) {
	for _, n := range []int{1_000, 10_000, 100_000, 1_000_000} {
		b.Run(fmt.Sprintf("ports=%d", n), func(b *testing.B) {
			if testing.Short() && n > 100_000 {
				b.Skip("large: not with -short")
			}
			s := flat(b, n)
			ops := []topology.Op{put(topology.KindPort, "extra", topology.PortSpec{Network: "a", Node: "n1"})}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := topology.Plan(s, ops, time.Time{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkPlanBulk plans many ports at once, from nothing, and applies the
// same again.
func BenchmarkPlanBulk(b *testing.B) {
	const n = 100_000
	ops := flatOps(n)
	b.Run("new", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := topology.Plan(topology.NewSnapshot(), ops, time.Time{}); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("again", func(b *testing.B) {
		s := flat(b, n)
		b.ReportAllocs()
		for b.Loop() {
			if r, err := topology.Plan(s, ops, time.Time{}); err != nil || r.Next != s {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkPlanNode adds a node to 1,000 others with 10 segmented networks.
func BenchmarkPlanNode(b *testing.B) {
	var ops []topology.Op
	for i := range 10 {
		ops = append(ops, put(topology.KindNetwork, fmt.Sprint("s", i), segmented("10.0.0.0/8", 250, 2000)))
	}
	for i := range 1000 {
		ops = append(ops, put(topology.KindNode, fmt.Sprint("n", i), topology.NodeSpec{TunnelIP: netip.AddrFrom4([4]byte{192, 168, byte(i >> 8), byte(i)})}))
	}
	r, err := topology.Plan(topology.NewSnapshot(), ops, time.Time{})
	if err != nil {
		b.Fatal(err)
	}
	one := []topology.Op{put(topology.KindNode, "extra", topology.NodeSpec{TunnelIP: netip.MustParseAddr("192.168.100.1")})}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := topology.Plan(r.Next, one, time.Time{}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkLookup finds a port by its address among 100,000.
func BenchmarkLookup(b *testing.B) {
	s := flat(b, 100_000)
	ip := netip.MustParseAddr("10.0.200.200")
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := s.PortByAddress("a", ip); !ok {
			b.Fatal("not found")
		}
	}
}

// BenchmarkMemory reports what a port costs in a snapshot, all its indexes
// and names included, in bytes.
func BenchmarkMemory(b *testing.B) {
	const n = 100_000
	for b.Loop() {
		ops := flatOps(n)
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		r, err := topology.Plan(topology.NewSnapshot(), ops, time.Time{})
		if err != nil {
			b.Fatal(err)
		}
		s := r.Next
		r = topology.Result{}
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/n, "B/port")
		runtime.KeepAlive(s)
		runtime.KeepAlive(ops)
	}
}
