package bolt

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math"
	"os"
	"runtime/debug"
	"time"

	bolt "go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"

	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/store"
)

// lockTimeout is how long Open waits for another process to let go of the
// file: long enough for one that is just ending, short for a person.
const lockTimeout = time.Second

// Errors that callers distinguish.
var (
	// ErrLocked is returned by Open when another process has the file open.
	ErrLocked = errors.New("the data file is in use by another sdnd; stop that one or give another file")
	// ErrOlder is returned by Open when the page of the file that would make its
	// newest state valid is damaged, and what is left is older than what was
	// acknowledged, or may be.
	ErrOlder = errors.New("the newest state in the data file is damaged, and what is left is older: restore a backup, or go on with what is left by starting sdnd once with --data-accept-older")
)

// Open opens the store in a file and loads the newest state. It creates the
// file, with mode 0600, if there is none; the folder must exist.
//
// Errors wrap ErrLocked, ErrNewerSchema, ErrDamaged or the operating system's.
func Open(path string, opts Options) (*Store, error) {
	if opts.Clock == nil {
		opts.Clock = time.Now
	}
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	start := opts.Clock()
	l, err := takeLock(path)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	s, err := openLocked(path, l, opts)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open %s: %w", path, err), l.release())
	}
	snap := s.Snapshot()
	opts.Logger.Info("store opened", "path", path, "revision", snap.Revision(),
		"nodes", snap.NumNodes(), "networks", snap.NumNetworks(), "ports", snap.NumPorts(),
		"duration", opts.Clock().Sub(start))
	return s, nil
}

// openLocked opens the file that a lock is for.
func openLocked(path string, l *lock, opts Options) (*Store, error) {
	begins, err := metaPagesOf(path)
	if err != nil {
		return nil, err
	}
	if lost := begins.lost(l.acknowledged()); lost != "" && !opts.AcceptOlder {
		return nil, fmt.Errorf("%w (%s)", ErrOlder, lost)
	}
	s, err := openFile(path, migrations(), true)
	if err != nil {
		return nil, err
	}
	s.lock, s.clock, s.log, s.keep = l, opts.Clock, opts.Logger, limitsOf(opts)
	if m := s.migrated; m.Kept != "" {
		s.log.Info("data file migrated to a newer schema; the older file is kept", "path", path, "from", m.From, "to", m.To, "kept", m.Kept)
	}
	if !begins.whole() && begins.newest().valid {
		s.log.Warn("one of the two first pages of the data file is damaged; the next change replaces it", "path", path,
			"revision", s.Snapshot().Revision(), "lost", begins.lost(l.acknowledged()))
	}
	s.acknowledge(s.watched.begins.newest().txid)
	return s, nil
}

// metaPagesOf reads the beginning of a file as it is before it is opened; it is
// whole for one that is new or, which openFile says, cannot be read.
func metaPagesOf(path string) (metaPages, error) {
	whole := metaPages{{valid: true}, {valid: true}}
	fi, err := os.Stat(path)
	if err != nil || fi.Size() == 0 {
		return whole, nil
	}
	db, file, err := openBolt(path, true)
	if err != nil {
		return whole, nil
	}
	b, err := readMetaPages(file, db.Info().PageSize)
	return b, errors.Join(err, db.Close())
}

// openFile opens the file, loads it and sorts the errors. One that is sdnd's own
// may be new, and is kept as it was before it is migrated to a newer schema; any other
// has to have a topology, if only an empty one.
func openFile(path string, steps []migration, own bool) (s *Store, err error) {
	// bbolt maps the file to memory. Where a page is not what it should be it
	// panics, or reads where there is no memory.
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if p := recover(); p != nil {
			s, err = nil, fmt.Errorf("%w (%v)", store.ErrDamaged, p)
		}
	}()
	if err := inspect(path, own); err != nil {
		return nil, err
	}
	var migrated Migration
	if own {
		if migrated, err = keepOlder(path, steps); err != nil {
			return nil, err
		}
	}
	db, file, err := openBolt(path, false)
	if err != nil {
		return nil, err
	}
	defer func() {
		if s == nil {
			db.Close()
		}
	}()
	opened := &Store{
		db: db, file: file, path: path, update: db.Update, turn: make(chan struct{}, 1),
		log: slog.New(slog.DiscardHandler), migrated: migrated,
	}
	snap, err := opened.load(steps)
	if err != nil {
		return nil, err
	}
	if wrong := topology.CheckIPAM(snap); len(wrong) > 0 {
		return nil, fmt.Errorf("%w (%s)", store.ErrDamaged, wrong[0])
	}
	if err := db.View(verify); err != nil {
		return nil, err
	}
	opened.current.Store(snap)
	if err := opened.recordState(); err != nil {
		return nil, err
	}
	return opened, nil
}

// inspect finds a file that is damaged before bbolt walks through it, and one
// that another program has made.
func inspect(path string, mayBeNew bool) (err error) {
	fi, err := os.Stat(path)
	if err != nil || fi.Size() == 0 {
		return nil // a new one, or openBolt says what is wrong
	}
	db, file, err := openBolt(path, true)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if err := checkStructure(file, db.Info().PageSize, fi.Size()); err != nil {
		return fmt.Errorf("%w (%w)", store.ErrDamaged, err)
	}
	return db.View(func(tx *bolt.Tx) error {
		// One that was killed when it was just made has nothing in it yet.
		if first, _ := tx.Cursor().First(); mayBeNew && first == nil {
			return nil
		}
		if meta := tx.Bucket([]byte(bucketMeta)); meta == nil || meta.Get([]byte(keySchema)) == nil {
			return fmt.Errorf("%w (it does not come from sdnd)", store.ErrDamaged)
		}
		return tx.ForEach(func(name []byte, b *bolt.Bucket) error {
			if b == nil {
				return fmt.Errorf("%w (%q is not a bucket)", store.ErrDamaged, name)
			}
			return nil
		})
	})
}

// mapped is how much of the address space bbolt reserves for the file, in
// bytes. It costs no memory. Up to this size the file can grow while it is
// read; beyond, a commit that makes it grow waits for readers.
const mapped = min(4<<30, math.MaxInt)

// openBolt opens the file and also returns it as bbolt has it.
func openBolt(path string, readOnly bool) (db *bolt.DB, file *os.File, err error) {
	opts := &bolt.Options{
		Timeout: lockTimeout, ReadOnly: readOnly, FreelistType: bolt.FreelistMapType,
		OpenFile: func(name string, flag int, perm os.FileMode) (*os.File, error) {
			file, err = os.OpenFile(name, flag, perm)
			return file, err
		},
	}
	if !readOnly {
		opts.InitialMmapSize = mapped
	}
	defer func() {
		if db == nil && file != nil { // bbolt has panicked, or closed it already
			_ = file.Close()
		}
	}()
	db, err = bolt.Open(path, 0o600, opts)
	var pathErr *fs.PathError
	switch {
	case err == nil:
		return db, file, nil
	case errors.Is(err, berrors.ErrTimeout):
		return nil, nil, ErrLocked
	case errors.As(err, &pathErr):
		return nil, nil, pathErr.Err
	}
	return nil, nil, fmt.Errorf("%w (%w)", store.ErrDamaged, err)
}

// load prepares the buckets and reads the newest state.
func (s *Store) load(steps []migration) (snap *topology.Snapshot, err error) {
	if err := prepare(s.db, steps); err != nil {
		return nil, err
	}
	err = s.db.View(func(tx *bolt.Tx) error {
		if s.history, err = sizeOfHistory(tx); err != nil {
			return err
		}
		snap, err = read(tx)
		return err
	})
	return snap, err
}
