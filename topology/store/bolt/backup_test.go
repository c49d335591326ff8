package bolt

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	bolt "go.etcd.io/bbolt"

	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/store"
	"github.com/sdnctl/sdnctl/topology/store/storetest"
)

// backup returns a copy of the store's file.
func backup(t testing.TB, s *Store) ([]byte, topology.Revision) {
	t.Helper()
	c, err := s.Backup()
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(c)
	if err := errors.Join(err, c.Close()); err != nil {
		t.Fatal(err)
	}
	if int64(len(b)) != c.Size {
		t.Errorf("%d bytes, and the size is %d", len(b), c.Size)
	}
	return b, c.Revision
}

func TestBackup(t *testing.T) {
	dir := t.TempDir()
	s := open(t, filepath.Join(dir, "sdnd.db"))
	apply(t, s, scale()...)
	b, rev := backup(t, s)
	copied := filepath.Join(dir, "backup.db")
	if err := os.WriteFile(copied, b, 0o600); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(storetest.Contents(s.Snapshot()), storetest.Contents(open(t, copied).Snapshot()), storetest.Values()); d != "" || rev != 1 {
		t.Errorf("revision %d, backup (-want +got):\n%s", rev, d)
	}
}

// TestSlowBackup: a client that reads a backup slowly delays nobody, even if the file has
// to grow.
func TestSlowBackup(t *testing.T) {
	dir := t.TempDir()
	s := open(t, filepath.Join(dir, "sdnd.db"))
	apply(t, s, scale()...)
	c, err := s.Backup()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if c.FromMemory {
		t.Error("a copy of the file says that it is from memory")
	}
	var ops []topology.Op
	for i := range 20_000 {
		ops = append(ops, put(topology.KindPort, fmt.Sprint("new", i), topology.PortSpec{Network: "big"}))
	}
	apply(t, s, append(ops, put(topology.KindNetwork, "big", network("172.16.0.0/16")))...)
	snap, err := s.ReadBackup(c)
	if err != nil || snap.NumPorts() != 3 {
		t.Errorf("%d ports in the backup, %v", snap.NumPorts(), err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 2 { // the file and its lock
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// TestBackupUnderLoad: each backup is of one moment: what it says of its
// revision is what history says, and it has no address twice.
func TestBackupUnderLoad(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "sdnd.db"))
	apply(t, s, put(topology.KindNetwork, "a", network("10.0.0.0/16")))
	stop, wg := make(chan struct{}), sync.WaitGroup{}
	for w := range 4 {
		wg.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				// Always two ports at once: half a change would show.
				x, y := fmt.Sprintf("w%d-x%d", w, i%50), fmt.Sprintf("w%d-y%d", w, i%50)
				ops := []topology.Op{del(topology.KindPort, x), del(topology.KindPort, y)}
				if i/50%2 == 0 {
					ops = []topology.Op{put(topology.KindPort, x, topology.PortSpec{Network: "a"}), put(topology.KindPort, y, topology.PortSpec{Network: "a"})}
				}
				if _, err := s.Apply(context.Background(), "load", ops); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	last := topology.Revision(0)
	for n := 0; n < 30 || last < 100; n++ {
		b, rev := backup(t, s)
		snap, err := s.ReadBackup(bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		if snap.Revision() != rev || rev < last {
			t.Errorf("revision %d in the backup, %d said, after %d", snap.Revision(), rev, last)
		}
		last = rev
		for p := range snap.Ports() {
			twin := strings.NewReplacer("x", "y", "y", "x").Replace(p.Name)
			if _, ok := snap.Port(twin); !ok {
				t.Fatalf("revision %d has %s without %s", rev, p.Name, twin)
			}
		}
	}
	close(stop)
	wg.Wait()
}

func TestBackupFails(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "sdnd.db"))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Backup(); err == nil {
		t.Error("a closed store was backed up")
	}
}

// TestReadBackupRefuses: a file that is not a complete backup is refused.
func TestReadBackupRefuses(t *testing.T) {
	dir := t.TempDir()
	s := open(t, filepath.Join(dir, "sdnd.db"))
	apply(t, s, scale()...)
	whole, _ := backup(t, s)
	made := func(f func(tx *bolt.Tx) error) []byte {
		path := filepath.Join(t.TempDir(), "db")
		if f == nil {
			f = func(*bolt.Tx) error { return nil }
		} else if err := os.WriteFile(path, whole, 0o600); err != nil {
			t.Fatal(err)
		}
		tamper(t, path, f)
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	for _, tt := range []struct {
		name string
		file []byte
		want error
		says string
	}{
		{"empty", nil, store.ErrDamaged, "it is empty"},
		{"text", []byte(strings.Repeat("kind: Node\n", 5000)), store.ErrDamaged, ""},
		{"half", whole[:len(whole)/2], store.ErrDamaged, "missing"},
		{"of another program", made(nil), store.ErrDamaged, "does not come from sdnd"},
		{"newer", made(func(tx *bolt.Tx) error { return tx.Bucket([]byte("meta")).Put([]byte("schema"), []byte("9")) }), store.ErrNewerSchema, "schema 9"},
		{"lock missing", made(func(tx *bolt.Tx) error {
			k, _ := tx.Bucket([]byte("locks")).Cursor().First()
			return tx.Bucket([]byte("locks")).Delete(k)
		}), store.ErrDamaged, "2 address locks for 3 addresses of ports"},
		{"address outside of the network", made(func(tx *bolt.Tx) error {
			v := tx.Bucket([]byte("networks")).Get([]byte("flat"))
			return tx.Bucket([]byte("networks")).Put([]byte("flat"), bytes.ReplaceAll(v, []byte("10.0.0."), []byte("10.9.0.")))
		}), store.ErrDamaged, "port/roaming"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := s.ReadBackup(bytes.NewReader(tt.file))
			if !errors.Is(err, tt.want) || !strings.Contains(err.Error(), tt.says) || !strings.Contains(err.Error(), "the backup cannot be used") {
				t.Errorf("%v\nwant %v, with %q", err, tt.want, tt.says)
			}
		})
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 2 { // the file and its lock
		t.Errorf("left behind: %v, %v", left, err)
	}
}
