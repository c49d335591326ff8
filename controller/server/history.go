package server

import (
	"fmt"

	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/store"
)

// historyEntry converts an entry of the store's history. Its objects have a name, labels
// and a spec, but no status.
func historyEntry(e store.Entry) (api.HistoryEntry, error) {
	out := api.HistoryEntry{
		Revision: api.Revision(e.Revision),
		Time:     e.Time.UTC(),
		Author:   e.Author,
		Changes:  make([]api.Change, len(e.Changes)),
	}
	for i, c := range e.Changes {
		before, err := historyObject(c.Ref, c.LabelsBefore, c.Before)
		if err != nil {
			return out, fmt.Errorf("revision %d: %w", e.Revision, err)
		}
		after, err := historyObject(c.Ref, c.LabelsAfter, c.After)
		if err != nil {
			return out, fmt.Errorf("revision %d: %w", e.Revision, err)
		}
		verb := api.VerbUpdate
		switch {
		case before == nil:
			verb = api.VerbCreate
		case after == nil:
			verb = api.VerbDelete
		}
		out.Changes[i] = api.Change{Object: c.Ref.String(), Verb: verb, Before: before, After: after}
	}
	return out, nil
}

// historyObject makes an object of a spec from the history; nil for nil.
func historyObject(ref topology.Ref, labels map[string]string, spec topology.Spec) (*api.Object, error) {
	if spec == nil {
		return nil, nil
	}
	o, err := api.NewObject(ref.Name, labels, spec)
	return &o, err
}
