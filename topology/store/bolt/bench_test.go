package bolt

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

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
				b.Skip("large: not with -short")
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
// different sizes, by one caller and by many at once. Beside it stands what the
// disk alone takes for as many writes and syncs.
func BenchmarkApply(b *testing.B) {
	for _, n := range []int{1_000, 100_000} {
		for _, callers := range []int{1, 64} {
			b.Run(fmt.Sprintf("ports=%d/callers=%d", n, callers), func(b *testing.B) {
				s := open(b, filled(b, n))
				before := s.db.Stats()
				took := flipPorts(b, s, callers)
				after := s.db.Stats()
				txs := after.Sub(&before)
				b.ReportMetric(float64(quantile(took, 0.5).Microseconds()), "p50-µs")
				b.ReportMetric(float64(quantile(took, 0.99).Microseconds()), "p99-µs")
				b.ReportMetric(float64(txs.TxStats.GetWrite())/float64(len(took)), "writes/op")
				b.ReportMetric(float64(len(took))/b.Elapsed().Seconds(), "ops/s")
			})
		}
	}
	b.Run("bare", benchmarkBare)
}

// flipPorts has callers create and delete a port of their own in turn, b.N
// times altogether, and returns how long each took.
func flipPorts(b *testing.B, s *Store, callers int) []time.Duration {
	var wg sync.WaitGroup
	var left atomic.Int64
	left.Store(int64(b.N))
	all := make([][]time.Duration, callers)
	b.ResetTimer()
	for c := range callers {
		wg.Go(func() {
			name := fmt.Sprint("extra", c)
			for i := 0; left.Add(-1) >= 0; i++ {
				op := put(topology.KindPort, name, topology.PortSpec{Network: "a"})
				if i%2 == 1 {
					op = del(topology.KindPort, name)
				}
				start := time.Now()
				if _, err := s.Apply(context.Background(), "bench", []topology.Op{op}); err != nil {
					b.Error(err)
					return
				}
				all[c] = append(all[c], time.Since(start))
			}
		})
	}
	wg.Wait()
	b.StopTimer()
	return slices.Concat(all...)
}

func quantile(d []time.Duration, q float64) time.Duration {
	slices.Sort(d)
	return d[int(q*float64(len(d)-1))]
}

// benchmarkBare is the least that bbolt asks of the disk: the pages, a sync,
// the page that makes them valid, and a sync.
func benchmarkBare(b *testing.B) {
	f, err := os.Create(filepath.Join(b.TempDir(), "bare"))
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	const page, pages, writes = 4096, 4096, 8
	write := func(at int64, data []byte) {
		if _, err := f.WriteAt(data, at*page); err != nil {
			b.Fatal(err)
		}
	}
	sync := func() {
		if err := syscall.Fdatasync(int(f.Fd())); err != nil {
			b.Fatal(err)
		}
	}
	write(0, make([]byte, pages*page))
	sync()
	data := make([]byte, page)
	var took []time.Duration
	for i := 0; b.Loop(); i++ {
		start := time.Now()
		for j := range writes {
			write(int64(2+(i*writes+j)*7%(pages-2)), data)
		}
		sync()
		write(int64(i%2), data)
		sync()
		took = append(took, time.Since(start))
	}
	b.ReportMetric(float64(quantile(took, 0.5).Microseconds()), "p50-µs")
	b.ReportMetric(float64(quantile(took, 0.99).Microseconds()), "p99-µs")
}
