package store

import (
	"encoding/json"
	"fmt"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/sdnctl/sdnctl/topology"
)

// Entry is a commit as history remembers it.
type Entry struct {
	Revision topology.Revision `json:"revision"`
	Time     time.Time         `json:"time"`
	Author   string            `json:"author"`
	Changes  []EntryChange     `json:"changes"`
}

// EntryChange is what a commit did to one object.
type EntryChange struct {
	Ref  topology.Ref  `json:"ref"`
	Verb topology.Verb `json:"verb"`
	// Before and After are the specs. Before is nil for an object that was created,
	// After for one that was deleted.
	Before topology.Spec `json:"before,omitempty"`
	After  topology.Spec `json:"after,omitempty"`
	// LabelsBefore and LabelsAfter are the labels.
	LabelsBefore map[string]string `json:"labelsBefore,omitempty"`
	LabelsAfter  map[string]string `json:"labelsAfter,omitempty"`
}

// UnmarshalJSON reads the specs as those of the kind that Ref names.
func (c *EntryChange) UnmarshalJSON(b []byte) error {
	type plain EntryChange
	coded := struct {
		*plain
		Before json.RawMessage `json:"before"`
		After  json.RawMessage `json:"after"`
	}{plain: (*plain)(c)}
	err := json.Unmarshal(b, &coded)
	if err == nil {
		c.Before, err = decodeSpec(c.Ref, coded.Before)
	}
	if err == nil {
		c.After, err = decodeSpec(c.Ref, coded.After)
	}
	return err
}

// History returns up to limit commits for which keep returns true, newest first,
// beginning with revision from; 0 means the newest. A limit of 0 or less means
// all that are kept, and a nil keep any.
func (s *Store) History(from topology.Revision, limit int, keep func(*Entry) bool) ([]Entry, error) {
	var out []Entry
	err := s.view(func(tx *bolt.Tx) error {
		c := tx.Bucket([]byte(bucketHistory)).Cursor()
		for k, v := seekDown(c, from); k != nil; k, v = c.Prev() {
			if limit > 0 && len(out) == limit {
				break
			}
			var e Entry
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

func writeEntry(tx *bolt.Tx, c Commit, size *historySize) error {
	e := Entry{Revision: c.Revision, Time: c.Time.UTC(), Author: c.Author, Changes: make([]EntryChange, 0, len(c.Changes))}
	for _, ch := range c.Changes {
		ec := EntryChange{Ref: ch.Ref, Verb: ch.Verb()}
		if ch.Before != nil {
			ec.LabelsBefore, ec.Before = ch.Before.Metadata().Labels, topology.SpecOf(ch.Before)
		}
		if ch.After != nil {
			ec.LabelsAfter, ec.After = ch.After.Metadata().Labels, topology.SpecOf(ch.After)
		}
		e.Changes = append(e.Changes, ec)
	}
	v, err := json.Marshal(e)
	if err != nil {
		return err
	}
	size.entries++
	size.bytes += int64(len(v))
	return tx.Bucket([]byte(bucketHistory)).Put(revisionKey(c.Revision), v)
}
