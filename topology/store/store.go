package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/sdnctl/sdnctl/topology"
)

// Options of a Store. The zero value is usable.
type Options struct {
	// Clock gives the time of a commit; nil means time.Now.
	Clock func() time.Time
	// Logger gets one line when the file is opened; nil means none.
	Logger *slog.Logger
}

// Store is the desired topology on disk. All methods may be called by many
// goroutines at once.
type Store struct {
	db      *bolt.DB
	path    string
	clock   func() time.Time
	current atomic.Pointer[topology.Snapshot]

	// writer guards the order of commits and, with it, the callbacks.
	writer    sync.Mutex
	callbacks []func(Commit)
}

// Commit is one change that is durable.
type Commit struct {
	// Revision is that of After. If nothing changed it is that of Before.
	Revision topology.Revision
	Time     time.Time
	Author   string
	// Before and After are the states around the change.
	Before, After *topology.Snapshot
	// Changes and Blocks are as in topology.Result.
	Changes []topology.Change
	Blocks  []topology.BlockChange
}

// Snapshot returns the newest state. It never waits.
func (s *Store) Snapshot() *topology.Snapshot { return s.current.Load() }

// OnCommit asks for f to be called with each commit, in order, after it is
// durable and before Apply returns. The next Apply waits for f, so f must be
// quick and must not call Apply.
func (s *Store) OnCommit(f func(Commit)) {
	s.writer.Lock()
	defer s.writer.Unlock()
	s.callbacks = append(s.callbacks, f)
}

// DryRun says what Apply would do now, and does nothing.
func (s *Store) DryRun(ops []topology.Op) (topology.Result, error) {
	return topology.Plan(s.Snapshot(), ops, s.clock())
}

// Apply does ops as one transaction in the name of an author. If they change
// nothing, the Commit has the revision that there is already.
//
// The error is topology.Problems if the ops are wrong, ctx's if it is done
// before the writing begins, and otherwise says why the file could not be
// written. After any error nothing has changed.
func (s *Store) Apply(ctx context.Context, author string, ops []topology.Op) (Commit, error) {
	s.writer.Lock()
	defer s.writer.Unlock()
	if err := ctx.Err(); err != nil {
		return Commit{}, err
	}
	before, now := s.Snapshot(), s.clock()
	r, err := topology.Plan(before, ops, now)
	if err != nil {
		return Commit{}, err
	}
	c := Commit{
		Revision: r.Next.Revision(), Time: now, Author: author,
		Before: before, After: r.Next, Changes: r.Changes, Blocks: r.Blocks,
	}
	if r.Next == before {
		return c, nil
	}
	if err := s.write(c); err != nil {
		return Commit{}, fmt.Errorf("revision %d was not written and nothing has changed: %w", c.Revision, err)
	}
	s.current.Store(r.Next)
	for _, f := range s.callbacks {
		f(c)
	}
	return c, nil
}

// Backup writes a copy of the whole file, of one moment, that Open accepts.
//
// The copy is made beside the file first: bbolt cannot let its file grow while
// somebody reads it, so a slow w would hold up Apply.
func (s *Store) Backup(w io.Writer) error {
	if err := s.backup(w); err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	return nil
}

func (s *Store) backup(w io.Writer) (err error) {
	f, err := os.CreateTemp(filepath.Dir(s.path), ".backup-*")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if err := os.Remove(f.Name()); err != nil { // it lives as long as it is open
		return err
	}
	err = s.db.View(func(tx *bolt.Tx) error {
		_, err := tx.WriteTo(f)
		return err
	})
	if err != nil {
		return err
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	_, err = io.Copy(w, f)
	return err
}

// Close waits for the writer and releases the file; a second one does nothing.
// Snapshot still works.
func (s *Store) Close() error {
	s.writer.Lock()
	defer s.writer.Unlock()
	if err := s.db.Close(); err != nil {
		return fmt.Errorf("close the store: %w", err)
	}
	return nil
}
