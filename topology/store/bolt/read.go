package bolt

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"

	bolt "go.etcd.io/bbolt"

	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
	"github.com/sdnctl/sdnctl/topology/store"
)

// read builds the snapshot that the file has, and checks that the locks are
// those of the ports.
func read(tx *bolt.Tx) (*topology.Snapshot, error) {
	rev, err := revisionOf(tx)
	if err != nil {
		return nil, err
	}
	l := topology.NewLoader()
	for _, k := range model.Kinds() {
		err := tx.Bucket(bucketOf(k)).ForEach(func(name, v []byte) error {
			r := topology.Ref{Kind: k, Name: string(name)}
			o, err := decode(r, v)
			if err != nil {
				return fmt.Errorf("%s: %w", r, err)
			}
			return l.Add(o)
		})
		if err != nil {
			return nil, fmt.Errorf("%w (%w)", store.ErrDamaged, err)
		}
	}
	if err := eachBlock(tx, l.AddBlock); err != nil {
		return nil, fmt.Errorf("%w (%w)", store.ErrDamaged, err)
	}
	if err := readNumbers(tx, l); err != nil {
		return nil, fmt.Errorf("%w (%w)", store.ErrDamaged, err)
	}
	s := l.Snapshot(rev)
	if err := checkLocks(tx, s); err != nil {
		return nil, fmt.Errorf("%w (%w)", store.ErrDamaged, err)
	}
	return s, nil
}

// eachBlock calls f with each block in the file.
func eachBlock(tx *bolt.Tx, f func(*topology.Block) error) error {
	return tx.Bucket([]byte(bucketBlocks)).ForEach(func(k, v []byte) error {
		network, node, ok := bytes.Cut(k, []byte{0})
		var r blockRecord
		if err := json.Unmarshal(v, &r); err != nil || !ok {
			return fmt.Errorf("block %q cannot be read", k)
		}
		block, err := r.block(string(network), string(node))
		if err != nil {
			return fmt.Errorf("block %q: %w", k, err)
		}
		return f(block)
	})
}

// checkLocks compares the locks in the file with the ports: each lock is held
// by the port that has the address, and there are as many as addresses.
func checkLocks(tx *bolt.Tx, s *topology.Snapshot) error {
	n, want := 0, 0
	b := tx.Bucket([]byte(bucketLocks))
	err := b.ForEach(func(k, v []byte) error {
		n++
		p, ok := s.Port(string(v))
		if !ok || !found(b, k, v) || !slices.ContainsFunc(lockKeys(s, p), func(own []byte) bool { return bytes.Equal(k, own) }) {
			return fmt.Errorf("address lock %x is held by %q, which does not have that address", k, v)
		}
		return nil
	})
	for p := range s.Ports() {
		for range p.Held() {
			want++
		}
	}
	if err == nil && n != want {
		err = fmt.Errorf("%d address locks for %d addresses of ports", n, want)
	}
	return err
}
