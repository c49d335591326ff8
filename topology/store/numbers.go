package store

import (
	"slices"

	"github.com/sdnctl/sdnctl/topology"
)

// numbers restores the zones, labels and identities of a backup.
func (r *replacement) numbers(to *topology.Snapshot) error {
	for n := range r.before.Numberings() {
		if _, stays := to.Numbering(n.Of); !stays {
			r.result.Numberings = append(r.result.Numberings, topology.NumberingChange{Before: n})
		}
	}
	for n := range to.Numberings() {
		if old, had := r.before.Numbering(n.Of); !had || *old != *n {
			r.result.Numberings = append(r.result.Numberings, topology.NumberingChange{Before: old, After: n})
		}
		if err := r.loader.AddNumbering(n); err != nil {
			return err
		}
	}
	for i := range r.before.AllIdentities() {
		if _, stays := to.Identity(i.Domain, i.Index); !stays {
			r.result.Identities = append(r.result.Identities, topology.IdentityChange{Before: i})
		}
	}
	for i := range to.AllIdentities() {
		if old, had := r.before.Identity(i.Domain, i.Index); !had || !slices.Equal(old.Selections, i.Selections) {
			r.result.Identities = append(r.result.Identities, topology.IdentityChange{Before: old, After: i})
		}
		if err := r.loader.AddIdentity(i); err != nil {
			return err
		}
	}
	return nil
}
