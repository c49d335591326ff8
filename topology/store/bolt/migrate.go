package bolt

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	bolt "go.etcd.io/bbolt"

	"github.com/sdnctl/sdnctl/topology/model"
	"github.com/sdnctl/sdnctl/topology/store"
)

// A migration turns the layout of one version into the next. It runs inside
// the transaction that opens the file, so it happens whole or not at all.
type migration func(tx *bolt.Tx) error

// migrations are the steps to the layout that doc.go describes: number i turns
// version i+1 into i+2.
func migrations() []migration { return []migration{toBothFamilies} }

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
		for _, n := range buckets() {
			if _, err := tx.CreateBucketIfNotExists([]byte(n)); err != nil {
				return err
			}
		}
		meta := tx.Bucket([]byte(bucketMeta))
		if version < newest {
			// What is damaged must not get a checksum that is right.
			if err := verify(tx); err != nil {
				return err
			}
			if err := migrate(tx, version, steps[version-1:]); err != nil {
				return err
			}
		}
		// If a bucket was missing, it is a new one, or its name is damaged. The checksum,
		// which stays as it is, shows which.
		return putJSON(meta, []byte(keySchema), newest)
	}))
}

// migrate does the steps from a version on, and computes the new checksum.
func migrate(tx *bolt.Tx, version int, steps []migration) error {
	for i, step := range steps {
		if err := step(tx); err != nil {
			return fmt.Errorf("bring the data file from schema %d to %d: %w", version+i, version+i+1, err)
		}
	}
	rev, err := revisionOf(tx)
	if err != nil {
		return err
	}
	return (&tally{tx: tx}).finish(rev)
}

// schemaOf returns the version of the file's layout; that of a file with
// nothing in it is the newest.
func schemaOf(tx *bolt.Tx, newest int) (int, error) {
	version := newest
	if meta := tx.Bucket([]byte(bucketMeta)); meta == nil {
		return newest, nil
	} else if v := meta.Get([]byte(keySchema)); v != nil {
		if err := json.Unmarshal(v, &version); err != nil {
			return 0, fmt.Errorf("%w (schema: %w)", store.ErrDamaged, err)
		}
	}
	switch {
	case version > newest:
		return 0, fmt.Errorf("%w (schema %d, this sdnd knows %d)", store.ErrNewerSchema, version, newest)
	case version < 1:
		return 0, fmt.Errorf("%w (there is no schema %d)", store.ErrDamaged, version)
	}
	return version, nil
}

// buckets returns the names of all.
func buckets() []string {
	names := []string{bucketMeta, bucketBlocks, bucketIdentities, bucketNumberings, bucketLocks, bucketHistory, bucketBindings, bucketLocals, bucketHealths, bucketLeavings, bucketJoins}
	for _, k := range model.Kinds() {
		names = append(names, k.Plural())
	}
	return names
}

// toBothFamilies turns schema 1 into 2: a port has a list of addresses, a block a
// range of each family, and a lock's key an address of 16 bytes with a prefix
// length. History and the specs in objects stay as they are.
func toBothFamilies(tx *bolt.Tx) error {
	return errors.Join(
		rewrite(tx, bucketLocks, func(k, v []byte) ([]byte, []byte, error) {
			if len(k) != 7 {
				return nil, nil, fmt.Errorf("%w (%x is not a lock)", store.ErrDamaged, k)
			}
			mapped := append(slices.Clone(k[:3]), "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff"...)
			return append(append(mapped, k[3:]...), 128), v, nil
		}),
		rewrite(tx, model.KindPort.Plural(), func(k, v []byte) ([]byte, []byte, error) {
			v, err := move(v, func(record map[string]json.RawMessage) {
				record["addresses"] = slices.Concat([]byte("["), record["ip"], []byte("]"))
				delete(record, "ip")
			})
			return k, v, err
		}),
		rewrite(tx, bucketBlocks, func(k, v []byte) ([]byte, []byte, error) {
			v, err := move(v, func(record map[string]json.RawMessage) {
				record["ranges"] = slices.Concat([]byte(`[{"cidr":`), record["cidr"], []byte(`,"gateway":`), record["gateway"], []byte("}]"))
				delete(record, "cidr")
				delete(record, "gateway")
			})
			return k, v, err
		}),
	)
}

// move changes the fields of a record.
func move(v []byte, change func(map[string]json.RawMessage)) ([]byte, error) {
	var record map[string]json.RawMessage
	if err := json.Unmarshal(v, &record); err != nil {
		return nil, fmt.Errorf("%w (%w)", store.ErrDamaged, err)
	}
	change(record)
	return json.Marshal(record)
}

// rewrite replaces the records of a bucket. It writes them in the order of their keys, which
// bbolt does fastest.
func rewrite(tx *bolt.Tx, bucket string, how func(k, v []byte) (key, value []byte, err error)) error {
	type record struct{ key, value []byte }
	var all []record
	err := tx.Bucket([]byte(bucket)).ForEach(func(k, v []byte) error {
		key, value, err := how(k, v)
		all = append(all, record{slices.Clone(key), slices.Clone(value)})
		return err
	})
	if err != nil {
		return fmt.Errorf("%s: %w", bucket, err)
	}
	if err := tx.DeleteBucket([]byte(bucket)); err != nil {
		return err
	}
	b, err := tx.CreateBucket([]byte(bucket))
	if err != nil {
		return err
	}
	slices.SortFunc(all, func(x, y record) int { return bytes.Compare(x.key, y.key) })
	for _, r := range all {
		if err := b.Put(r.key, r.value); err != nil {
			return err
		}
	}
	return nil
}
