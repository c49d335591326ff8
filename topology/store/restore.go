package store

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// PlanRestore plans the change from one snapshot to the contents of another, such as that
// of ReadBackup: the objects and all that was allocated for them. It is pure. An object
// that both have keeps when it was created. The error is that the other snapshot
// contradicts itself.
func PlanRestore(before, to *topology.Snapshot) (topology.Result, error) {
	r := replacement{before: before, rev: before.Revision() + 1, loader: topology.NewLoader()}
	for _, k := range model.Kinds() {
		if err := r.objects(k, to); err != nil {
			return topology.Result{}, fmt.Errorf("the backup contradicts itself: %w", err)
		}
	}
	if err := r.blocks(to); err != nil {
		return topology.Result{}, fmt.Errorf("the backup contradicts itself: %w", err)
	}
	if err := r.numbers(to); err != nil {
		return topology.Result{}, fmt.Errorf("the backup contradicts itself: %w", err)
	}
	r.result.Next = before
	if len(r.result.Changes)+len(r.result.Blocks)+len(r.result.Identities)+len(r.result.Numberings) > 0 {
		r.result.Next = r.loader.Snapshot(r.rev)
		r.result.Identified = topology.Identified(before, r.result.Next)
	}
	return r.result, nil
}

type replacement struct {
	before *topology.Snapshot
	rev    topology.Revision
	loader *topology.Loader
	result topology.Result
}

// objects adds all objects of a kind, and records which differ.
func (r *replacement) objects(k topology.Kind, to *topology.Snapshot) error {
	var changes []topology.Change
	for o := range r.before.Objects(k) {
		if _, stays := to.Object(o.Ref()); !stays {
			changes = append(changes, topology.Change{Ref: o.Ref(), Before: o})
		}
	}
	for o := range to.Objects(k) {
		after := topology.Clone(o)
		m := after.Metadata()
		old, had := r.before.Object(o.Ref())
		if had {
			was := old.Metadata()
			m.Created, m.CreatedAt, m.Modified = was.Created, was.CreatedAt, was.Modified
		} else {
			m.Created, m.Modified, old = r.rev, r.rev, nil
		}
		if !had || !equal(old, after) {
			m.Modified = r.rev
			changes = append(changes, topology.Change{Ref: o.Ref(), Before: old, After: after})
		}
		if err := r.loader.Add(after); err != nil {
			return err
		}
	}
	slices.SortFunc(changes, func(a, b topology.Change) int { return strings.Compare(a.Ref.Name, b.Ref.Name) })
	r.result.Changes = append(r.result.Changes, changes...)
	return nil
}

// blocks adds all blocks, and records which differ.
func (r *replacement) blocks(to *topology.Snapshot) error {
	for b := range r.before.AllBlocks() {
		if _, stays := to.Block(b.Network, b.Node); !stays {
			r.result.Blocks = append(r.result.Blocks, topology.BlockChange{Network: b.Network, Node: b.Node, Before: b})
		}
	}
	for b := range to.AllBlocks() {
		after := *b
		old, had := r.before.Block(b.Network, b.Node)
		if !had {
			old = nil
		}
		if !had || *old != after {
			r.result.Blocks = append(r.result.Blocks, topology.BlockChange{Network: b.Network, Node: b.Node, Before: old, After: &after})
		}
		if err := r.loader.AddBlock(&after); err != nil {
			return err
		}
	}
	slices.SortFunc(r.result.Blocks, func(a, b topology.BlockChange) int {
		return cmp.Or(strings.Compare(a.Network, b.Network), strings.Compare(a.Node, b.Node))
	})
	return nil
}

// equal reports whether the same would be kept for two objects of a kind.
func equal(a, b topology.Object) bool {
	if p, ok := a.(*topology.Port); ok { // of which there are many
		q := b.(*topology.Port)
		return p.Spec.Equal(q.Spec) && slices.Equal(p.Addresses, q.Addresses) && p.MAC == q.MAC && maps.Equal(p.Labels, q.Labels)
	}
	x, errX := json.Marshal(a)
	y, errY := json.Marshal(b)
	return errX == nil && errY == nil && bytes.Equal(x, y)
}
