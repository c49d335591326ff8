package bolt

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	bolt "go.etcd.io/bbolt"

	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/store"
)

// TestGroup: commits that wait while the file is being written share the next
// transaction, and are commits of their own all the same.
func TestGroup(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "sdnd.db"))
	apply(t, s, put(topology.KindNetwork, "a", network("10.0.0.0/24")))
	writes, errs := grouped(t, s, nil, 50)
	for _, err := range errs {
		if err != nil {
			t.Error(err)
		}
	}
	if writes != 2 { // the one that was held up, and all others
		t.Errorf("%d transactions for 51 commits", writes)
	}
	if rev := s.Snapshot().Revision(); rev != 52 {
		t.Errorf("revision %d", rev)
	}
	h, err := s.History(0, 51, nil)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, e := range h {
		if len(e.Changes) != 1 || seen[e.Author] || e.Changes[0].Ref.Name != e.Author {
			t.Fatalf("revision %d is by %s: %+v", e.Revision, e.Author, e.Changes)
		}
		seen[e.Author] = true
	}
	whole(t, s)
}

// TestGroupFails: if one change of a group cannot be written, the others are,
// each on its own, and who was refused because of it is not.
func TestGroupFails(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "sdnd.db"))
	apply(t, s, put(topology.KindNetwork, "a", network("10.0.0.0/24")))
	cursed := "p7"
	update := s.update
	s.update = func(f func(*bolt.Tx) error) error {
		return update(func(tx *bolt.Tx) error {
			if err := f(tx); err != nil {
				return err
			}
			if tx.Bucket([]byte("ports")).Get([]byte(cursed)) != nil {
				return syscall.ENOSPC
			}
			return nil
		})
	}
	_, errs := grouped(t, s, nil, 20)
	for i, err := range errs {
		if name := fmt.Sprint("p", i); (name == cursed) != errors.Is(err, store.ErrNoSpace) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := errs[7]; err == nil || !strings.Contains(err.Error(), "was not written and nothing has changed") {
		t.Errorf("%v", err)
	}
	if s.Snapshot().NumPorts() != 20 { // 20 and the one that held up, but one
		t.Errorf("%d ports", s.Snapshot().NumPorts())
	}
	whole(t, s)
}

// TestGroupConflicts: an Apply that loses an address to another of the same group gets
// an error that names its holder, and one that fails or is cancelled affects no other.
func TestGroupConflicts(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "sdnd.db"))
	apply(t, s, put(topology.KindNetwork, "a", network("10.0.0.0/29"))) // room for five
	_, errs := grouped(t, s, func(i int) (context.Context, topology.Op) {
		ctx, cancel := context.WithCancel(context.Background())
		if i%10 == 9 {
			cancel()
		}
		t.Cleanup(cancel)
		return ctx, put(topology.KindPort, fmt.Sprint("p", i), topology.PortSpec{Network: "a"})
	}, 20)
	made, refused, given := 0, 0, 0
	for _, err := range errs {
		var ps topology.Problems
		switch {
		case err == nil:
			made++
		case errors.Is(err, context.Canceled):
			given++
		case errors.As(err, &ps) && ps[0].Kind == topology.Exhausted:
			refused++
		default:
			t.Error(err)
		}
	}
	if made != 4 || given != 2 || refused != 14 { // the fifth is who held up
		t.Errorf("%d made, %d refused, %d given up", made, refused, given)
	}
	whole(t, s)
}

// grouped holds up the writing of one commit until n more wait, and returns
// with how many transactions all were written, and what became of the n.
func grouped(t *testing.T, s *Store, op func(int) (context.Context, topology.Op), n int) (writes int, errs []error) {
	t.Helper()
	if op == nil {
		op = func(i int) (context.Context, topology.Op) {
			return context.Background(), put(topology.KindPort, fmt.Sprint("p", i), topology.PortSpec{Network: "a"})
		}
	}
	entered, release := make(chan struct{}), make(chan struct{})
	update := s.update
	s.update = func(f func(*bolt.Tx) error) error {
		if writes++; writes == 1 {
			close(entered)
			<-release
		}
		return update(f)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		if _, err := s.Apply(context.Background(), "hold", []topology.Op{put(topology.KindPort, "hold", topology.PortSpec{Network: "a"})}); err != nil {
			t.Error(err)
		}
	})
	<-entered
	errs = make([]error, n)
	for i := range n {
		wg.Go(func() {
			ctx, o := op(i)
			_, errs[i] = s.Apply(ctx, o.Ref.Name, []topology.Op{o})
		})
	}
	for waiting := 0; waiting < n; {
		s.queueMu.Lock()
		waiting = len(s.queue)
		s.queueMu.Unlock()
	}
	close(release)
	wg.Wait()
	return writes, errs
}
