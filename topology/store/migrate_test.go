package store

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	bolt "go.etcd.io/bbolt"
)

// older writes the file that testdata/schema1.txt describes. There is no older
// schema than that yet, so the steps to a later one are the tests' own.
func older(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "old.db")
	restore(t, path, string(image(t, "testdata/schema1.txt")))
	return path
}

// openWith is Open with other steps.
func openWith(t *testing.T, path string, steps ...migration) (*Store, error) {
	t.Helper()
	s, err := openFile(path, steps, true)
	if err == nil {
		t.Cleanup(func() { s.Close() })
	}
	return s, err
}

// shout and calm are a step to a layout with the interface names of bindings in
// capitals, and one that takes that back.
func shout(tx *bolt.Tx) error { return rewrite(tx, bytes.ToUpper) }
func calm(tx *bolt.Tx) error  { return rewrite(tx, bytes.ToLower) }

func rewrite(tx *bolt.Tx, how func([]byte) []byte) error {
	b := tx.Bucket([]byte(bucketBindings))
	return b.ForEach(func(k, v []byte) error { return b.Put(k, how(v)) })
}

// TestMigrate opens a file of an older schema with a store that knows two
// newer ones.
func TestMigrate(t *testing.T) {
	path := older(t)
	before := dump(t, path)
	s, err := openWith(t, path, shout, calm)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(strings.Replace(before, `"schema" 1`, `"schema" 3`, 1), dump(t, path)); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	// Only once, and never back.
	if s, err = openWith(t, path, shout, calm); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path, Options{}); !errors.Is(err, ErrNewerSchema) {
		t.Errorf("opened by the older version: %v", err)
	}
}

// TestMigrateFails: a step that fails leaves the file as it was.
func TestMigrateFails(t *testing.T) {
	path := older(t)
	before := dump(t, path)
	broken := errors.New("no")
	_, err := openWith(t, path, shout, func(*bolt.Tx) error { return broken })
	if !errors.Is(err, broken) || !strings.Contains(err.Error(), "from schema 2 to 3") {
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
