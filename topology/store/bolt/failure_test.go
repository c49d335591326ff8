package bolt

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/store"
)

func TestOpenLocked(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sdnd.db")
	open(t, path)
	start := time.Now()
	_, err := Open(path, Options{})
	if !errors.Is(err, ErrLocked) || !strings.Contains(err.Error(), path) {
		t.Errorf("second open: %v, want ErrLocked with the path", err)
	}
	if d := time.Since(start); d > 5*time.Second {
		t.Errorf("it took %v to say so", d)
	}
}

// tamper changes the file behind the store's back.
func tamper(t *testing.T, path string, f func(tx *bolt.Tx) error) {
	t.Helper()
	db, err := bolt.Open(path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(db.Update(f), db.Close()); err != nil {
		t.Fatal(err)
	}
}

func TestOpenRefuses(t *testing.T) {
	set := func(bucket, key, value string) func(*testing.T, string) {
		return func(t *testing.T, path string) {
			tamper(t, path, func(tx *bolt.Tx) error {
				b := tx.Bucket([]byte(bucket))
				if value == "" {
					return b.Delete([]byte(key))
				}
				return b.Put([]byte(key), []byte(value))
			})
		}
	}
	truncate := func(size int64) func(*testing.T, string) {
		return func(t *testing.T, path string) {
			if err := os.Truncate(path, size); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, tt := range []struct {
		name   string
		damage func(t *testing.T, path string)
		want   error
		words  string
	}{
		{"newer schema", set("meta", "schema", "99"), store.ErrNewerSchema, "schema 99"},
		{"schema is no number", set("meta", "schema", "x"), store.ErrDamaged, "schema"},
		{"revision is no number", set("meta", "revision", "x"), store.ErrDamaged, "revision"},
		{"object is no JSON", set("nodes", "n1", "{"), store.ErrDamaged, "node/n1"},
		{"network without subnets", set("networks", "pods", `{"spec":{"mode":"segmented"},"vni":4097}`), store.ErrDamaged, ""},
		{"node with a tunnel of a link", set("nodes", "n1", `{"spec":{"tunnelIP":"fe80::1"},"datapathID":"00000000000000a1"}`), store.ErrDamaged, ""},
		{"port without network", set("networks", "flat", ""), store.ErrDamaged, `there is no network "flat"`},
		{"lock without port", set("ports", "roaming", ""), store.ErrDamaged, `held by "roaming"`},
		{"port without lock", set("locks", string(lockKey(topology.FirstAllocatedVNI, netip.MustParsePrefix("10.0.0.2/32"))), ""), store.ErrDamaged, "2 address locks for 3 addresses of ports"},
		{"block key", set("blocks", "x", "{}"), store.ErrDamaged, `block "x"`},
		{"block of no node", set("blocks", "pods\x00n9", `{"ranges":[{"cidr":"10.244.9.0/24"}]}`), store.ErrDamaged, "no such node"},
		{"truncated to half a page", truncate(2048), store.ErrDamaged, ""},
		{"truncated to one page", truncate(4096), store.ErrDamaged, ""},
		{"truncated in the middle", truncate(16384), store.ErrDamaged, ""},
		{"not our file", func(t *testing.T, path string) {
			if err := os.WriteFile(path, []byte(strings.Repeat("hello\n", 10000)), 0o600); err != nil {
				t.Fatal(err)
			}
		}, store.ErrDamaged, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "sdnd.db")
			s := open(t, path)
			apply(t, s, scale()...)
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			tt.damage(t, path)
			_, err := Open(path, Options{})
			if !errors.Is(err, tt.want) || !strings.Contains(err.Error(), tt.words) || !strings.Contains(err.Error(), path) {
				t.Errorf("open: %v\nwant %v, with %q", err, tt.want, tt.words)
			}
		})
	}
}

func TestOpenWithoutFolder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "none", "sdnd.db")
	if _, err := Open(path, Options{}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("open in a folder that is not there: %v", err)
	}
}

func TestMode(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sdnd.db")
	open(t, path)
	if fi, err := os.Stat(path); err != nil || fi.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", fi.Mode(), err)
	}
}

// unchanged runs an Apply that must fail and checks that nothing came of it.
func unchanged(t *testing.T, s *Store, ops ...topology.Op) error {
	t.Helper()
	before := s.Snapshot()
	_, err := s.Apply(context.Background(), "alice", ops)
	if err == nil {
		t.Fatal("Apply succeeded")
	}
	if s.Snapshot() != before {
		t.Error("a failed Apply published a snapshot")
	}
	return err
}

func TestApplyReadOnly(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sdnd.db")
	s := open(t, path)
	apply(t, s, scale()...)
	s.OnCommit(func(store.Commit) { t.Error("OnCommit was called for a failed Apply") })
	if err := s.db.Close(); err != nil {
		t.Fatal(err)
	}
	var err error
	if s.db, s.file, err = openBolt(path, true); err != nil {
		t.Fatal(err)
	}
	err = unchanged(t, s, del(topology.KindPort, "web"))
	if !strings.Contains(err.Error(), "revision 2 was not written and nothing has changed: ") {
		t.Errorf("error: %v", err)
	}
	if h, err := s.History(0, 0, nil); err != nil || len(h) != 1 {
		t.Errorf("history after the failure: %d entries, %v", len(h), err)
	}
}

func TestApplyAfterClose(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "sdnd.db"))
	apply(t, s, scale()...)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	unchanged(t, s, del(topology.KindPort, "web"))
}

func TestApplyCancelled(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "sdnd.db"))
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := s.Apply(ctx, "alice", scale()); !errors.Is(err, context.Canceled) || s.Snapshot().Revision() != 0 {
		t.Errorf("error %v, revision %d", err, s.Snapshot().Revision())
	}
}

func TestApplyProblems(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "sdnd.db"))
	apply(t, s, scale()...)
	err := unchanged(t, s,
		put(topology.KindPort, "new", topology.PortSpec{Network: "flat"}),
		del(topology.KindNetwork, "pods"),
		put(topology.KindPort, "bad", topology.PortSpec{Network: "nowhere"}),
	)
	var ps topology.Problems
	if !errors.As(err, &ps) || len(ps) != 2 {
		t.Errorf("error %v, want two problems", err)
	}
	if _, err := topology.Plan(s.Snapshot(), []topology.Op{del(topology.KindNetwork, "pods")}, time.Now()); !errors.As(err, &ps) {
		t.Errorf("dry run: %v", err)
	}
}

// TestDiskFull fills a small file system of its own. The store must refuse
// with a clear error, keep what it has, and go on when there is room again.
func TestDiskFull(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=1m"); err != nil {
		t.Skipf("mounting a small file system needs root: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	path := filepath.Join(dir, "sdnd.db")
	s, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	apply(t, s, scale()...)
	filler := filepath.Join(dir, "filler")
	// Writes what fits; the error is the point.
	_ = os.WriteFile(filler, make([]byte, 2<<20), 0o600)
	var ops []topology.Op
	for i := range 200 {
		ops = append(ops, put(topology.KindPort, "p"+string(rune('a'+i/26))+string(rune('a'+i%26)), topology.PortSpec{Network: "flat"}))
	}
	err = unchanged(t, s, ops...)
	if !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("error %v, want no space left on device", err)
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	if c := apply(t, s, ops...); c.Revision != 2 {
		t.Errorf("revision %d once there is room again, want 2", c.Revision)
	}
}
