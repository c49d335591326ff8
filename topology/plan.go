package topology

import (
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"
)

// Plan validates ops as one transaction on s and returns its result. It has no
// side effects: the caller decides whether to commit Result.Next.
//
// The error is Problems, with all mistakes in ops. Plan reports a mistake once: it does not
// check what depends on an object that is itself wrong. The cost depends on the ops and the
// objects that they concern, not on the size of s.
//
// Time at becomes the CreatedAt of new objects. Plan may be called by many
// goroutines at once, also on the same snapshot.
func Plan(s *Snapshot, ops []Op, at time.Time) (Result, error) {
	p := &planner{
		old:    s,
		x:      s.fork(),
		rev:    s.rev + 1,
		at:     at.UTC(),
		items:  make(map[Ref]*item, len(ops)),
		blocks: make(map[[2]string]*BlockChange),
		spaces: make(map[[2]string]*space),
		moved:  make(map[string]bool),
	}
	kinds := plannings()
	p.kinds = kinds.All()
	p.byKind = make([][]*item, len(p.kinds))
	for i, op := range ops {
		p.read(i, op)
	}
	for _, items := range p.byKind {
		slices.SortFunc(items, func(a, b *item) int { return naturalCompare(a.ref.Name, b.ref.Name) })
	}
	p.lift()
	for _, k := range p.kinds {
		k.place(p)
	}
	p.checkInUse()
	if len(p.problems) == 0 {
		p.planIdentities()
	}
	if len(p.problems) > 0 {
		slices.SortStableFunc(p.problems, func(a, b Problem) int { return a.Op - b.Op })
		return Result{}, p.problems
	}
	return p.result(), nil
}

// planner is the state of one Plan.
type planner struct {
	old *Snapshot
	x   indexes // the next snapshot, growing
	rev Revision
	at  time.Time

	items    map[Ref]*item
	kinds    []planning
	byKind   [][]*item // by Kind.Order, in natural order of names
	problems Problems

	blocks map[[2]string]*BlockChange // by network and node
	spaces map[[2]string]*space       // by network and node, made when needed
	moved  map[string]bool            // networks whose addresses may not hold any more

	identityChanges  []IdentityChange
	numberingChanges []NumberingChange
	identified       []string
}

// item is what the ops ask for one object.
type item struct {
	op     int
	ref    Ref
	del    bool
	labels map[string]string
	spec   Spec   // normalised
	before Object // nil when new
	after  Object // nil when deleted, or not yet planned
	// same: the spec and labels are as before, and nothing else requires planning the
	// object again.
	same bool
	// broken: there is a problem, so what depends on it is not checked.
	broken bool
}

// of returns the items of a kind.
func (p *planner) of(k Kind) []*item { return p.byKind[k.Order()] }

// bad records a problem with an item.
func (p *planner) bad(it *item, kind ProblemKind, field, message, fix string) {
	it.broken = true
	p.problems = append(p.problems, Problem{
		Op: it.op, Ref: it.ref, Field: field, Message: message, Fix: fix, Kind: kind,
	})
}

// broken reports whether the ops have a problem with an object.
func (p *planner) broken(k Kind, name string) bool {
	it, ok := p.items[Ref{Kind: k, Name: name}]
	return ok && it.broken
}

// lift removes from the indexes everything that the ops delete or replace, so that its
// names and addresses are free for the new objects.
func (p *planner) lift() {
	for i, items := range p.byKind {
		for _, it := range items {
			if it.before != nil && !it.same && !(it.broken && p.kinds[i].staysWhileBroken) {
				p.liftOne(it)
			}
		}
	}
}

func (p *planner) liftOne(it *item) { it.before.drop(&p.x, &p.old.x) }

// meta makes the metadata of an item's object.
func (p *planner) meta(it *item) Meta {
	m := Meta{Name: it.ref.Name, Labels: it.labels, Created: p.rev, Modified: p.rev, CreatedAt: p.at}
	if it.before != nil {
		b := it.before.Metadata()
		m.Name, m.Created, m.CreatedAt = b.Name, b.Created, b.CreatedAt
	}
	return m
}

// result collects the differences.
func (p *planner) result() Result {
	var r Result
	for _, items := range p.byKind {
		slices.SortFunc(items, func(a, b *item) int { return strings.Compare(a.ref.Name, b.ref.Name) })
		for _, it := range items {
			if !it.same {
				r.Changes = append(r.Changes, Change{Ref: it.ref, Before: it.before, After: it.after})
			}
		}
	}
	for _, c := range p.blocks {
		if c.Before == nil || c.After == nil || *c.Before != *c.After {
			r.Blocks = append(r.Blocks, *c)
		}
	}
	slices.SortFunc(r.Blocks, func(a, b BlockChange) int {
		if c := strings.Compare(a.Network, b.Network); c != 0 {
			return c
		}
		return strings.Compare(a.Node, b.Node)
	})
	r.Identities, r.Numberings, r.Identified = p.identityChanges, p.numberingChanges, p.identified
	if len(r.Changes) == 0 {
		r.Next = p.old
		return r
	}
	r.Next = &Snapshot{rev: p.rev, x: p.x}
	return r
}

// sameLabels reports whether two sets of labels are equal; nil is empty.
func sameLabels(a, b map[string]string) bool { return maps.Equal(a, b) }

// sameSpec reports whether two normalised specs are equal.
func sameSpec(a, b Spec) bool {
	if x, ok := a.(PortSpec); ok {
		y, ok := b.(PortSpec)
		return ok && x.Equal(y)
	}
	return reflect.DeepEqual(a, b)
}

// SameSpec reports whether two normalised specs are equal.
func SameSpec(a, b Spec) bool { return sameSpec(a, b) }
