package bolt

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/bits"

	bolt "go.etcd.io/bbolt"

	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
	"github.com/sdnctl/sdnctl/topology/store"
)

// sum is a checksum of records that does not depend on their order: the sum, modulo 2^128,
// of the first 16 bytes of the SHA-256 of each. So the cost of updating it follows the
// change. It detects damage, but not forgery.
type sum [2]uint64

func sumOfRecord(bucket string, key, value []byte) sum {
	h := sha256.New()
	var length [8]byte
	for _, part := range [][]byte{[]byte(bucket), key, value} {
		binary.BigEndian.PutUint64(length[:], uint64(len(part)))
		// A hash never fails.
		_, _ = h.Write(length[:])
		_, _ = h.Write(part)
	}
	b := h.Sum(nil)
	return sum{binary.BigEndian.Uint64(b), binary.BigEndian.Uint64(b[8:])}
}

func (s sum) plus(t sum) sum {
	low, carry := bits.Add64(s[1], t[1], 0)
	high, _ := bits.Add64(s[0], t[0], carry)
	return sum{high, low}
}

func (s sum) minus(t sum) sum {
	low, borrow := bits.Sub64(s[1], t[1], 0)
	high, _ := bits.Sub64(s[0], t[0], borrow)
	return sum{high, low}
}

// String returns the sum as it is in the file.
func (s sum) String() string { return fmt.Sprintf("%016x%016x", s[0], s[1]) }

// sumRecord is the sum of all objects and blocks as of a revision. A file that an older
// sdnd has written has none, or one of an older revision.
type sumRecord struct {
	Revision topology.Revision `json:"revision"`
	Sum      string            `json:"sum"`
}

// summed returns the buckets that the sum is of. The locks are not among them:
// they follow from the ports, and are compared with those.
func summed() []string {
	names := []string{bucketBlocks, bucketIdentities, bucketNumberings}
	for _, k := range model.Kinds() {
		names = append(names, k.Plural())
	}
	return names
}

// sumOf computes the sum of what the file has.
func sumOf(tx *bolt.Tx) (total sum, err error) {
	for _, name := range summed() {
		b := tx.Bucket([]byte(name))
		if b == nil {
			continue // it is new, or prepare finds out
		}
		err := b.ForEach(func(k, v []byte) error {
			if !found(b, k, v) {
				return fmt.Errorf("%w (record %q of %s is not where it belongs)", store.ErrDamaged, k, name)
			}
			total = total.plus(sumOfRecord(name, k, v))
			return nil
		})
		if err != nil {
			return sum{}, err
		}
	}
	return total, nil
}

// found reports whether a record is found by its key. If a page that orders other pages is
// damaged, it may not be.
func found(b *bolt.Bucket, k, v []byte) bool { return bytes.Equal(b.Get(k), v) }

// sumRecordOf returns what the file says that its sum is; nil if it does not.
func sumRecordOf(tx *bolt.Tx) (*sumRecord, error) {
	v := tx.Bucket([]byte(bucketMeta)).Get([]byte(keySum))
	if v == nil {
		return nil, nil
	}
	r := new(sumRecord)
	if err := json.Unmarshal(v, r); err != nil {
		return nil, fmt.Errorf("%w (sum: %w)", store.ErrDamaged, err)
	}
	return r, nil
}

// verify compares the objects and blocks in the file with their sum. It reads all
// of them.
func verify(tx *bolt.Tx) error {
	said, err := sumRecordOf(tx)
	if err != nil || said == nil {
		return err
	}
	rev, err := revisionOf(tx)
	if err != nil {
		return err
	}
	if said.Revision < rev { // an older sdnd has written to it since
		if k, _ := tx.Bucket([]byte(bucketHistory)).Cursor().Last(); string(k) != string(revisionKey(rev)) {
			return fmt.Errorf("%w (it says that its revision is %d, but its history ends with another)", store.ErrDamaged, rev)
		}
		return nil
	}
	got, err := sumOf(tx)
	if err != nil {
		return err
	}
	if said.Revision > rev || said.Sum != got.String() {
		return fmt.Errorf("%w (a checksum is wrong: what it has is not what was written)", store.ErrDamaged)
	}
	return nil
}

// tally is a transaction that updates the sum.
type tally struct {
	tx    *bolt.Tx
	total sum
	// known is false in a file that has no sum yet; it is computed in the end then.
	known bool
}

func newTally(tx *bolt.Tx) (*tally, error) {
	t := &tally{tx: tx}
	said, err := sumRecordOf(tx)
	if err != nil {
		return nil, err
	}
	rev, err := revisionOf(tx)
	if err != nil || said == nil || said.Revision != rev {
		return t, err
	}
	b, err := hex.DecodeString(said.Sum)
	if err != nil || len(b) != 16 {
		return nil, fmt.Errorf("%w (%q is no sum)", store.ErrDamaged, said.Sum)
	}
	t.total, t.known = sum{binary.BigEndian.Uint64(b), binary.BigEndian.Uint64(b[8:])}, true
	return t, nil
}

// put writes a record.
func (t *tally) put(bucket string, key, value []byte) error {
	b := t.tx.Bucket([]byte(bucket))
	t.without(b, bucket, key)
	t.total = t.total.plus(sumOfRecord(bucket, key, value))
	return b.Put(key, value)
}

// remove deletes a record.
func (t *tally) remove(bucket string, key []byte) error {
	b := t.tx.Bucket([]byte(bucket))
	t.without(b, bucket, key)
	return b.Delete(key)
}

// without takes the record of a key, if there is one, out of the sum.
func (t *tally) without(b *bolt.Bucket, bucket string, key []byte) {
	if v := b.Get(key); v != nil {
		t.total = t.total.minus(sumOfRecord(bucket, key, v))
	}
}

// finish writes the revision and its sum.
func (t *tally) finish(rev topology.Revision) error {
	if !t.known {
		total, err := sumOf(t.tx)
		if err != nil {
			return err
		}
		t.total, t.known = total, true
	}
	meta := t.tx.Bucket([]byte(bucketMeta))
	if err := putJSON(meta, []byte(keySum), sumRecord{rev, t.total.String()}); err != nil {
		return err
	}
	return putJSON(meta, []byte(keyRevision), rev)
}
