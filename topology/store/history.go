package store

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// The default limits of the history.
const (
	DefaultHistoryEntries = 10_000
	DefaultHistoryBytes   = 256 << 20
)

// Historian remembers commits.
type Historian interface {
	// History returns up to limit commits for which keep returns true, newest first,
	// beginning with revision from; 0 means the newest. A limit of 0 or less means
	// all that are kept, and a nil keep any. keep may be called for more commits than are
	// returned, and must not keep the entry. A store may forget the oldest, never the
	// newest.
	History(from topology.Revision, limit int, keep func(*Entry) bool) ([]Entry, error)
}

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

// EntryOf returns what history remembers of a commit. Its time is in UTC.
func EntryOf(c Commit) Entry {
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
	return e
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

// decodeSpec reads the spec of an object as it is in its record; nil if there is none.
func decodeSpec(r topology.Ref, v []byte) (topology.Spec, error) {
	if len(v) == 0 {
		return nil, nil
	}
	spec := r.Kind.NewSpec()
	if spec == nil {
		return nil, fmt.Errorf("%s: not a kind that can be stored", r)
	}
	if err := json.Unmarshal(v, spec); err != nil {
		return nil, fmt.Errorf("%s: %w", r, err)
	}
	return model.Deref(spec), nil
}
