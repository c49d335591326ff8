package bolt

import (
	"encoding/json"
	"fmt"

	bolt "go.etcd.io/bbolt"

	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/store"
)

// writeNumbers writes what a commit changes of the numbers that policies need: zones,
// labels and identities. Those that go are deleted first: another may get their key.
func writeNumbers(t *tally, c store.Commit) error {
	for _, i := range c.Identities {
		if i.After == nil {
			if err := t.remove(bucketIdentities, []byte(i.Before.Key())); err != nil {
				return err
			}
		}
	}
	for _, n := range c.Numberings {
		if n.After == nil {
			if err := t.remove(bucketNumberings, []byte(n.Before.Of)); err != nil {
				return err
			}
		}
	}
	for _, n := range c.Numberings {
		if n.After != nil {
			if err := putRecord(t, bucketNumberings, n.After.Of, n.After); err != nil {
				return err
			}
		}
	}
	for _, i := range c.Identities {
		if i.After != nil {
			if err := putRecord(t, bucketIdentities, i.After.Key(), i.After); err != nil {
				return err
			}
		}
	}
	return nil
}

func putRecord(t *tally, bucket, key string, record any) error {
	v, err := json.Marshal(record)
	if err != nil {
		return err
	}
	return t.put(bucket, []byte(key), v)
}

// readNumbers adds zones, labels and identities to a loader that has all objects.
func readNumbers(tx *bolt.Tx, l *topology.Loader) error {
	if err := eachRecord(tx, bucketNumberings, l.AddNumbering); err != nil {
		return err
	}
	return eachRecord(tx, bucketIdentities, l.AddIdentity)
}

func eachRecord[T any](tx *bolt.Tx, bucket string, f func(*T) error) error {
	return tx.Bucket([]byte(bucket)).ForEach(func(k, v []byte) error {
		record := new(T)
		if err := json.Unmarshal(v, record); err != nil {
			return fmt.Errorf("%s %q cannot be read", bucket, k)
		}
		return f(record)
	})
}
