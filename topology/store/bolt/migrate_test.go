package bolt

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	bolt "go.etcd.io/bbolt"

	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
	"github.com/sdnctl/sdnctl/topology/store"
	"github.com/sdnctl/sdnctl/topology/store/storetest"
)

// older writes the file of schema 1 that sdnd 0.1 made: testdata/schema1.db.gz.
func older(t *testing.T) string {
	t.Helper()
	f, err := os.Open("testdata/schema1.db.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "sdnd.db")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// inOlder is the topology that the file of schema 1 has, in the commits that made it.
func inOlder() [][]topology.Op {
	addr, prefix := netip.MustParseAddr, netip.MustParsePrefix
	labelled := func(k topology.Kind, name string, spec topology.Spec) topology.Op {
		op := put(k, name, spec)
		op.Labels = map[string]string{"app": name}
		return op
	}
	return [][]topology.Op{{
		labelled(topology.KindNode, "n1", topology.NodeSpec{TunnelIP: addr("192.0.2.1")}),
		labelled(topology.KindNode, "n2", topology.NodeSpec{TunnelIP: addr("192.0.2.2"), DatapathID: 0xa2, TunnelCheck: topology.TunnelEnforce}),
		labelled(topology.KindNetwork, "blue", topology.NetworkSpec{Subnets: []topology.Subnet{
			{Prefix: prefix("10.0.0.0/24"), Reserved: []topology.AddrRange{{From: addr("10.0.0.2"), To: addr("10.0.0.9")}}},
			{Prefix: prefix("10.0.1.0/24"), Gateway: model.GatewayOf(addr("10.0.1.254"))}}, PortsFromNodes: true}),
		labelled(topology.KindNetwork, "red", topology.NetworkSpec{VNI: 77, MTU: 1400, Subnets: []topology.Subnet{{Prefix: prefix("10.1.0.0/24")}}, GatewayMAC: topology.MAC{2, 1, 1, 1, 1, 1}}),
		labelled(topology.KindNetwork, "pods", topology.NetworkSpec{Mode: topology.Segmented, ContainersPerNode: 250, MaxNodes: 100,
			Subnets: []topology.Subnet{{Prefix: prefix("10.244.0.0/16")}},
			Blocks:  []topology.BlockSpec{{Node: "n2", Prefix: prefix("10.244.9.0/24"), Gateway: model.GatewayOf(addr("10.244.9.254")), GatewayMAC: topology.MAC{2, 2, 2, 2, 2, 2}}}}),
		labelled(topology.KindRouter, "r", topology.RouterSpec{Networks: []string{"blue", "pods"}}),
	}, {
		labelled(topology.KindPort, "web", topology.PortSpec{Network: "blue"}),
		labelled(topology.KindPort, "db", topology.PortSpec{Network: "blue", Node: "n2", IP: addr("10.0.1.7"), MAC: topology.MAC{2, 0, 0, 0, 0, 7}, InterfaceID: "id-of-db"}),
		labelled(topology.KindPort, "gone", topology.PortSpec{Network: "red", Node: "n1"}),
		labelled(topology.KindPort, "job", topology.PortSpec{Network: "pods", Node: "n1", Interface: "veth7"}),
		labelled(topology.KindPort, "job2", topology.PortSpec{Network: "pods", Node: "n2"}),
		labelled(model.KindPortGroup, "g", model.PortGroupSpec{Ports: []string{"web", "db"}}),
	}, {
		labelled(topology.KindPort, "web", topology.PortSpec{Network: "blue", IP: addr("10.0.0.50")}),
		del(topology.KindPort, "gone"),
	}}
}

// TestMigrateFromSchema1 opens a file that the release before wrote: it has the
// same topology, history and bindings, and the older file is kept beside it.
func TestMigrateFromSchema1(t *testing.T) {
	path := older(t)
	before := dump(t, path)
	s := open(t, path)
	fresh := open(t, filepath.Join(t.TempDir(), "fresh.db"))
	for _, ops := range inOlder() {
		apply(t, fresh, ops...)
	}
	if d := cmp.Diff(storetest.Contents(fresh.Snapshot()), storetest.Contents(s.Snapshot()), storetest.Values()); d != "" {
		t.Errorf("migrated (-want +got):\n%s", d)
	}
	want, _ := fresh.History(0, 0, nil)
	got, err := s.History(0, 0, nil)
	if d := cmp.Diff(want, got, storetest.Values()); d != "" || len(got) != 3 {
		t.Errorf("history, %v (-want +got):\n%s", err, d)
	}
	if b, err := s.Bindings(); err != nil || len(b) != 2 || b[1] != (store.Binding{Port: "web", Node: "n1", Interface: "veth1", OFPort: 3}) {
		t.Errorf("bindings: %+v, %v", b, err)
	}
	if l, err := s.Locals(); err != nil || len(l) != 1 || l[0].Addr != netip.MustParseAddr("192.0.2.1") {
		t.Errorf("locals: %+v, %v", l, err)
	}
	if r, err := s.CheckIPAM(); err != nil || len(r.Differences) > 0 || r.Locks != 4 || r.Blocks != 2 {
		t.Errorf("addresses: %+v, %v", r, err)
	}
	kept := path + ".schema1-revision3"
	if d := cmp.Diff(before, dump(t, kept)); d != "" {
		t.Errorf("the file that is kept (-want +got):\n%s", d)
	}
	if fi, err := os.Stat(kept); err != nil || fi.Mode().Perm() != 0o600 {
		t.Errorf("the file that is kept: %v, %v", fi, err)
	}
	// It goes on from here, and migrates once only.
	apply(t, s, put(topology.KindPort, "more", topology.PortSpec{Network: "blue"}))
	after := storetest.Contents(s.Snapshot())
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if s = open(t, path); s.migrated.Kept != "" || cmp.Diff(after, storetest.Contents(s.Snapshot()), storetest.Values()) != "" {
		t.Errorf("opened again: %+v", s.migrated)
	}
}

// TestMigrateDamaged: a file of schema 1 with a record that cannot be migrated is refused as damaged.
func TestMigrateDamaged(t *testing.T) {
	for bucket, key := range map[string]string{bucketLocks: "lock", bucketBlocks: "block", model.KindPort.Plural(): "port"} {
		path := older(t)
		db, err := bolt.Open(path, 0o600, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := db.Update(func(tx *bolt.Tx) error { return tx.Bucket([]byte(bucket)).Put([]byte(key), []byte("?")) }); err != nil {
			t.Fatal(err)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(path, Options{}); !errors.Is(err, store.ErrDamaged) {
			t.Errorf("with %q among the %s: Open returned %v", key, bucket, err)
		}
	}
}

// TestMigrateTheWayBack: the file that was kept, put in the place of the other, is
// taken, though the lock file knows of later transactions.
func TestMigrateTheWayBack(t *testing.T) {
	path := older(t)
	s := open(t, path)
	apply(t, s, put(topology.KindPort, "more", topology.PortSpec{Network: "blue"}))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".schema1-revision3", path); err != nil {
		t.Fatal(err)
	}
	if rev := open(t, path).Snapshot().Revision(); rev != 3 {
		t.Errorf("revision %d", rev)
	}
}

// TestReadBackupOfSchema1: a restore takes a backup that the release before made.
func TestReadBackupOfSchema1(t *testing.T) {
	path := older(t)
	file := image(t, path)
	want := storetest.Contents(open(t, path).Snapshot())
	s := open(t, filepath.Join(t.TempDir(), "other.db"))
	snap, err := s.ReadBackup(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, storetest.Contents(snap), storetest.Values()); d != "" {
		t.Errorf("read (-want +got):\n%s", d)
	}
}

// TestCheckMigration says what opening would do, and writes nothing.
func TestCheckMigration(t *testing.T) {
	path := older(t)
	before := image(t, path)
	m, err := CheckMigration(path)
	if want := (Migration{From: 1, To: 2, Revision: 3, Ports: 4, Blocks: 2, Kept: path + ".schema1-revision3"}); err != nil || m != want {
		t.Errorf("%+v, %v", m, err)
	}
	files, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(files) != 1 || !bytes.Equal(image(t, path), before) {
		t.Errorf("it wrote something: %v, %v", files, err)
	}
	if _, err := CheckMigration(filepath.Join(t.TempDir(), "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	s := open(t, path)
	if _, err := CheckMigration(path); !errors.Is(err, ErrLocked) {
		t.Errorf("while it is open: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if m, err := CheckMigration(path); err != nil || m.From != 2 || m.To != 2 || m.Kept != "" {
		t.Errorf("migrated already: %+v, %v", m, err)
	}
	damaged := older(t)
	tamper(t, damaged, func(tx *bolt.Tx) error {
		return tx.Bucket([]byte("ports")).Put([]byte("web"), []byte(`{"spec":{"network":"blue"},"ip":"10.0.0.51"}`))
	})
	if _, err := CheckMigration(damaged); !errors.Is(err, store.ErrDamaged) {
		t.Errorf("damaged: %v", err)
	}
	if _, err := Open(damaged, Options{}); !errors.Is(err, store.ErrDamaged) {
		t.Errorf("damaged, opened: %v", err)
	}
}

// openWith is Open with other steps.
func openWith(t *testing.T, path string, steps ...migration) (*Store, error) {
	t.Helper()
	s, err := openFile(path, append(migrations(), steps...), true)
	if err == nil {
		t.Cleanup(func() { s.Close() })
	}
	return s, err
}

// shout and calm are a step to a layout with the interface names of bindings in
// capitals, and one that takes that back.
func shout(tx *bolt.Tx) error { return recase(tx, bytes.ToUpper) }
func calm(tx *bolt.Tx) error  { return recase(tx, bytes.ToLower) }

func recase(tx *bolt.Tx, how func([]byte) []byte) error {
	b := tx.Bucket([]byte(bucketBindings))
	return b.ForEach(func(k, v []byte) error { return b.Put(k, how(v)) })
}

// TestMigrate opens a file with a store that knows two newer schemas.
func TestMigrate(t *testing.T) {
	path := older(t)
	if err := open(t, path).Close(); err != nil {
		t.Fatal(err)
	}
	before := dump(t, path)
	s, err := openWith(t, path, shout, calm)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(strings.Replace(before, `"schema" 2`, `"schema" 4`, 1), dump(t, path)); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	// Only once, and never back.
	if s, err = openWith(t, path, shout, calm); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path, Options{}); !errors.Is(err, store.ErrNewerSchema) {
		t.Errorf("opened by the older version: %v", err)
	}
}

// TestMigrateFails: a step that fails leaves the file as it was.
func TestMigrateFails(t *testing.T) {
	path := older(t)
	before := dump(t, path)
	broken := errors.New("no")
	_, err := openWith(t, path, shout, func(*bolt.Tx) error { return broken })
	if !errors.Is(err, broken) || !strings.Contains(err.Error(), "from schema 3 to 4") {
		t.Errorf("%v", err)
	}
	if d := cmp.Diff(before, dump(t, path)); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// TestOpenDoesNotWrite: a file that needs no migration is as it was, also after
// a start with no room on the disk.
func TestOpenDoesNotWrite(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sdnd.db")
	s := open(t, path)
	apply(t, s, scale()...)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	before := image(t, path)
	if err := open(t, path).Close(); err != nil {
		t.Fatal(err)
	}
	if after, err := os.ReadFile(path); err != nil || !bytes.Equal(before, after) {
		t.Errorf("the file has changed, %v", err)
	}
}
