package bolt

import (
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"sync/atomic"

	bolt "go.etcd.io/bbolt"

	"github.com/sdnctl/sdnctl/topology/store"
)

// watched is the state of the file after the last commit.
type watched struct {
	size atomic.Int64
	// begins has its first pages; the holder of the turn has it.
	begins metaPages
	// fault is set for good when the file was found to be damaged, or the memory
	// that it is mapped to could not be read, for then bbolt's locks may never be
	// free again.
	fault atomic.Pointer[error]
}

// Check says what is wrong with the data file; the error wraps ErrFileLost. It costs two
// system calls and does not wait for commits.
func (s *Store) Check() error {
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
		return s.unmodified()
	default:
		return s.inPlace()
	}
}

// inPlace returns an error if the file was moved, replaced or shortened.
func (s *Store) inPlace() error {
	open, err := s.readable()
	if err != nil {
		return err
	}
	at, err := os.Stat(s.path)
	if errors.Is(err, os.ErrNotExist) {
		return s.lost(errors.New("it was removed"))
	}
	if err == nil && !os.SameFile(at, open) {
		err = errors.New("another file is in its place")
	}
	if err != nil {
		return s.lost(err)
	}
	return nil
}

// readable returns what the operating system says of the open file, or an error if the
// memory that it is mapped to is known not to be readable.
func (s *Store) readable() (os.FileInfo, error) {
	if err := s.usable(); err != nil {
		return nil, err
	}
	open, err := s.file.Stat()
	if errors.Is(err, os.ErrClosed) {
		return nil, err // by Close
	}
	if err != nil {
		return nil, s.lost(err)
	}
	if was := s.watched.size.Load(); open.Size() < was {
		return nil, s.lost(fmt.Errorf("it was cut short from %d to %d bytes", was, open.Size()))
	}
	return open, nil
}

// usable returns an error if the file was found to be damaged.
func (s *Store) usable() error {
	if err := s.watched.fault.Load(); err != nil {
		return s.lost(*err)
	}
	return nil
}

func (s *Store) lost(err error) error {
	return fmt.Errorf("%w (%s: %w)", store.ErrFileLost, s.path, err)
}

// unmodified is inPlace, and also returns an error if somebody else has written the first
// pages of the file, as every program that uses bbolt does. The caller has the turn.
func (s *Store) unmodified() error {
	if err := s.inPlace(); err != nil {
		return err
	}
	b, err := readMetaPages(s.file, s.db.Info().PageSize)
	if err == nil && b != s.watched.begins {
		err = errors.New("another program has written to it")
	}
	if err != nil {
		return s.lost(err)
	}
	return nil
}

// recordState records the present state of the file as the right one. The caller has the turn.
func (s *Store) recordState() error {
	fi, err := s.file.Stat()
	if err != nil {
		return err
	}
	b, err := readMetaPages(s.file, s.db.Info().PageSize)
	if err != nil {
		return err
	}
	s.watched.size.Store(fi.Size())
	s.watched.begins = b
	return nil
}

// change writes to the file in one transaction, if nobody else has changed it. The caller
// has the turn.
func (s *Store) change(f func(*bolt.Tx) error) error {
	if err := s.unmodified(); err != nil {
		return err
	}
	id := 0
	err := s.recoverFaults(func() error {
		return s.update(func(tx *bolt.Tx) error {
			id = tx.ID()
			return f(tx)
		})
	})
	if s.watched.fault.Load() != nil {
		return err
	}
	// Also after an error: part of it may have been written.
	if lookErr := s.recordState(); lookErr != nil && err == nil {
		return s.lost(lookErr)
	}
	if err == nil {
		s.acknowledge(uint64(id))
	}
	return err
}

// acknowledge notes a durable transaction. It is for a case that hardly ever
// happens, so its own failing fails nothing.
func (s *Store) acknowledge(txid uint64) {
	if s.lock == nil {
		return
	}
	if err := s.lock.acknowledge(txid); err != nil {
		s.log.Warn("lock file not written", "err", err)
	}
}

// view reads the file.
func (s *Store) view(f func(*bolt.Tx) error) error {
	if _, err := s.readable(); err != nil {
		return err
	}
	return s.recoverFaults(func() error { return s.db.View(f) })
}

// markDamaged ends the use of a damaged file.
func (s *Store) markDamaged(err error) error {
	s.watched.fault.Store(&err)
	err = s.lost(err)
	s.log.Error("the data file cannot be used any more", "err", err)
	return err
}

// recoverFaults calls f, which reads the mapped memory of a file that was readable just
// now. If the file was shortened since or has invalid contents, that access faults or
// bbolt panics. recoverFaults turns both into an error and ends the use of the file.
func (s *Store) recoverFaults(f func() error) (err error) {
	if err := s.usable(); err != nil {
		return err
	}
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if p := recover(); p != nil {
			err = s.markDamaged(fmt.Errorf("it cannot be read: %v", p))
		}
	}()
	return f()
}
