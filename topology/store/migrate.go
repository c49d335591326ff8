package store

import (
	"encoding/json"
	"fmt"

	bolt "go.etcd.io/bbolt"

	"github.com/sdnctl/sdnctl/topology/model"
)

// A migration turns the layout of one version into the next. It runs inside
// the transaction that opens the file, so it happens whole or not at all.
type migration func(tx *bolt.Tx) error

// migrations are the steps to the layout that doc.go describes: number i turns
// version i+1 into i+2. There has been one version so far.
func migrations() []migration { return nil }

// prepare makes a new file ready and brings an old one to the newest schema,
// which is one more than there are steps. Where there is nothing to do it does
// not write: sdnd has to start on a full disk, too.
func prepare(db *bolt.DB, steps []migration) error {
	newest := len(steps) + 1
	version, ready := 0, false
	err := db.View(func(tx *bolt.Tx) (err error) {
		version, err = schemaOf(tx, newest)
		ready = version == newest
		for _, n := range buckets() {
			ready = ready && tx.Bucket([]byte(n)) != nil
		}
		ready = ready && tx.Bucket([]byte(bucketMeta)).Get([]byte(keySchema)) != nil
		return err
	})
	if err != nil || ready {
		return err
	}
	return classify(db.Update(func(tx *bolt.Tx) error {
		for ; version < newest; version++ {
			if err := steps[version-1](tx); err != nil {
				return fmt.Errorf("bring the data file from schema %d to %d: %w", version, version+1, err)
			}
		}
		for _, n := range buckets() {
			if _, err := tx.CreateBucketIfNotExists([]byte(n)); err != nil {
				return err
			}
		}
		// The next commit computes it of what there is now.
		if err := tx.Bucket([]byte(bucketMeta)).Delete([]byte(keySum)); err != nil {
			return err
		}
		return putJSON(tx.Bucket([]byte(bucketMeta)), []byte(keySchema), newest)
	}))
}

// schemaOf returns the version of the file's layout; that of a file with
// nothing in it is the newest.
func schemaOf(tx *bolt.Tx, newest int) (int, error) {
	version := newest
	if meta := tx.Bucket([]byte(bucketMeta)); meta == nil {
		return newest, nil
	} else if v := meta.Get([]byte(keySchema)); v != nil {
		if err := json.Unmarshal(v, &version); err != nil {
			return 0, fmt.Errorf("%w (schema: %w)", ErrDamaged, err)
		}
	}
	switch {
	case version > newest:
		return 0, fmt.Errorf("%w (schema %d, this sdnd knows %d)", ErrNewerSchema, version, newest)
	case version < 1:
		return 0, fmt.Errorf("%w (there is no schema %d)", ErrDamaged, version)
	}
	return version, nil
}

// buckets returns the names of all.
func buckets() []string {
	names := []string{bucketMeta, bucketBlocks, bucketLocks, bucketHistory, bucketBindings, bucketLocals}
	for _, k := range model.Kinds() {
		names = append(names, k.Plural())
	}
	return names
}
