package bolt

import (
	"bytes"
	"cmp"
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
	if err := readObjects(tx, l); err != nil {
		return nil, fmt.Errorf("%w (%w)", store.ErrDamaged, err)
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

// objectsAtOnce is how many objects are handed from the goroutine that decodes them to the one that adds
// them.
const objectsAtOnce = 256

// readObjects adds the objects of the file to a Loader. Another goroutine adds what this one has decoded,
// because each of the two takes about half of the time. Only this one touches the file, whose faults it
// can recover from.
func readObjects(tx *bolt.Tx, l *topology.Loader) error {
	decoded := make(chan []topology.Object, 4)
	added := make(chan error, 1)
	go func() { added <- addAll(l, decoded) }()
	err := decodeAll(tx, decoded)
	return cmp.Or(<-added, err)
}

// decodeAll sends the objects of the file, in the order in which a Loader takes them, and closes the channel.
func decodeAll(tx *bolt.Tx, decoded chan<- []topology.Object) error {
	defer close(decoded) // whatever becomes of reading the file
	var next []topology.Object
	for _, k := range model.Kinds() {
		err := tx.Bucket(bucketOf(k)).ForEach(func(name, v []byte) error {
			r := topology.Ref{Kind: k, Name: string(name)}
			o, err := decode(r, v)
			if err != nil {
				return fmt.Errorf("%s: %w", r, err)
			}
			if next = append(next, o); len(next) == objectsAtOnce {
				decoded <- next
				next = make([]topology.Object, 0, objectsAtOnce)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	decoded <- next
	return nil
}

// addAll adds objects until the channel is closed, or none after an error.
func addAll(l *topology.Loader, decoded <-chan []topology.Object) (err error) {
	for all := range decoded {
		for _, o := range all {
			if err == nil {
				err = l.Add(o)
			}
		}
	}
	return err
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
