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

// commitShare measures which part of the time to add a port is the durable commit, and which
// part of the commit is the disk. It uses the folder of the labs' daemons, too.
func commitShare(ctx context.Context, e *Env, r *Report) (err error) {
	dir, err := os.MkdirTemp("", "sdnbench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	n := e.Pick(500, 50)
	disk, err := newBareDisk(filepath.Join(dir, "bare"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, disk.Close()) }()
	for _, size := range e.portSizes() {
		commits, disk, err := storeCommits(ctx, filepath.Join(dir, fmt.Sprintf("store-%d.db", size)), size, n, disk)
		if err != nil {
			return err
		}
		r.Add(Line{
			Name: fmt.Sprintf("of that, the durable commit, %s others", number(float64(size))), Unit: "ms",
			Ours: commits.p50(time.Millisecond), Baseline: "the disk alone", Theirs: disk.p50(time.Millisecond),
			Note: "store.Apply of one port, beside writing as many pages to a bare file with the two fdatasync that a commit needs; one after the other in turn.",
		})
	}
	return nil
}

// bareDisk is a file that is written in the same way as by a commit.
type bareDisk struct {
	*os.File
	page  []byte
	turns int
}

// The file is as long as barePages, and a commit writes bareWrites of them and one more.
const barePages, bareWrites = 4096, 8

func newBareDisk(path string) (*bareDisk, error) {
	f, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	d := &bareDisk{File: f, page: make([]byte, 4096)}
	_, err = f.Write(make([]byte, len(d.page)*barePages))
	if err = errors.Join(err, f.Sync()); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return d, nil
}

// commit does the disk operations of a commit: it writes pages and syncs, then writes the page
// that makes them valid and syncs.
func (d *bareDisk) commit() error {
	d.turns++
	for j := range bareWrites {
		if _, err := d.WriteAt(d.page, int64(2+(d.turns*bareWrites+j)*7%(barePages-2))*int64(len(d.page))); err != nil {
			return err
		}
	}
	if err := syscall.Fdatasync(int(d.Fd())); err != nil {
		return err
	}
	if _, err := d.WriteAt(d.page, int64(d.turns%2*len(d.page))); err != nil {
		return err
	}
	return syscall.Fdatasync(int(d.Fd()))
}

// storeCommits measures adding a port to a store with many ports, in turn with the disk alone,
// whose speed varies from second to second.
func storeCommits(ctx context.Context, path string, size, n int, disk *bareDisk) (took, alone samples, err error) {
	st, err := bolt.Open(path, bolt.Options{})
	if err != nil {
		return nil, nil, err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	if _, err := st.Apply(ctx, "bench", stretchedPorts(size)); err != nil {
		return nil, nil, err
	}
	extra := topology.Ref{Kind: topology.KindPort, Name: "extra"}
	for range n {
		one, err := timed(1, disk.commit)
		if err != nil {
			return nil, nil, err
		}
		alone = append(alone, one...)
		start := time.Now()
		if _, err := st.Apply(ctx, "bench", []topology.Op{{Verb: topology.Create, Ref: extra, Spec: topology.PortSpec{Network: "n"}}}); err != nil {
			return nil, nil, err
		}
		took = append(took, time.Since(start))
		if _, err := st.Apply(ctx, "bench", []topology.Op{{Verb: topology.Delete, Ref: extra}}); err != nil {
			return nil, nil, err
		}
	}
	return took, alone, nil
}

// stretchedPorts returns the declaration of a network with n ports.
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
