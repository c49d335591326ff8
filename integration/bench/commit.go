package bench

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/store/bolt"
)

// commitShare measures what of the time to add a port is the durable commit,
// and what of that the disk: in the folder where the labs' daemons keep their
// files, too.
func commitShare(ctx context.Context, e *Env, r *Report) (err error) {
	dir, err := os.MkdirTemp("", "sdnbench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	n := e.Pick(500, 50)
	disk, err := bareCommits(filepath.Join(dir, "bare"), n)
	if err != nil {
		return err
	}
	for _, size := range e.portSizes() {
		commits, err := storeCommits(ctx, filepath.Join(dir, fmt.Sprintf("store-%d.db", size)), size, n)
		if err != nil {
			return err
		}
		r.Add(Line{
			Name: fmt.Sprintf("of that, the durable commit, %s others", number(float64(size))), Unit: "ms",
			Ours: commits.p50(time.Millisecond), Baseline: "the disk alone", Theirs: disk.p50(time.Millisecond),
			Note: "store.Apply of one port, beside writing as many pages to a bare file with the two fdatasync that a commit needs.",
		})
	}
	return nil
}

// bareCommits does what a commit asks of the disk, and nothing else: pages, a
// sync, the page that makes them valid, and a sync.
func bareCommits(path string, n int) (samples, error) {
	f, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	const page, pages, writes = 4096, 4096, 8
	if _, err := f.Write(make([]byte, page*pages)); err != nil {
		return nil, err
	}
	if err := f.Sync(); err != nil {
		return nil, err
	}
	data := make([]byte, page)
	i := 0
	return timed(n, func() error {
		i++
		for j := range writes {
			if _, err := f.WriteAt(data, int64(2+(i*writes+j)*7%(pages-2))*page); err != nil {
				return err
			}
		}
		if err := syscall.Fdatasync(int(f.Fd())); err != nil {
			return err
		}
		if _, err := f.WriteAt(data, int64(i%2)*page); err != nil {
			return err
		}
		return syscall.Fdatasync(int(f.Fd()))
	})
}

// storeCommits times adding a port to a store that has so many.
func storeCommits(ctx context.Context, path string, size, n int) (_ samples, err error) {
	st, err := bolt.Open(path, bolt.Options{})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	if _, err := st.Apply(ctx, "bench", stretchedPorts(size)); err != nil {
		return nil, err
	}
	extra := topology.Ref{Kind: topology.KindPort, Name: "extra"}
	var took samples
	for range n {
		start := time.Now()
		if _, err := st.Apply(ctx, "bench", []topology.Op{{Verb: topology.Create, Ref: extra, Spec: topology.PortSpec{Network: "n"}}}); err != nil {
			return nil, err
		}
		took = append(took, time.Since(start))
		if _, err := st.Apply(ctx, "bench", []topology.Op{{Verb: topology.Delete, Ref: extra}}); err != nil {
			return nil, err
		}
	}
	return took, nil
}

// stretchedPorts declares a network with so many ports.
func stretchedPorts(n int) []topology.Op {
	ops := []topology.Op{{
		Verb: topology.Put, Ref: topology.Ref{Kind: topology.KindNetwork, Name: "n"},
		Spec: topology.NetworkSpec{Mode: topology.Stretched, Subnets: []topology.Subnet{{Prefix: netip.MustParsePrefix("10.0.0.0/8")}}},
	}}
	for i := range n {
		ops = append(ops, topology.Op{
			Verb: topology.Put, Ref: topology.Ref{Kind: topology.KindPort, Name: fmt.Sprintf("p%d", i)},
			Spec: topology.PortSpec{Network: "n"},
		})
	}
	return ops
}
