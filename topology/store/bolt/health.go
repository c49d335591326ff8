package bolt

import (
	"encoding/json"
	"fmt"

	bolt "go.etcd.io/bbolt"

	"github.com/sdnctl/sdnctl/topology/store"
)

// SaveHealths replaces what is kept of the backends that it names, in one transaction.
func (s *Store) SaveHealths(all []store.Health) error {
	if len(all) == 0 {
		return nil
	}
	s.turn <- struct{}{}
	defer func() { <-s.turn }()
	err := s.change(func(tx *bolt.Tx) error {
		b := tx.Bucket([]byte(bucketHealths))
		for _, h := range all {
			var err error
			if h.Gone {
				err = b.Delete([]byte(h.Key()))
			} else {
				err = putJSON(b, []byte(h.Key()), h)
			}
			if err != nil {
				return fmt.Errorf("backend %q of service %q: %w", h.Port, h.Service, err)
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("save the health of backends: %w", classify(err))
	}
	return nil
}

// Healths returns what is kept of all backends, by service and port.
func (s *Store) Healths() ([]store.Health, error) {
	var all []store.Health
	err := s.view(func(tx *bolt.Tx) error {
		return tx.Bucket([]byte(bucketHealths)).ForEach(func(k, v []byte) error {
			var h store.Health
			if err := json.Unmarshal(v, &h); err != nil {
				return fmt.Errorf("%q: %w", k, err)
			}
			all = append(all, h)
			return nil
		})
	})
	if err != nil {
		return nil, fmt.Errorf("health of backends: %w", err)
	}
	return all, nil
}
