package bolt

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/sdnctl/sdnctl/topology"
)

// flip puts a port with another interface id, so that each time is a change.
func flip(t testing.TB, s *Store, i int, id string) {
	t.Helper()
	_, err := s.Apply(context.Background(), "alice", []topology.Op{put(topology.KindPort, "p", topology.PortSpec{Network: "a", InterfaceID: fmt.Sprint(id, i)})})
	if err != nil {
		t.Fatal(err)
	}
}

// TestHistoryIsBounded: history keeps the newest entries, and the file stops
// growing.
func TestHistoryIsBounded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sdnd.db")
	s, err := Open(path, Options{HistoryEntries: 100})
	if err != nil {
		t.Fatal(err)
	}
	apply(t, s, put(topology.KindNetwork, "a", network("10.0.0.0/24")))
	size := func() int64 {
		t.Helper()
		b, _ := backup(t, s) // without what the file has in reserve
		return int64(len(b))
	}
	var at500 int64
	for i := range 2000 {
		flip(t, s, i, "x")
		if i == 500 {
			at500 = size()
		}
	}
	h, err := s.History(0, 0, nil)
	if err != nil || len(h) < 100 || len(h) > 100+pruneSlack+1 || h[0].Revision != 2001 || h[len(h)-1].Revision != 2002-topology.Revision(len(h)) {
		t.Errorf("%d entries, %v", len(h), err)
	}
	if now := size(); now > at500 {
		t.Errorf("the file grew from %d to %d bytes", at500, now)
	}
	whole(t, s)
	// Counted anew, and with a lower limit cut down step by step.
	had := s.history
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if s, err = Open(path, Options{HistoryEntries: 1}); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if s.history != had {
		t.Errorf("history was %+v and is %+v after opening", had, s.history)
	}
	for i := range 100 {
		flip(t, s, i, "y")
	}
	if h, err := s.History(0, 0, nil); err != nil || len(h) > 1+pruneSlack || h[0].Revision != 2101 {
		t.Errorf("%d entries, %v", len(h), err)
	}
}

// TestHistoryIsBoundedInBytes: large changes push old ones out, and the newest
// entry stays whatever its size.
func TestHistoryIsBoundedInBytes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sdnd.db")
	s, err := Open(path, Options{HistoryBytes: 5000})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	apply(t, s, put(topology.KindNetwork, "a", network("10.0.0.0/16")))
	for i := range 200 {
		flip(t, s, i, "x")
	}
	if s.history.bytes > 5000 || s.history.entries < 10 {
		t.Errorf("%+v", s.history)
	}
	var ops []topology.Op
	for i := range 500 {
		ops = append(ops, put(topology.KindPort, fmt.Sprint("q", i), topology.PortSpec{Network: "a"}))
	}
	apply(t, s, ops...)
	h, err := s.History(0, 0, nil)
	if err != nil || len(h) != 1 || len(h[0].Changes) != 500 || s.history.entries != 1 {
		t.Errorf("%d entries, %+v, %v", len(h), s.history, err)
	}
	flip(t, s, 0, "z")
	if fi, err := os.Stat(path); err != nil || s.history.entries != 1 {
		t.Errorf("%+v, %d bytes, %v", s.history, fi.Size(), err)
	}
}
