package bolt

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	bolt "go.etcd.io/bbolt"

	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/store"
	"github.com/sdnctl/sdnctl/topology/store/storetest"
)

// TestFileLost: whatever is done to the file of an open store is noticed before
// the next change is called saved, and what is in memory can be backed up. While
// it is so no second store has the name.
func TestFileLost(t *testing.T) {
	for name, spoil := range map[string]func(path string) error{
		"removed": os.Remove,
		"renamed": func(path string) error { return os.Rename(path, path+".old") },
		"replaced": func(path string) error {
			return errors.Join(os.Rename(path, path+".old"), copyFile(path+".old", path))
		},
		"emptied":   func(path string) error { return os.Truncate(path, 0) },
		"cut short": func(path string) error { return os.Truncate(path, 3*int64(os.Getpagesize())) },
		"emptied and as long as before": func(path string) error {
			fi, err := os.Stat(path)
			return errors.Join(err, os.Truncate(path, 0), os.Truncate(path, fi.Size()))
		},
		"overwritten": func(path string) error { return copyFile(filepath.Join(filepath.Dir(path), "other.db"), path) },
		"changed by another program": func(path string) error {
			f, err := os.OpenFile(path, os.O_RDWR, 0)
			if err != nil {
				return err
			}
			_, err = f.WriteAt([]byte{1}, boltHeader+17)
			return errors.Join(err, f.Close())
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // the second store waits for a second
			dir := t.TempDir()
			other := open(t, filepath.Join(dir, "other.db"))
			if err := other.Close(); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(dir, "sdnd.db")
			s := open(t, path)
			for _, ops := range crashes() {
				apply(t, s, ops...)
			}
			want := storetest.Contents(s.Snapshot())
			if err := s.Check(); err != nil {
				t.Fatal(err)
			}
			if err := spoil(path); err != nil {
				t.Fatal(err)
			}
			if err := s.Check(); !errors.Is(err, store.ErrFileLost) {
				t.Errorf("check: %v", err)
			}
			// Each of these reads the file, or writes to it; what is read may be
			// right or refused, and must not end the process.
			for _, err := range []error{
				func() error { _, err := s.History(0, 0, nil); return err }(),
				func() error { _, err := s.Bindings(); return err }(),
				func() error { _, err := s.CheckIPAM(); return err }(),
			} {
				if err != nil && !errors.Is(err, store.ErrFileLost) {
					t.Errorf("reading: %v", err)
				}
			}
			_, err := s.Apply(context.Background(), "test", []topology.Op{put(topology.KindNetwork, "late", network("10.99.0.0/24"))})
			if !errors.Is(err, store.ErrFileLost) {
				t.Errorf("a change: %v", err)
			}
			if err := s.SaveBindings([]store.Binding{{Port: "p", Node: "n"}}); !errors.Is(err, store.ErrFileLost) {
				t.Errorf("bindings: %v", err)
			}
			if _, err := Open(path, Options{}); !errors.Is(err, ErrLocked) {
				t.Errorf("a second store: %v", err)
			}
			c, err := s.Backup()
			if err != nil {
				t.Fatal(err)
			}
			if !c.FromMemory {
				t.Error("the backup does not say that it is from memory")
			}
			saved := filepath.Join(dir, "saved.db")
			f, err := os.Create(saved)
			if err != nil {
				t.Fatal(err)
			}
			if n, err := io.Copy(f, c); err != nil || n != c.Size {
				t.Fatal(n, err)
			}
			if err := errors.Join(f.Close(), c.Close(), s.Close()); err != nil {
				t.Fatal(err)
			}
			again := open(t, saved)
			if d := cmp.Diff(want, storetest.Contents(again.Snapshot()), storetest.Values()); d != "" || again.Snapshot().Revision() != s.Snapshot().Revision() {
				t.Errorf("what the backup has:\n%s", d)
			}
			if h, err := again.History(0, 0, nil); err != nil || len(h) != 1 {
				t.Errorf("history of the backup: %v %v", h, err)
			}
			if b, err := again.Bindings(); err != nil || len(b) != 0 {
				t.Errorf("bindings of the backup: %v %v", b, err)
			}
			if r, err := again.CheckIPAM(); err != nil || len(r.Differences) > 0 {
				t.Errorf("%v %v", r.Differences, err)
			}
			apply(t, again, put(topology.KindNetwork, "late", network("10.99.0.0/24")))
			left, err := os.ReadDir(dir)
			for _, e := range left {
				if filepath.Ext(e.Name()) != ".db" && filepath.Ext(e.Name()) != ".lock" && filepath.Ext(e.Name()) != ".old" {
					t.Errorf("left behind: %s %v", e.Name(), err)
				}
			}
		})
	}
}

