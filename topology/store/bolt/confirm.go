package bolt

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"syscall"

	bolt "go.etcd.io/bbolt"

	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/store"
)

// classify wraps ErrNoSpace around an error of writing that means it.
func classify(err error) error {
	if err == nil {
		return nil
	}
	for _, full := range []error{syscall.ENOSPC, syscall.EDQUOT, syscall.EFBIG} {
		// When it is the growing of the file that fails, bbolt gives the
		// cause as text only.
		if errors.Is(err, full) || strings.Contains(err.Error(), full.Error()) {
			return fmt.Errorf("%w (%w)", store.ErrNoSpace, err)
		}
	}
	return err
}

// write makes commits durable in one transaction. The caller has the turn. After an error
// the commits are either not in the file or in s.unconfirmed.
func (s *Store) write(commits []store.Commit) error {
	size := s.history
	err := s.change(func(tx *bolt.Tx) error {
		if err := writeCommits(tx, commits, &size); err != nil {
			return err
		}
		return size.prune(tx, s.keep)
	})
	if err == nil {
		s.history = size
		return nil
	}
	if errors.Is(err, store.ErrFileLost) {
		return err
	}
	err = classify(err)
	// bbolt writes a transaction's pages, syncs, writes the page that makes
	// them valid, and syncs again. If only the last step fails the file has
	// the transaction, and bbolt goes on from there.
	if now, lookErr := s.revisionInFile(); lookErr != nil || now != commits[len(commits)-1].Revision {
		return err
	}
	s.history, s.unconfirmed = size, commits
	if s.resync() == nil {
		s.unconfirmed = nil
		return nil
	}
	s.log.Error("the disk does not confirm a commit", "revision", commits[len(commits)-1].Revision, "err", err)
	return fmt.Errorf("%w (%w)", store.ErrUnconfirmed, err)
}

// confirm publishes unconfirmed commits once the disk confirms them.
func (s *Store) confirm() error {
	if s.unconfirmed == nil {
		return nil
	}
	if err := s.resync(); err != nil {
		return fmt.Errorf("%w (%w)", store.ErrUnconfirmed, err)
	}
	commits := s.unconfirmed
	s.unconfirmed = nil
	s.log.Info("the disk confirms what it had not", "revision", commits[len(commits)-1].Revision)
	s.publish(commits)
	return nil
}

// resync writes the two pages that make a transaction valid once more, and syncs. Syncing
// alone is not enough: after a failed sync the kernel considers the page written.
func (s *Store) resync() error {
	if err := s.unmodified(); err != nil {
		return err
	}
	pages := make([]byte, 2*s.db.Info().PageSize)
	if _, err := s.file.ReadAt(pages, 0); err != nil {
		return err
	}
	if _, err := s.file.WriteAt(pages, 0); err != nil {
		return err
	}
	if err := s.file.Sync(); err != nil {
		return err
	}
	s.acknowledge(s.watched.begins.newest().txid)
	return nil
}

// revisionInFile returns the revision that the file has.
func (s *Store) revisionInFile() (rev topology.Revision, err error) {
	err = s.view(func(tx *bolt.Tx) error {
		rev, err = revisionOf(tx)
		return err
	})
	return rev, err
}

func revisionOf(tx *bolt.Tx) (rev topology.Revision, err error) {
	if v := tx.Bucket([]byte(bucketMeta)).Get([]byte(keyRevision)); v != nil {
		if err := json.Unmarshal(v, &rev); err != nil {
			return 0, fmt.Errorf("%w (revision: %w)", store.ErrDamaged, err)
		}
	}
	return rev, nil
}
