package store

import (
	"encoding/binary"
	"encoding/json"
	"net/netip"

	bolt "go.etcd.io/bbolt"

	"github.com/sdnctl/sdnctl/topology"
)

// The buckets and the keys of meta. See doc.go.
const (
	bucketMeta     = "meta"
	bucketBlocks   = "blocks"
	bucketLocks    = "locks"
	bucketHistory  = "history"
	bucketBindings = "bindings"

	keySchema   = "schema"
	keyRevision = "revision"
)

// kinds are the kinds of objects in the order in which they are loaded, with
// their buckets.
var kinds = [...]struct {
	kind   topology.Kind
	bucket string
}{
	{topology.KindNode, "nodes"},
	{topology.KindNetwork, "networks"},
	{topology.KindRouter, "routers"},
	{topology.KindPort, "ports"},
}

func bucketOf(k topology.Kind) []byte {
	for _, e := range kinds {
		if e.kind == k {
			return []byte(e.bucket)
		}
	}
	return nil
}

// write makes a commit durable, in one transaction.
func (s *Store) write(c Commit) error {
	return s.db.Update(func(tx *bolt.Tx) error {
		if err := writeLocks(tx, c); err != nil {
			return err
		}
		for _, ch := range c.Changes {
			if err := writeObject(tx, ch); err != nil {
				return err
			}
		}
		for _, b := range c.Blocks {
			if err := writeBlock(tx, b); err != nil {
				return err
			}
		}
		if err := writeEntry(tx, c); err != nil {
			return err
		}
		return putJSON(tx.Bucket([]byte(bucketMeta)), []byte(keyRevision), c.Revision)
	})
}

func writeObject(tx *bolt.Tx, c topology.Change) error {
	b := tx.Bucket(bucketOf(c.Ref.Kind))
	if c.After == nil {
		return b.Delete([]byte(c.Ref.Name))
	}
	v, err := encode(c.After)
	if err != nil {
		return err
	}
	return b.Put([]byte(c.Ref.Name), v)
}

// writeLocks releases all locks that go before it takes new ones, because two
// ports of one change may swap their addresses.
func writeLocks(tx *bolt.Tx, c Commit) error {
	b := tx.Bucket([]byte(bucketLocks))
	for _, ch := range c.Changes {
		if p, ok := ch.Before.(*topology.Port); ok {
			if err := b.Delete(lockKey(c.Before, p)); err != nil {
				return err
			}
		}
	}
	for _, ch := range c.Changes {
		if p, ok := ch.After.(*topology.Port); ok {
			if err := b.Put(lockKey(c.After, p), []byte(p.Name)); err != nil {
				return err
			}
		}
	}
	return nil
}

// lockKey is the key of the lock of a port's address, given the snapshot that
// the port is in.
func lockKey(s *topology.Snapshot, p *topology.Port) []byte {
	n, _ := s.Network(p.Spec.Network)
	return lockKeyOf(n.VNI, p.IP)
}

func lockKeyOf(v topology.VNI, ip netip.Addr) []byte {
	a := ip.As4()
	return append([]byte{byte(v >> 16), byte(v >> 8), byte(v)}, a[:]...)
}

func writeBlock(tx *bolt.Tx, c topology.BlockChange) error {
	b, key := tx.Bucket([]byte(bucketBlocks)), blockKey(c.Network, c.Node)
	if c.After == nil {
		return b.Delete(key)
	}
	return putJSON(b, key, blockRecord{c.After.Prefix, c.After.Gateway, c.After.GatewayMAC})
}

func blockKey(network, node string) []byte { return []byte(network + "\x00" + node) }

func putJSON(b *bolt.Bucket, key []byte, v any) error {
	j, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return b.Put(key, j)
}

func revisionKey(r topology.Revision) []byte {
	return binary.BigEndian.AppendUint64(nil, uint64(r))
}
