package bolt

import (
	"cmp"

	bolt "go.etcd.io/bbolt"

	"github.com/sdnctl/sdnctl/topology/store"
)

// pruneSlack is by how many entries the history may exceed its limit. Pruning that many at
// a time costs most commits nothing.
const pruneSlack = 64

// pruneMost bounds the entries that one transaction prunes, so that no commit becomes slow
// when the limit is lowered.
const pruneMost = 4 * pruneSlack

// historyLimits is how much history is kept.
type historyLimits struct {
	entries int
	bytes   int64
}

func limitsOf(o Options) historyLimits {
	return historyLimits{
		entries: cmp.Or(o.HistoryEntries, store.DefaultHistoryEntries),
		bytes:   cmp.Or(o.HistoryBytes, store.DefaultHistoryBytes),
	}
}

// historySize is how much history there is.
type historySize struct {
	entries int
	bytes   int64 // of the values
}

func sizeOfHistory(tx *bolt.Tx) (size historySize, err error) {
	err = tx.Bucket([]byte(bucketHistory)).ForEach(func(_, v []byte) error {
		size.entries++
		size.bytes += int64(len(v))
		return nil
	})
	return size, err
}

// prune deletes the oldest entries when there are too many, or too large ones.
func (size *historySize) prune(tx *bolt.Tx, keep historyLimits) error {
	if size.entries <= keep.entries+pruneSlack && size.bytes <= keep.bytes {
		return nil
	}
	c := tx.Bucket([]byte(bucketHistory)).Cursor()
	for n := 0; n < pruneMost && size.entries > 1 && (size.entries > keep.entries || size.bytes > keep.bytes); n++ {
		_, v := c.First()
		size.entries--
		size.bytes -= int64(len(v))
		if err := c.Delete(); err != nil {
			return err
		}
	}
	return nil
}
