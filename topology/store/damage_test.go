package store

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sdnctl/sdnctl/topology"
)

// TestDamagedAnywhere spoils a file at random places. bbolt has checksums for
// its two first pages only, so not everything can be noticed; but whatever it
// is, Open returns, and what it accepts does not contradict itself.
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
	want := contents(s.Snapshot())
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	refused, intact, other := 0, 0, 0
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
		case errors.Is(err, ErrDamaged) || errors.Is(err, ErrNewerSchema) || errors.Is(err, ErrOlder):
			refused++
			continue
		case err != nil:
			t.Fatalf("refused without saying that it is damaged: %v", err)
		}
		if w := topology.CheckIPAM(got.Snapshot()); len(w) == 0 && cmp.Equal(want, contents(got.Snapshot()), addrs) {
			intact++
		} else {
			other++
		}
		if err := got.Close(); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d refused, %d accepted as they were, %d accepted with other contents", refused, intact, other)
	if refused == 0 || intact == 0 {
		t.Error("that was no damage, or nothing else")
	}
}
