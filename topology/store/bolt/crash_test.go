package bolt

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/store/storetest"
)

// crashes are changes that together touch every bucket, release and take
// locks, split and empty pages, and prune history.
func crashes() [][]topology.Op {
	var many, few []topology.Op
	for i := range 120 {
		many = append(many, put(topology.KindPort, fmt.Sprintf("p%03d", i), topology.PortSpec{Network: "flat"}))
		if i%7 != 0 {
			few = append(few, del(topology.KindPort, fmt.Sprintf("p%03d", i)))
		}
	}
	return [][]topology.Op{
		scale(),
		many,
		{put(topology.KindNode, "n3", topology.NodeSpec{TunnelIP: netip.MustParseAddr("192.168.0.3")}), del(topology.KindPort, "roaming")},
		few,
		{del(topology.KindRouter, "main"), put(topology.KindPort, "again", topology.PortSpec{Network: "flat"})},
	}
}

const crashPage = 4096

// TestCrashAtEveryPage cuts off every commit at each of its page writes. Killed
// between two writes, the pages before are in the file. Without power it may be
// any of them, in any order, and each in part. As long as the last page of the
// commit, which makes it valid, is not written, the file has to be what it was
// before; and afterwards, what it is after.
func TestCrashAtEveryPage(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "sdnd.db")
	s, err := Open(path, Options{HistoryEntries: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	s.keep.entries = 2 - pruneSlack // prunes at every commit
	random, states := rand.New(rand.NewPCG(1, 2)), 0
	for n, ops := range crashes() {
		before, old := storetest.Contents(s.Snapshot()), image(t, path)
		apply(t, s, ops...)
		after, now := storetest.Contents(s.Snapshot()), image(t, path)
		data, valid := changed(old, now)
		if len(data) < 3 || len(valid) != 1 {
			t.Fatalf("commit %d wrote pages %v, and %v to make them valid", n, data, valid)
		}
		try := func(what string, pages []int, torn int, want map[string]any) {
			t.Helper()
			states++
			cut := filepath.Join(dir, "cut.db")
			writeImage(t, cut, old, now, pages, torn, random)
			reopened, err := Open(cut, Options{})
			if err != nil {
				t.Fatalf("commit %d, %s: %v", n, what, err)
			}
			defer os.Remove(cut)
			defer reopened.Close()
			if d := cmp.Diff(want, storetest.Contents(reopened.Snapshot()), storetest.Values()); d != "" {
				t.Fatalf("commit %d, %s (-want +got):\n%s", n, what, d)
			}
			if r, err := reopened.CheckIPAM(); err != nil || len(r.Differences) > 0 {
				t.Fatalf("commit %d, %s: %v, %v", n, what, r.Differences, err)
			}
			// It goes on from there.
			apply(t, reopened, put(topology.KindNetwork, "later", network("10.99.0.0/24")))
		}
		for i := range len(data) + 1 {
			try(fmt.Sprintf("killed after %d of %d pages", i, len(data)), data[:i], -1, before)
		}
		for i := range 20 {
			some := random.Perm(len(data))[:random.IntN(len(data)+1)]
			for j, k := range some {
				some[j] = data[k]
			}
			torn := -1
			if len(some) > 0 {
				torn = some[0]
			}
			try(fmt.Sprintf("without power, case %d, pages %v", i, some), some, torn, before)
		}
		try("whole", append(data, valid...), -1, after)
	}
	t.Logf("%d states of the file", states)
}

// image returns a file's content.
func image(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// changed returns the pages that differ: those with data, in the order in
// which they are written, and those that make a commit valid.
func changed(old, now []byte) (data, valid []int) {
	for p := range len(now) / crashPage {
		if bytes.Equal(pageOf(old, p), pageOf(now, p)) {
			continue
		}
		if p < 2 {
			valid = append(valid, p)
		} else {
			data = append(data, p)
		}
	}
	return data, valid
}

// pageOf returns a page; beyond the end they are empty.
func pageOf(image []byte, p int) []byte {
	if (p+1)*crashPage > len(image) {
		return make([]byte, crashPage)
	}
	return image[p*crashPage : (p+1)*crashPage]
}

// writeImage makes a file of an old image, with some pages of the new one; of
// the torn one only some sectors.
func writeImage(t *testing.T, path string, old, now []byte, pages []int, torn int, random *rand.Rand) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	write := func(p int, b []byte) {
		if _, err := f.WriteAt(b, int64(p)*crashPage); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Truncate(int64(len(now))); err != nil { // growing comes first
		t.Fatal(err)
	}
	empty := make([]byte, crashPage)
	for p := range len(old) / crashPage {
		if b := pageOf(old, p); !bytes.Equal(b, empty) {
			write(p, b)
		}
	}
	for _, p := range pages {
		b := bytes.Clone(pageOf(now, p))
		if p == torn {
			for at := 0; at < crashPage; at += 512 {
				if random.IntN(2) == 0 {
					copy(b[at:at+512], pageOf(old, p)[at:])
				}
			}
		}
		write(p, b)
	}
}
