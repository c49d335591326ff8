package store

import (
	"encoding/json"
	"fmt"

	bolt "go.etcd.io/bbolt"
)

// A migration turns the layout of one version into the next. It runs inside
// the transaction that opens the file, so it happens whole or not at all.
type migration func(tx *bolt.Tx) error

// migrations are the steps to the layout that doc.go describes: number i turns
// version i+1 into i+2. There has been one version so far.
func migrations() []migration { return nil }

// migrate makes a new file ready and brings an old one to the newest schema,
// which is one more than there are steps.
func migrate(tx *bolt.Tx, steps []migration) error {
	meta, err := tx.CreateBucketIfNotExists([]byte(bucketMeta))
	if err != nil {
		return err
	}
	newest := len(steps) + 1
	version := newest
	if v := meta.Get([]byte(keySchema)); v != nil {
		if err := json.Unmarshal(v, &version); err != nil {
			return fmt.Errorf("%w (schema: %w)", ErrDamaged, err)
		}
	}
	switch {
	case version > newest:
		return fmt.Errorf("%w (schema %d, this sdnd knows %d)", ErrNewerSchema, version, newest)
	case version < 1:
		return fmt.Errorf("%w (there is no schema %d)", ErrDamaged, version)
	}
	for ; version < newest; version++ {
		if err := steps[version-1](tx); err != nil {
			return fmt.Errorf("bring the data file from schema %d to %d: %w", version, version+1, err)
		}
	}
	names := []string{bucketBlocks, bucketLocks, bucketHistory, bucketBindings}
	for _, k := range kinds {
		names = append(names, k.bucket)
	}
	for _, n := range names {
		if _, err := tx.CreateBucketIfNotExists([]byte(n)); err != nil {
			return err
		}
	}
	return putJSON(meta, []byte(keySchema), newest)
}
