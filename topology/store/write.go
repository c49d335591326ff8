package store

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"net/netip"
	"slices"

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
	bucketLocals   = "locals"

	keySchema   = "schema"
	keyRevision = "revision"
)

// bucketOf returns the name of the bucket that has the objects of a kind.
func bucketOf(k topology.Kind) []byte { return []byte(k.Plural()) }

// writeCommit writes all of a commit but the revision, and counts its history.
func writeCommit(tx *bolt.Tx, c Commit, size *historySize) error {
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
	return writeEntry(tx, c, size)
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
// ports of one change may swap their addresses. It takes them in the order of
// their keys: bbolt splits pages only at the end of a transaction, and inserting
// a million keys elsewhere than at the end of a page would take minutes.
func writeLocks(tx *bolt.Tx, c Commit) error {
	type lock struct {
		key  []byte
		port string
	}
	b := tx.Bucket([]byte(bucketLocks))
	var take []lock
	for _, ch := range c.Changes {
		var old, now []byte
		if p, ok := ch.Before.(*topology.Port); ok {
			old = lockKey(c.Before, p)
		}
		if p, ok := ch.After.(*topology.Port); ok {
			now = lockKey(c.After, p)
		}
		if bytes.Equal(old, now) {
			continue
		}
		if now != nil {
			take = append(take, lock{now, ch.Ref.Name})
		}
		if old != nil {
			if err := b.Delete(old); err != nil {
				return err
			}
		}
	}
	slices.SortFunc(take, func(x, y lock) int { return bytes.Compare(x.key, y.key) })
	for _, l := range take {
		if err := b.Put(l.key, []byte(l.port)); err != nil {
			return err
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
