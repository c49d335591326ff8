package bolt

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/store"
	"github.com/sdnctl/sdnctl/topology/store/storetest"
)

// TestDamagedAnywhere spoils a file at random places. Whatever it is, Open returns,
// and what it accepts is the topology of before.
func TestDamagedAnywhere(t *testing.T) {
	rounds := 1500
	if testing.Short() {
		rounds = 200
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "sdnd.db")
	s := open(t, path)
	for _, ops := range crashes() {
		apply(t, s, ops...)
	}
	good, _ := backup(t, s)
	want := storetest.Contents(s.Snapshot())
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	refused, intact := 0, 0
	for i := range rounds {
		bad := append([]byte(nil), good...)
		for range 1 + random.IntN(8) {
			at := random.IntN(len(bad))
			switch random.IntN(3) {
			case 0: // a bit
				bad[at] ^= 1 << random.IntN(8)
			case 1: // a sector that was lost
				at = at / 512 * 512
				clear(bad[at:min(at+512, len(bad))])
			case 2: // a page that went elsewhere
				to, from := random.IntN(len(bad)/crashPage)*crashPage, at/crashPage*crashPage
				copy(bad[to:to+crashPage], bad[from:from+crashPage])
			}
		}
		spoilt := filepath.Join(dir, fmt.Sprint("spoilt", i))
		if err := os.WriteFile(spoilt, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := Open(spoilt, Options{})
		for _, name := range []string{spoilt, spoilt + ".lock"} {
			if err := os.Remove(name); err != nil {
				t.Fatal(err)
			}
		}
		switch {
		case errors.Is(err, store.ErrDamaged) || errors.Is(err, store.ErrNewerSchema) || errors.Is(err, ErrOlder):
			refused++
			continue
		case err != nil:
			t.Fatalf("refused without saying that it is damaged: %v", err)
		}
		if w := topology.CheckIPAM(got.Snapshot()); len(w) == 0 && cmp.Equal(want, storetest.Contents(got.Snapshot()), storetest.Values()) {
			intact++
		} else {
			t.Errorf("round %d: accepted with another topology", i)
		}
		if err := got.Close(); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d refused, %d accepted as they were", refused, intact)
	if refused == 0 || intact == 0 {
		t.Error("that was no damage, or nothing else")
	}
}

// TestDamageIsNeverSilent flips a byte in every page of a file in turn, and empties
// each. Whatever opens then has the topology of before, also after a change.
func TestDamageIsNeverSilent(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "sdnd.db")
	s := open(t, path)
	ops := []topology.Op{put(topology.KindNetwork, "flat", network("10.0.0.0/16"))}
	for i := range 250 {
		ops = append(ops, put(topology.KindPort, fmt.Sprintf("port%03d", i), &topology.PortSpec{Network: "flat"}))
	}
	apply(t, s, ops...)
	apply(t, s, ops[:100]...)
	apply(t, s, del(topology.KindPort, "port007"))
	good, _ := backup(t, s) // the pages that are in use
	want, revision := storetest.Contents(s.Snapshot()), s.Snapshot().Revision()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	each := 8
	if testing.Short() {
		each = 2
	}
	refused, intact := 0, 0
	try := func(what string, bad []byte) {
		t.Helper()
		spoilt := filepath.Join(dir, "spoilt.db")
		if err := os.WriteFile(spoilt, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		defer os.Remove(spoilt + ".lock")
		got, err := Open(spoilt, Options{})
		if err != nil {
			if !errors.Is(err, store.ErrDamaged) && !errors.Is(err, store.ErrNewerSchema) && !errors.Is(err, ErrOlder) {
				t.Errorf("%s: refused without saying that it is damaged: %v", what, err)
			}
			refused++
			return
		}
		if d := cmp.Diff(want, storetest.Contents(got.Snapshot()), storetest.Values()); d != "" || got.Snapshot().Revision() != revision {
			t.Errorf("%s: opened at revision %d, want %d, with another topology (-want +got):\n%s", what, got.Snapshot().Revision(), revision, d)
		}
		apply(t, got, put(topology.KindPort, "port150", &topology.PortSpec{Network: "flat", Node: ""}), del(topology.KindPort, "port200"))
		now := storetest.Contents(got.Snapshot())
		if err := got.Close(); err != nil {
			t.Fatal(err)
		}
		again, err := Open(spoilt, Options{})
		if err != nil {
			t.Errorf("%s: after a change: %v", what, err)
			return
		}
		if d := cmp.Diff(now, storetest.Contents(again.Snapshot()), storetest.Values()); d != "" {
			t.Errorf("%s: after a change (-want +got):\n%s", what, d)
		}
		if err := again.Close(); err != nil {
			t.Fatal(err)
		}
		intact++
	}
	for page := 0; page < len(good)/crashPage; page++ {
		empty := append([]byte(nil), good...)
		clear(empty[page*crashPage : (page+1)*crashPage])
		try(fmt.Sprintf("page %d empty", page), empty)
		for i := range each {
			at := random.IntN(crashPage)
			if i%2 == 0 { // where the headers and elements are
				at = random.IntN(256)
			}
			at += page * crashPage
			bad := append([]byte(nil), good...)
			bad[at] ^= byte(1 + random.IntN(255))
			try(fmt.Sprintf("byte %d of page %d", at%crashPage, page), bad)
		}
	}
	t.Logf("%d pages: %d refused, %d accepted as they were", len(good)/crashPage, refused, intact)
	if refused == 0 || intact == 0 {
		t.Error("that was no damage, or nothing else")
	}
}

// TestDamagedKeysOfBranches: bbolt finds a page in the one above by its first key. With another key
// there, as far as the order of keys stays, it would add the page a second time with the next change.
func TestDamagedKeysOfBranches(t *testing.T) {
	dir := t.TempDir()
	s := open(t, filepath.Join(dir, "sdnd.db"))
	ops := []topology.Op{put(topology.KindNetwork, "flat", network("10.0.0.0/16"))}
	for i := range 250 {
		ops = append(ops, put(topology.KindPort, fmt.Sprintf("port%03d", i), &topology.PortSpec{Network: "flat"}))
	}
	apply(t, s, ops...)
	good, _ := backup(t, s)
	keys := 0
	for page := range len(good) / crashPage {
		b := good[page*crashPage : (page+1)*crashPage]
		if page < 2 || binary.LittleEndian.Uint16(b[8:]) != kindBranch {
			continue
		}
		for i := range int(binary.LittleEndian.Uint16(b[10:])) {
			at := boltHeader + i*boltElement
			last := at + int(binary.LittleEndian.Uint32(b[at:])) + int(binary.LittleEndian.Uint32(b[at+4:])) - 1
			for _, bit := range []byte{1, 2} {
				bad := append([]byte(nil), good...)
				bad[page*crashPage+last] ^= bit
				spoilt := filepath.Join(dir, "spoilt.db")
				if err := os.WriteFile(spoilt, bad, 0o600); err != nil {
					t.Fatal(err)
				}
				if got, err := Open(spoilt, Options{}); err == nil {
					t.Errorf("key %d of page %d, bit %d: it opens", i, page, bit)
					got.Close()
				} else if !errors.Is(err, store.ErrDamaged) {
					t.Errorf("key %d of page %d, bit %d: %v", i, page, bit, err)
				}
				keys++
			}
		}
	}
	if keys == 0 {
		t.Error("the file has no branches")
	}
}

// TestBucketsThatAreValues: a file in which a bucket has become a value is refused as damaged,
// whichever it is.
func TestBucketsThatAreValues(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sdnd.db")
	s := open(t, path)
	for _, ops := range crashes() {
		apply(t, s, ops...)
	}
	good, _ := backup(t, s)
	begins, err := readMetaPages(bytes.NewReader(good), crashPage)
	if err != nil {
		t.Fatal(err)
	}
	const header, element = 16, 16 // bytes; an element begins with its flags, 1 for a bucket
	root := int(begins.newest().root) * crashPage
	tried := int(binary.LittleEndian.Uint16(good[root+10:]))
	for i := range tried {
		bad := slices.Clone(good)
		bad[root+header+i*element] ^= 1
		spoilt := filepath.Join(t.TempDir(), "spoilt.db")
		if err := os.WriteFile(spoilt, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(spoilt, Options{}); !errors.Is(err, store.ErrDamaged) {
			t.Errorf("element %d is no bucket: Open returned %v", i, err)
		}
	}
	if want := len(buckets()); tried != want {
		t.Errorf("the root has %d elements, want %d", tried, want)
	}
}
