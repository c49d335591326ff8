package store

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/sdnctl/sdnctl/topology"
)

// filled writes a store with n ports and returns its path.
func filled(b *testing.B, n int) string {
	b.Helper()
	path := filepath.Join(b.TempDir(), "sdnd.db")
	s := open(b, path)
	ops := []topology.Op{put(topology.KindNetwork, "a", network("10.0.0.0/8"))}
	for i := range n {
		ops = append(ops, put(topology.KindPort, fmt.Sprint("p", i), topology.PortSpec{Network: "a"}))
	}
	apply(b, s, ops...)
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
	return path
}

// BenchmarkOpen loads a store: 1,000,000 ports with -benchtime=1x and
// -timeout large enough, smaller ones always.
func BenchmarkOpen(b *testing.B) {
	for _, n := range []int{1_000, 100_000, 1_000_000} {
		b.Run(fmt.Sprintf("ports=%d", n), func(b *testing.B) {
			if testing.Short() && n > 100_000 {
				b.Skip("large")
			}
			path := filled(b, n)
			for b.Loop() {
				s := open(b, path)
				if got := s.Snapshot().NumPorts(); got != n {
					b.Fatalf("%d ports, want %d", got, n)
				}
				if err := s.Close(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkApply adds and removes one port, each durable, in stores of
// different sizes.
func BenchmarkApply(b *testing.B) {
	for _, n := range []int{1_000, 100_000} {
		b.Run(fmt.Sprintf("ports=%d", n), func(b *testing.B) {
			s := open(b, filled(b, n))
			for i := 0; b.Loop(); i++ {
				op := put(topology.KindPort, "extra", topology.PortSpec{Network: "a"})
				if i%2 == 1 {
					op = del(topology.KindPort, "extra")
				}
				if _, err := s.Apply(context.Background(), "bench", []topology.Op{op}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