// TestFileComesBack: a file that was moved away and back is as good as before.
func TestFileComesBack(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sdnd.db")
	s := open(t, path)
	if err := os.Rename(path, path+".away"); err != nil {
		t.Fatal(err)
	}
	if err := s.Check(); !errors.Is(err, store.ErrFileLost) {
		t.Error(err)
	}
	if err := os.Rename(path+".away", path); err != nil {
		t.Fatal(err)
	}
	if err := s.Check(); err != nil {
		t.Error(err)
	}
	apply(t, s, put(topology.KindNetwork, "blue", network("10.0.0.0/24")))
}

// TestFaultsAreErrors: memory of a file that was cut short after it was looked
// at is read as an error, and the store can still be closed.
func TestFaultsAreErrors(t *testing.T) {
	for name, use := range map[string]func(s *Store) error{
		"reading": func(s *Store) error { _, err := s.History(0, 0, nil); return err },
		"writing": func(s *Store) error {
			return s.recoverFaults(func() error {
				return s.update(func(tx *bolt.Tx) error { return tx.Bucket([]byte(bucketMeta)).Put([]byte("k"), nil) })
			})
		},
		"backing up": func(s *Store) error { _, err := s.copyIn(t.TempDir()); return err },
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "sdnd.db")
			s := open(t, path)
			for _, ops := range crashes() {
				apply(t, s, ops...)
			}
			if err := os.Truncate(path, 0); err != nil {
				t.Fatal(err)
			}
			s.watched.size.Store(0)
			for range 2 {
				if err := use(s); !errors.Is(err, store.ErrFileLost) {
					t.Errorf("%v", err)
				}
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestDamagedBeginning flips each bit of the two first pages that counts: either
// nothing acknowledged is lost, or Open refuses until --data-accept-older is given.
func TestDamagedBeginning(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "sdnd.db")
	s := open(t, path)
	for _, ops := range crashes() {
		apply(t, s, ops...)
	}
	newest, begins, pageSize := s.Snapshot().Revision(), s.watched.begins, s.db.Info().PageSize
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	record, err := os.ReadFile(path + ".lock")
	if err != nil {
		t.Fatal(err)
	}
	for page := range 2 {
		counts := begins[page].txid == begins.newest().txid
		for bit := 0; bit < 64*8; bit += 37 {
			bad := append([]byte(nil), good...)
			bad[page*pageSize+boltHeader+bit/8] ^= 1 << (bit % 8)
			for _, known := range []bool{true, false} {
				spoilt := filepath.Join(dir, "spoilt.db")
				lock := record
				if !known {
					lock = nil
				}
				if err := errors.Join(os.WriteFile(spoilt, bad, 0o600), os.WriteFile(spoilt+".lock", lock, 0o600)); err != nil {
					t.Fatal(err)
				}
				s, err := Open(spoilt, Options{})
				if refused := errors.Is(err, ErrOlder); refused != (counts || !known) || err != nil && !refused {
					t.Fatalf("page %d, which counts: %v; bit %d; acknowledged is known: %v; opened with %v", page, counts, bit, known, err)
				}
				if err != nil {
					if s, err = Open(spoilt, Options{AcceptOlder: true}); err != nil {
						t.Fatal(err)
					}
				}
				if rev := s.Snapshot().Revision(); !counts && rev != newest || counts && rev >= newest {
					t.Errorf("page %d, which counts: %v; bit %d: revision %d of %d", page, counts, bit, rev, newest)
				}
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
}

func copyFile(from, to string) error {
	b, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, b, 0o600)
}

// TestDamageUnderTheStore: a value that is overwritten in the file of an open store,
// well-formed as it may be, is found by a check and by a backup, which is of what is
// in memory then; and the file is not written to any more.
func TestDamageUnderTheStore(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "sdnd.db")
	s := open(t, path)
	apply(t, s, scale()...)
	good := image(t, path)
	at := bytes.LastIndex(good, []byte(`"tunnelIP":"192.168.0.`))
	if at < 0 {
		t.Fatal("no node in the file")
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	// In every copy of the page, the one in use among them.
	for end := len(good); ; end = at {
		if at = bytes.LastIndex(good[:end], []byte(`"tunnelIP":"192.168.0.`)); at < 0 {
			break
		}
		if _, err := f.WriteAt([]byte("9"), int64(at+len(`"tunnelIP":"192.168.0.`))); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if r, err := s.CheckIPAM(); err != nil || len(r.Differences) != 1 {
		t.Errorf("check: %q %v", r.Differences, err)
	}
	want := storetest.Contents(s.Snapshot())
	copied, _ := backup(t, s)
	if err := s.Check(); !errors.Is(err, store.ErrFileLost) {
		t.Errorf("check after the backup: %v", err)
	}
	saved := filepath.Join(dir, "saved.db")
	if err := os.WriteFile(saved, copied, 0o600); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, storetest.Contents(open(t, saved).Snapshot()), storetest.Values()); d != "" {
		t.Errorf("the backup (-want +got):\n%s", d)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	// The process still has the file itself locked.
	if err := copyFile(path, filepath.Join(dir, "spoilt.db")); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(filepath.Join(dir, "spoilt.db"), Options{}); !errors.Is(err, store.ErrDamaged) {
		t.Errorf("opened again: %v", err)
	}
}
