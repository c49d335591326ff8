package server

import (
	"encoding/json"
	"fmt"

	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/store"
)

// historyEntry turns an entry of the store's history into the API's. Objects
// in it have name, labels and spec, no status.
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

// historyObject makes an object of a stored spec; nil if there is none.
func historyObject(ref topology.Ref, labels map[string]string, spec json.RawMessage) (*api.Object, error) {
	if len(spec) == 0 {
		return nil, nil
	}
	if ref.Kind == topology.KindNetwork {
		var err error
		if spec, err = networkHistory(spec); err != nil {
			return nil, fmt.Errorf("%s: %w", ref, err)
		}
	}
	return &api.Object{Kind: api.KindOf(ref.Kind), Name: ref.Name, Labels: labels, Spec: spec}, nil
}

// networkHistory gives a stored network the API's form: the store keeps
// reserved ranges as from and to.
func networkHistory(spec json.RawMessage) (json.RawMessage, error) {
	var network map[string]json.RawMessage
	if err := json.Unmarshal(spec, &network); err != nil {
		return nil, err
	}
	var subnets []struct {
		CIDR     string               `json:"cidr"`
		Gateway  string               `json:"gateway"`
		Reserved []topology.AddrRange `json:"reserved"`
	}
	if err := json.Unmarshal(network["subnets"], &subnets); err != nil {
		return nil, err
	}
	out := make([]api.Subnet, len(subnets))
	for i, s := range subnets {
		out[i] = api.Subnet{CIDR: s.CIDR, Gateway: s.Gateway}
		for _, r := range s.Reserved {
			out[i].Reserved = append(out[i].Reserved, rangeText(r))
		}
	}
	var err error
	if network["subnets"], err = json.Marshal(out); err != nil {
		return nil, err
	}
	return json.Marshal(network)
}
