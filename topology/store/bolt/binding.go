package bolt

import (
	"encoding/json"
	"fmt"

	bolt "go.etcd.io/bbolt"

	"github.com/sdnctl/sdnctl/topology/store"
)

// SaveBindings replaces the bindings of the ports that it names, in one
// transaction.
func (s *Store) SaveBindings(bs []store.Binding) error {
	if len(bs) == 0 {
		return nil
	}
	s.turn <- struct{}{}
	defer func() { <-s.turn }()
	err := s.change(func(tx *bolt.Tx) error {
		b := tx.Bucket([]byte(bucketBindings))
		for _, x := range bs {
			var err error
			if x.Gone {
				err = b.Delete([]byte(x.Port))
			} else {
				err = putJSON(b, []byte(x.Port), x)
			}
			if err != nil {
				return fmt.Errorf("port %q: %w", x.Port, err)
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("save bindings: %w", classify(err))
	}
	return nil
}

// Bindings returns all bindings by port.
func (s *Store) Bindings() ([]store.Binding, error) {
	var out []store.Binding
	err := s.view(func(tx *bolt.Tx) error {
		return tx.Bucket([]byte(bucketBindings)).ForEach(func(k, v []byte) error {
			x := store.Binding{Port: string(k)}
			if err := json.Unmarshal(v, &x); err != nil {
				return fmt.Errorf("port %q: %w", k, err)
			}
			out = append(out, x)
			return nil
		})
	})
	if err != nil {
		return nil, fmt.Errorf("bindings: %w", err)
	}
	return out, nil
}
