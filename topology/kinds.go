package topology

import (
	"iter"

	"github.com/tidwall/btree"

	"github.com/sdnctl/sdnctl/topology/model"
)

// trees are the objects of each kind by name.
var trees = model.ForEachKind(
	func(x *indexes) tree { return named(x.nodes) },
	func(x *indexes) tree { return named(x.networks) },
	func(x *indexes) tree { return named(x.uplinks.byName) },
	func(x *indexes) tree { return named(x.routers) },
	func(x *indexes) tree { return named(x.ports) },
	func(x *indexes) tree { return named(x.portGroups.byName) },
	func(x *indexes) tree { return named(x.policies.byName) },
	func(x *indexes) tree { return named(x.services.byName) },
	func(x *indexes) tree { return named(x.floating.byName) },
	func(x *indexes) tree { return named(x.egressIPs.byName) },
	func(x *indexes) tree { return named(x.records.byName) },
)

// makers return an empty object of each kind.
var makers = model.ForEachKind(
	func() Object { return new(Node) },
	func() Object { return new(Network) },
	func() Object { return new(Uplink) },
	func() Object { return new(Router) },
	func() Object { return new(Port) },
	func() Object { return new(PortGroup) },
	func() Object { return new(Policy) },
	func() Object { return new(Service) },
	func() Object { return new(FloatingIP) },
	func() Object { return new(EgressIP) },
	func() Object { return new(DNSRecord) },
)

// planning has what Plan needs for a kind.
type planning struct {
	// place checks the ops on the kind against the other objects, and allocates.
	place func(*planner)
	// users names the objects that need an object which the ops delete.
	users func(*planner, *item) *users
	// staysWhileBroken keeps an object with a mistake in the indexes, so that objects which
	// refer to it are still checked.
	staysWhileBroken bool
}

// plannings returns how each kind is planned.
func plannings() model.PerKind[planning] {
	return model.ForEachKind(
		planning{(*planner).planNodes, (*planner).usersOfNode, true},
		planning{(*planner).planNetworks, (*planner).usersOfNetwork, true},
		planning{(*planner).planUplinks, (*planner).usersOfUplink, true},
		planning{(*planner).planRouters, (*planner).usersOfRouter, false},
		planning{(*planner).planPorts, (*planner).usersOfPort, false},
		planning{(*planner).planPortGroups, (*planner).usersOfPortGroup, false},
		planning{(*planner).planPolicies, nobody, false},
		planning{(*planner).planServices, nobody, false},
		planning{(*planner).planFloatingIPs, nobody, false},
		planning{(*planner).planEgressIPs, nobody, false},
		planning{(*planner).planDNSRecords, nobody, false},
	)
}

// kindIndexes are the indexes of kinds whose files declare them.
type kindIndexes struct {
	uplinks    uplinkIndex
	portGroups portGroupIndex
	policies   policyIndex
	services   serviceIndex
	hosts      hostIndex
	floating   floatingIndex
	egressIPs  egressIPIndex
	records    recordIndex
}

func newKindIndexes() kindIndexes {
	return kindIndexes{newUplinkIndex(), newPortGroupIndex(), newPolicyIndex(), newServiceIndex(), newHostIndex(), newFloatingIndex(), newEgressIPIndex(), newRecordIndex()}
}

func (x *kindIndexes) fork() kindIndexes {
	return kindIndexes{x.uplinks.fork(), x.portGroups.fork(), x.policies.fork(), x.services.fork(), x.hosts.fork(), x.floating.fork(), x.egressIPs.fork(), x.records.fork()}
}

// nobody is the planning.users of a kind that no other kind refers to.
func nobody(*planner, *item) *users { return &users{} }

// New returns an empty object of a kind, to be filled from the store; ok is false
// if there is no such kind.
func New(r Ref) (o Object, ok bool) {
	make, ok := makers.Of(r.Kind)
	if !ok {
		return nil, false
	}
	o = make()
	o.Metadata().Name = r.Name
	return o, true
}

// tree is all objects of one kind by name.
type tree interface {
	// get never returns a nil pointer in a non-nil interface.
	get(name string) (Object, bool)
	all() iter.Seq[Object]
	len() int
}

type namedTree[T Object] struct{ m *btree.Map[string, T] }

func named[T Object](m *btree.Map[string, T]) tree { return namedTree[T]{m} }

func (t namedTree[T]) get(name string) (Object, bool) {
	if o, ok := t.m.Get(name); ok {
		return o, true
	}
	return nil, false
}

func (t namedTree[T]) all() iter.Seq[Object] {
	return func(yield func(Object) bool) {
		t.m.Scan(func(_ string, o T) bool { return yield(o) })
	}
}

func (t namedTree[T]) len() int { return t.m.Len() }

// all returns the values of a tree in the order of their keys.
func all[K interface{ ~string }, V any](m *btree.Map[K, V]) iter.Seq[V] {
	return func(yield func(V) bool) {
		m.Scan(func(_ K, v V) bool { return yield(v) })
	}
}
