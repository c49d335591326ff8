package store

import (
	"encoding/json"
	"fmt"

	bolt "go.etcd.io/bbolt"
)

// Binding is where the interface of a port was last seen. It is observed and not declared,
// so it belongs to no revision. It lets sdnd compile the same flows after a restart, before
// the switches have reported.
type Binding struct {
	Port      string `json:"-"`
	Node      string `json:"node"`
	Interface string `json:"interface"`
	// OFPort is the interface's OpenFlow number when it was seen there; 0 when
	// that was not noted.
	OFPort uint32 `json:"ofport,omitempty"`
	// Gone in SaveBindings forgets the port. Bindings never returns it.
	Gone bool `json:"-"`
}

// SaveBindings replaces the bindings of the ports that it names, in one
// transaction.
func (s *Store) SaveBindings(bs []Binding) error {
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
func (s *Store) Bindings() ([]Binding, error) {
	var out []Binding
	err := s.view(func(tx *bolt.Tx) error {
		return tx.Bucket([]byte(bucketBindings)).ForEach(func(k, v []byte) error {
			x := Binding{Port: string(k)}
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
