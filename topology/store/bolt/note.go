package bolt

import (
	"fmt"
	"slices"

	bolt "go.etcd.io/bbolt"
)

// notePrefix begins the keys of notes among those of meta.
const notePrefix = "note/"

// Note returns what SetNote kept under a key; nil for nothing.
func (s *Store) Note(key string) (value []byte, err error) {
	err = s.view(func(tx *bolt.Tx) error {
		value = slices.Clone(tx.Bucket([]byte(bucketMeta)).Get([]byte(notePrefix + key)))
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("note %s: %w", key, err)
	}
	return value, nil
}

// SetNote keeps something small that the daemon has to remember beside the
// topology: it is of no revision, and a restore leaves it. It is durable when
// SetNote returns nil.
func (s *Store) SetNote(key string, value []byte) error {
	s.turn <- struct{}{}
	defer func() { <-s.turn }()
	err := s.change(func(tx *bolt.Tx) error {
		return tx.Bucket([]byte(bucketMeta)).Put([]byte(notePrefix+key), value)
	})
	if err != nil {
		return fmt.Errorf("keep note %s: %w", key, classify(err))
	}
	return nil
}
