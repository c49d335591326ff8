package bolt

import (
	"encoding/json"
	"fmt"

	bolt "go.etcd.io/bbolt"

	"github.com/sdnctl/sdnctl/topology/store"
)

// SaveJoins replaces what is kept of the memberships that it names, in one transaction.
func (s *Store) SaveJoins(all []store.Join) error {
	if len(all) == 0 {
		return nil
	}
	s.turn <- struct{}{}
	defer func() { <-s.turn }()
	err := s.change(func(tx *bolt.Tx) error {
		b := tx.Bucket([]byte(bucketJoins))
		for _, j := range all {
			var err error
			if j.Gone {
				err = b.Delete([]byte(j.Key()))
			} else {
				err = putJSON(b, []byte(j.Key()), j)
			}
			if err != nil {
				return fmt.Errorf("group %v of port %q: %w", j.Group, j.Port, err)
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("save who has joined groups: %w", classify(err))
	}
	return nil
}

// Joins returns the groups that all ports have joined, by port and group.
func (s *Store) Joins() ([]store.Join, error) {
	var all []store.Join
	err := s.view(func(tx *bolt.Tx) error {
		return tx.Bucket([]byte(bucketJoins)).ForEach(func(k, v []byte) error {
			var j store.Join
			if err := json.Unmarshal(v, &j); err != nil {
				return fmt.Errorf("%q: %w", k, err)
			}
			all = append(all, j)
			return nil
		})
	})
	if err != nil {
		return nil, fmt.Errorf("who has joined groups: %w", err)
	}
	return all, nil
}
