package bolt

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"net/netip"
	"slices"

	bolt "go.etcd.io/bbolt"

	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/store"
)

// The buckets and the keys of meta. See doc.go.
const (
	bucketMeta       = "meta"
	bucketBlocks     = "blocks"
	bucketIdentities = "identities"
	bucketNumberings = "numberings"
	bucketLocks      = "locks"
	bucketHistory    = "history"
	bucketBindings   = "bindings"
	bucketLocals     = "locals"
	bucketHealths    = "healths"
	bucketJoins      = "joins"
	bucketLeavings   = "leavings"

	keySchema   = "schema"
	keyRevision = "revision"
	keySum      = "sum"
)

// bucketOf returns the name of the bucket that has the objects of a kind.
func bucketOf(k topology.Kind) []byte { return []byte(k.Plural()) }

// writeCommits writes commits, and counts their history.
func writeCommits(tx *bolt.Tx, commits []store.Commit, size *historySize) error {
	t, err := newTally(tx)
	if err != nil {
		return err
	}
	for _, c := range commits {
		if err := writeCommit(t, c, size); err != nil {
			return err
		}
	}
	return t.finish(commits[len(commits)-1].Revision)
}

// writeCommit writes all of a commit but the revision, and counts its history.
func writeCommit(t *tally, c store.Commit, size *historySize) error {
	if err := writeLocks(t.tx, c); err != nil {
		return err
	}
	for _, ch := range c.Changes {
		if err := writeObject(t, ch); err != nil {
			return err
		}
	}
	for _, b := range c.Blocks {
		if err := writeBlock(t, b); err != nil {
			return err
		}
	}
	if err := writeNumbers(t, c); err != nil {
		return err
	}
	return writeEntry(t.tx, c, size)
}

func writeObject(t *tally, c topology.Change) error {
	if c.After == nil {
		return t.remove(c.Ref.Kind.Plural(), []byte(c.Ref.Name))
	}
	v, err := encode(c.After)
	if err != nil {
		return err
	}
	return t.put(c.Ref.Kind.Plural(), []byte(c.Ref.Name), v)
}

// writeLocks deletes all old locks before it adds new ones, because two ports may swap
// their addresses in one change. It adds them in the order of their keys: bbolt splits
// pages only at the end of a transaction, so inserting a million keys in random order
// would take minutes.
func writeLocks(tx *bolt.Tx, c store.Commit) error {
	type lock struct {
		key  []byte
		port string
	}
	b := tx.Bucket([]byte(bucketLocks))
	var take []lock
	for _, ch := range c.Changes {
		var old, now [][]byte
		if p, ok := ch.Before.(*topology.Port); ok {
			old = lockKeys(c.Before, p)
		}
		if p, ok := ch.After.(*topology.Port); ok {
			now = lockKeys(c.After, p)
		}
		if slices.EqualFunc(old, now, bytes.Equal) {
			continue
		}
		for _, k := range now {
			take = append(take, lock{k, ch.Ref.Name})
		}
		for _, k := range old {
			if err := b.Delete(k); err != nil {
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

// lockKeys are the keys of the locks of a port's addresses, given the snapshot that
// the port is in.
func lockKeys(s *topology.Snapshot, p *topology.Port) [][]byte {
	n, _ := s.Network(p.Spec.Network)
	return lockKeysOf(n.VNI, p)
}

func lockKeysOf(v topology.VNI, p *topology.Port) (keys [][]byte) {
	for r := range p.Held() {
		keys = append(keys, lockKey(v, r))
	}
	return keys
}

// lockKey is the key of the lock of a prefix. In it IPv4 is mapped into IPv6.
func lockKey(v topology.VNI, p netip.Prefix) []byte {
	a := p.Addr().As16()
	return append(append([]byte{byte(v >> 16), byte(v >> 8), byte(v)}, a[:]...), byte(128-p.Addr().BitLen()+p.Bits()))
}

func writeBlock(t *tally, c topology.BlockChange) error {
	key := blockKey(c.Network, c.Node)
	if c.After == nil {
		return t.remove(bucketBlocks, key)
	}
	v, err := json.Marshal(recordOf(c.After))
	if err != nil {
		return err
	}
	return t.put(bucketBlocks, key, v)
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
