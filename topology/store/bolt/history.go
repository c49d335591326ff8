package bolt

import (
	"encoding/json"
	"fmt"

	bolt "go.etcd.io/bbolt"

	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/store"
)

// History returns up to limit commits for which keep returns true, newest first,
// beginning with revision from; 0 means the newest. A limit of 0 or less means
// all that are kept, and a nil keep any.
func (s *Store) History(from topology.Revision, limit int, keep func(*store.Entry) bool) ([]store.Entry, error) {
	var out []store.Entry
	err := s.view(func(tx *bolt.Tx) error {
		c := tx.Bucket([]byte(bucketHistory)).Cursor()
		for k, v := seekDown(c, from); k != nil; k, v = c.Prev() {
			if limit > 0 && len(out) == limit {
				break
			}
			var e store.Entry
			if err := json.Unmarshal(v, &e); err != nil {
				return fmt.Errorf("entry %x: %w", k, err)
			}
			if keep == nil || keep(&e) {
				out = append(out, e)
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("history: %w", err)
	}
	return out, nil
}

// seekDown finds the newest entry that is not newer than from.
func seekDown(c *bolt.Cursor, from topology.Revision) (k, v []byte) {
	if from == 0 {
		return c.Last()
	}
	if k, v = c.Seek(revisionKey(from)); k == nil {
		return c.Last()
	}
	if string(k) != string(revisionKey(from)) {
		return c.Prev()
	}
	return k, v
}

func writeEntry(tx *bolt.Tx, c store.Commit, size *historySize) error {
	v, err := json.Marshal(store.EntryOf(c))
	if err != nil {
		return err
	}
	size.entries++
	size.bytes += int64(len(v))
	return tx.Bucket([]byte(bucketHistory)).Put(revisionKey(c.Revision), v)
}
