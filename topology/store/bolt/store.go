package bolt

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/store"
)

// Options of a Store. The zero value is usable.
type Options struct {
	// Clock gives the time of a commit; nil means time.Now.
	Clock func() time.Time
	// Logger gets one line when the file is opened, and what went wrong with
	// the disk; nil means none.
	Logger *slog.Logger
	// HistoryEntries and HistoryBytes bound how much history is kept; beyond
	// either, the oldest entries go. 0 means DefaultHistoryEntries and
	// DefaultHistoryBytes. The newest entry always stays.
	HistoryEntries int
	HistoryBytes   int64
	// AcceptOlder lets Open use the previous state of a file whose newest page is damaged,
	// although acknowledged changes are lost.
	AcceptOlder bool
}

var _ store.Store = (*Store)(nil)

// Store is the desired topology on disk, as store.Store has it. All methods may be called by many
// goroutines at once.
type Store struct {
	db      *bolt.DB
	file    *os.File // that of db
	lock    *lock    // nil for a copy that is only read
	watched watched
	path    string
	// migrated is what was done to the file when it was opened.
	migrated Migration
	clock    func() time.Time
	log      *slog.Logger
	keep     historyLimits
	current  atomic.Pointer[topology.Snapshot]
	// update is db.Update; tests put faults before and after it.
	update func(func(*bolt.Tx) error) error

	// queue is who waits for a commit, in order; see group.go.
	queueMu sync.Mutex
	queue   []*request

	// turn is held, by having put something in, by the one who writes the
	// file. It guards what follows.
	turn      chan struct{}
	callbacks []func(store.Commit)
	history   historySize
	// unconfirmed are commits that the file has, but for which the disk has
	// not vouched; see confirm.go. Mostly nil.
	unconfirmed []store.Commit
}

// Snapshot returns the newest state. It never waits.
func (s *Store) Snapshot() *topology.Snapshot { return s.current.Load() }

// OnCommit registers f to be called with each commit, in order, after it is durable and
// before Apply returns; it returns the snapshot that the first of them follows. The next
// Apply waits for f, so f must be quick and must not call Apply.
func (s *Store) OnCommit(f func(store.Commit)) *topology.Snapshot {
	s.turn <- struct{}{}
	defer func() { <-s.turn }()
	s.callbacks = append(s.callbacks, f)
	return s.Snapshot()
}

// Apply commits ops as one transaction by an author. If they change nothing, the Commit has
// the present revision.
//
// The error is topology.Problems if the ops are wrong, and that of ctx if ctx ends before
// the writing begins. Otherwise it says why the file could not be written; it wraps
// ErrNoSpace if the disk is full. After any error but ErrUnconfirmed nothing has changed,
// and the next Apply tries again.
func (s *Store) Apply(ctx context.Context, author string, ops []topology.Op, checks ...func(*topology.Snapshot, topology.Result) error) (store.Commit, error) {
	return s.do(ctx, author, func(before *topology.Snapshot, at time.Time) (topology.Result, error) {
		r, err := topology.Plan(before, ops, at)
		for _, check := range checks {
			if err == nil && r.Next != before {
				err = check(before, r)
			}
		}
		return r, err
	})
}

// Restore makes the topology equal to another snapshot in one new revision; see
// store.PlanRestore.
func (s *Store) Restore(ctx context.Context, author string, to *topology.Snapshot) (store.Commit, error) {
	return s.do(ctx, author, func(before *topology.Snapshot, _ time.Time) (topology.Result, error) {
		return store.PlanRestore(before, to)
	})
}

// Close waits for the writer and closes the file. It may be called again. Snapshot still works.
func (s *Store) Close() error {
	s.turn <- struct{}{}
	defer func() { <-s.turn }()
	if s.lock != nil {
		defer func() { _ = s.lock.release() }()
	}
	if s.watched.fault.Load() != nil {
		return nil // bbolt may wait for itself; the file is closed with the process
	}
	if err := s.db.Close(); err != nil {
		return fmt.Errorf("close the store: %w", err)
	}
	return nil
}
