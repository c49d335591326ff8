package bolt

import (
	"path/filepath"
	"testing"

	"github.com/sdnctl/sdnctl/topology"
)

// TestNotes: a note survives a restart and a restore, and is of no revision.
func TestNotes(t *testing.T) {
	name := filepath.Join(t.TempDir(), "a.db")
	s := open(t, name)
	if v, err := s.Note("a"); v != nil || err != nil {
		t.Errorf("%q %v", v, err)
	}
	if err := s.SetNote("a", []byte("x")); err != nil {
		t.Fatal(err)
	}
	apply(t, s, put(topology.KindNetwork, "flat", network("10.0.0.0/24")))
	if r := s.Snapshot().Revision(); r != 1 {
		t.Errorf("revision %d", r)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, name)
	if v, err := s.Note("a"); string(v) != "x" || err != nil {
		t.Errorf("%q %v", v, err)
	}
	if _, err := s.Restore(t.Context(), "me", topology.NewSnapshot()); err != nil {
		t.Fatal(err)
	}
	if v, err := s.Note("a"); string(v) != "x" || err != nil {
		t.Errorf("after a restore: %q %v", v, err)
	}
}
