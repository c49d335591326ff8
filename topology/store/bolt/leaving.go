package bolt

import (
	"encoding/json"
	"fmt"

	bolt "go.etcd.io/bbolt"

	"github.com/sdnctl/sdnctl/topology/store"
)

// SaveLeavings replaces what is kept of the backends that it names, in one transaction.
func (s *Store) SaveLeavings(all []store.Leaving) error {
	if len(all) == 0 {
		return nil
	}
	s.turn <- struct{}{}
	defer func() { <-s.turn }()
	err := s.change(func(tx *bolt.Tx) error {
		b := tx.Bucket([]byte(bucketLeavings))
		for _, l := range all {
			var err error
			if l.Gone {
				err = b.Delete([]byte(l.Key()))
			} else {
				err = putJSON(b, []byte(l.Key()), l)
			}
			if err != nil {
				return fmt.Errorf("backend %q of service %q: %w", l.Port, l.Service, err)
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("save which backends leave their services: %w", classify(err))
	}
	return nil
}

// Leavings returns what is kept of all backends, by service, port and way.
func (s *Store) Leavings() ([]store.Leaving, error) {
	var all []store.Leaving
	err := s.view(func(tx *bolt.Tx) error {
		return tx.Bucket([]byte(bucketLeavings)).ForEach(func(k, v []byte) error {
			var l store.Leaving
			if err := json.Unmarshal(v, &l); err != nil {
				return fmt.Errorf("%q: %w", k, err)
			}
			all = append(all, l)
			return nil
		})
	})
	if err != nil {
		return nil, fmt.Errorf("backends that leave their services: %w", err)
	}
	return all, nil
}
