package bolt

import (
	"flag"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	bolt "go.etcd.io/bbolt"

	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
	"github.com/sdnctl/sdnctl/topology/store"
	"github.com/sdnctl/sdnctl/topology/store/storetest"
)

var update = flag.Bool("update", false, "write the golden file anew")

// dump returns what a file has, a line for each key.
func dump(t *testing.T, path string) string {
	t.Helper()
	db, err := bolt.Open(path, 0o600, &bolt.Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var b strings.Builder
	err = db.View(func(tx *bolt.Tx) error {
		return tx.ForEach(func(name []byte, bucket *bolt.Bucket) error {
			return bucket.ForEach(func(k, v []byte) error {
				_, err := fmt.Fprintf(&b, "%s %q %s\n", name, k, v)
				return err
			})
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// restore writes a file from a dump.
func restore(t *testing.T, path, dump string) {
	t.Helper()
	tamper(t, path, func(tx *bolt.Tx) error {
		for line := range strings.Lines(dump) {
			f := strings.SplitN(strings.TrimSuffix(line, "\n"), " ", 3)
			b, err := tx.CreateBucketIfNotExists([]byte(f[0]))
			if err != nil {
				return err
			}
			var key string
			if _, err := fmt.Sscanf(f[1], "%q", &key); err != nil {
				return err
			}
			if err := b.Put([]byte(key), []byte(f[2])); err != nil {
				return err
			}
		}
		return nil
	})
}

// TestSchema holds the layout of the file: what testdata/schema2.txt has can be
// opened, and the same topology is still written like that. If it has to
// change, keep the old file, add a schema version and migrate from the one to
// the other.
func TestSchema(t *testing.T) {
	const golden = "testdata/schema2.txt"
	dir := t.TempDir()
	s := open(t, filepath.Join(dir, "new.db"))
	apply(t, s, scale()...)
	apply(t, s, del(topology.KindPort, "db"))
	if err := s.SaveBindings([]store.Binding{{Port: "web", Node: "n1", Interface: "veth1"}}); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	// The golden file has no checksum: that of an older sdnd has none.
	got, sum := "", 0
	for line := range strings.Lines(dump(t, filepath.Join(dir, "new.db"))) {
		if strings.HasPrefix(line, `meta "sum" {"revision":2,"sum":"`) {
			sum++
			continue
		}
		got += line
	}
	if sum != 1 {
		t.Error("there is no checksum of the newest revision")
	}
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); d != "" {
		t.Errorf("%s (-want +got):\n%s", golden, d)
	}
	restore(t, filepath.Join(dir, "old.db"), string(want))
	old := open(t, filepath.Join(dir, "old.db"))
	if d := cmp.Diff(storetest.Contents(s.Snapshot()), storetest.Contents(old.Snapshot()), storetest.Values()); d != "" {
		t.Errorf("from the golden file (-want +got):\n%s", d)
	}
	if h, err := old.History(0, 0, nil); err != nil || len(h) != 2 {
		t.Errorf("history: %d entries, %v", len(h), err)
	}
}

// TestRecordsAreComplete: no field of the model is forgotten in the records.
func TestRecordsAreComplete(t *testing.T) {
	for _, k := range model.Kinds() {
		o, _ := topology.New(topology.Ref{Kind: k})
		fill(t, reflect.ValueOf(o).Elem())
		v, err := encode(o)
		if err != nil {
			t.Fatal(err)
		}
		got, err := decode(o.Ref(), v)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(o, got, storetest.Values()); d != "" {
			t.Errorf("%T (-want +got):\n%s", o, d)
		}
	}
}

// fill sets every field to something that is not zero.
func fill(t *testing.T, v reflect.Value) {
	t.Helper()
	switch v.Interface().(type) {
	case netip.Addr:
		v.Set(reflect.ValueOf(netip.MustParseAddr("10.0.0.7")))
		return
	case netip.Prefix:
		v.Set(reflect.ValueOf(netip.MustParsePrefix("10.0.0.0/8")))
		return
	case map[string]model.PolicyPort:
		v.Set(reflect.ValueOf(map[string]model.PolicyPort{"http": {Protocol: model.ProtocolTCP, First: 7, Last: 7}}))
		return
	case map[string]uint16:
		v.Set(reflect.ValueOf(map[string]uint16{"http": 8081}))
		return
	case uint16:
		v.SetUint(7)
		return
	case model.Duration:
		v.SetInt(int64(time.Hour))
		return
	case model.Gateway:
		v.Set(reflect.ValueOf(model.GatewayOf(netip.MustParseAddr("10.0.0.7"))))
		return
	case model.TargetPort:
		v.Set(reflect.ValueOf(model.TargetPort{Name: "http"}))
		return
	case model.NodePort:
		v.Set(reflect.ValueOf(model.NodePort{Number: 30080}))
		return
	case model.PolicyPort:
		v.Set(reflect.ValueOf(model.PolicyPort{Protocol: model.ProtocolTCP, First: 7, Last: 9}))
		return
	case time.Time:
		v.Set(reflect.ValueOf(epoch))
		return
	}
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Struct:
		for i := range v.NumField() {
			fill(t, v.Field(i))
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(t, v.Elem())
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(t, v.Index(0))
	case reflect.Array:
		for i := range v.Len() {
			fill(t, v.Index(i))
		}
	case reflect.Map:
		v.Set(reflect.ValueOf(map[string]string{"key": "value"}))
	case reflect.String:
		v.SetString("x")
	case reflect.Int:
		v.SetInt(7)
	case reflect.Uint8, reflect.Uint32, reflect.Uint64:
		v.SetUint(7)
	default:
		t.Fatalf("no value for a %s", v.Type())
	}
}
