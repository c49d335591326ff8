package bolt

import (
	"encoding/json"
	"fmt"

	bolt "go.etcd.io/bbolt"

	"github.com/sdnctl/sdnctl/topology/store"
)

// SaveLocals replaces what is kept of the nodes that it names, in one transaction.
func (s *Store) SaveLocals(ls []store.Local) error {
	if len(ls) == 0 {
		return nil
	}
	s.turn <- struct{}{}
	defer func() { <-s.turn }()
	err := s.change(func(tx *bolt.Tx) error {
		b := tx.Bucket([]byte(bucketLocals))
		for _, l := range ls {
			var err error
			if l.Addr.IsValid() || l.UDP != 0 || len(l.Uplinks) > 0 {
				err = putJSON(b, []byte(l.Node), l)
			} else {
				err = b.Delete([]byte(l.Node))
			}
			if err != nil {
				return fmt.Errorf("node %q: %w", l.Node, err)
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("save tunnel addresses and uplinks: %w", classify(err))
	}
	return nil
}

// Locals returns what is kept of all nodes, by node.
func (s *Store) Locals() ([]store.Local, error) {
	var out []store.Local
	err := s.view(func(tx *bolt.Tx) error {
		return tx.Bucket([]byte(bucketLocals)).ForEach(func(k, v []byte) error {
			l := store.Local{Node: string(k)}
			if err := json.Unmarshal(v, &l); err != nil {
				return fmt.Errorf("node %q: %w", k, err)
			}
			out = append(out, l)
			return nil
		})
	})
	if err != nil {
		return nil, fmt.Errorf("tunnel addresses and uplinks: %w", err)
	}
	return out, nil
}
