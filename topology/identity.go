package topology

import (
	"encoding/binary"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/tidwall/btree"
)

// Identity is a set of ports that policies cannot distinguish: those of one routing domain
// that the same selections of policies pick. Its number is sent with the packets of its
// ports.
type Identity struct {
	// Domain is the routing domain that the ports are in: the reference of a router, or
	// of a network that no router joins.
	Domain string `json:"domain"`
	// Index is the identity's number in the domain, from 1.
	Index uint16 `json:"index"`
	// Selections are the ones that pick the ports, each as model.PolicySelection.Key
	// writes it, sorted. There is at least one.
	Selections []string `json:"selections"`
}

// Has reports whether a selection picks the ports.
func (i *Identity) Has(selection string) bool {
	_, ok := slices.BinarySearch(i.Selections, selection)
	return ok
}

// Key is unique among identities; keys are in the order of domains and indexes.
func (i *Identity) Key() string { return identityKey(i.Domain, i.Index) }

func identityKey(domain string, index uint16) string {
	return string(binary.BigEndian.AppendUint16(append([]byte(domain), 0), index))
}

// setKey returns the key by which an identity is found, given its domain and selections.
func setKey(domain string, selections []string) string {
	return domain + "\x00" + strings.Join(selections, "\x00")
}

// IdentityChange is an identity before and after a transaction.
type IdentityChange struct {
	// Before is nil for one that was allocated, After for one released.
	Before, After *Identity
}

// identityIndex has the identities, and which of them each port has.
type identityIndex struct {
	byKey  *btree.Map[string, *Identity]
	bySet  *btree.Map[string, *Identity]
	ofPort *btree.Map[string, *Identity] // by name, of ports that have one
	// withSelection are those of each selection, by its key and the identity's.
	withSelection *btree.Map[string, *Identity]
	// ports is the number of ports of an identity, by its key. An identity without ports
	// stays until the next change of its domain, since packets of it may be on their way.
	ports *btree.Map[string, int]
	// idle has the identities without ports, by key.
	idle *btree.Map[string, *Identity]
	// taken has the indexes in use, by the domain's zone.
	taken runSet
	// last is the index that was allocated last, by zone. The search for a free one
	// continues after it, so that a released index is not reused soon.
	last *btree.Map[Zone, uint16]
	// versions are of domains that have, or had, identities.
	versions *btree.Map[string, *IdentityVersion]
}

// IdentityVersion stands for the identities that a domain has: if it has the same version in
// two snapshots, it has the same identities in both.
type IdentityVersion struct{ _ byte } // of some size, so that each has an address of its own

func newIdentityIndex() identityIndex {
	return identityIndex{
		byKey:         btree.NewMap[string, *Identity](treeDegree),
		bySet:         btree.NewMap[string, *Identity](treeDegree),
		ofPort:        btree.NewMap[string, *Identity](treeDegree),
		withSelection: btree.NewMap[string, *Identity](treeDegree),
		ports:         btree.NewMap[string, int](treeDegree),
		idle:          btree.NewMap[string, *Identity](treeDegree),
		taken:         newRunSet(),
		last:          btree.NewMap[Zone, uint16](treeDegree),
		versions:      btree.NewMap[string, *IdentityVersion](treeDegree),
	}
}

func (x *identityIndex) fork() identityIndex {
	return identityIndex{
		x.byKey.Copy(), x.bySet.Copy(), x.ofPort.Copy(), x.withSelection.Copy(), x.ports.Copy(), x.idle.Copy(),
		runSet{x.taken.t.Copy()}, x.last.Copy(), x.versions.Copy(),
	}
}

// putIdentity adds an identity of a domain that has the zone.
func (all *indexes) putIdentity(i *Identity, zone Zone) {
	all.countEgress(i, +1)
	x := &all.identities
	for _, s := range i.Selections {
		x.withSelection.Set(s+"\x00"+i.Key(), i)
	}
	x.byKey.Set(i.Key(), i)
	x.bySet.Set(setKey(i.Domain, i.Selections), i)
	x.idle.Set(i.Key(), i)
	x.taken.add(uint32(zone), just(small(uint32(i.Index))))
	x.versions.Set(i.Domain, new(IdentityVersion))
}

func (all *indexes) dropIdentity(i *Identity, zone Zone) {
	all.countEgress(i, -1)
	x := &all.identities
	for _, s := range i.Selections {
		x.withSelection.Delete(s + "\x00" + i.Key())
	}
	x.byKey.Delete(i.Key())
	x.bySet.Delete(setKey(i.Domain, i.Selections))
	x.idle.Delete(i.Key())
	x.taken.remove(uint32(zone), just(small(uint32(i.Index))))
	x.versions.Set(i.Domain, new(IdentityVersion))
}

// give sets the identity of a port; nil removes it.
func (x *identityIndex) give(port string, i *Identity) {
	if was, ok := x.ofPort.Get(port); ok {
		n, _ := x.ports.Get(was.Key())
		if n > 1 {
			x.ports.Set(was.Key(), n-1)
		} else {
			x.ports.Delete(was.Key())
			x.idle.Set(was.Key(), was)
		}
		x.ofPort.Delete(port)
	}
	if i != nil {
		n, _ := x.ports.Get(i.Key())
		x.ports.Set(i.Key(), n+1)
		x.idle.Delete(i.Key())
		x.ofPort.Set(port, i)
	}
}

// maxIdentities is how many identities a domain may have.
const maxIdentities = 1<<16 - 1

// free returns the index for a new identity of the domain that has the zone.
func (x *identityIndex) free(zone Zone) (uint16, bool) {
	last, _ := x.last.Get(zone)
	for _, in := range []span{{small(uint32(last) + 1), small(uint32(maxIdentities))}, {small(uint32(1)), small(uint32(last))}} {
		if in.to.less(in.from) {
			continue
		}
		if v, ok := x.taken.free(uint32(zone), in, nil); ok {
			x.last.Set(zone, uint16(v.low))
			return uint16(v.low), true
		}
	}
	return 0, false
}

// of iterates over the identities of a domain by index.
func (x *identityIndex) of(domain string) iter.Seq[*Identity] { return identitiesIn(x.byKey, domain) }

func identitiesIn(m *btree.Map[string, *Identity], domain string) iter.Seq[*Identity] {
	return func(yield func(*Identity) bool) {
		m.Ascend(identityKey(domain, 0), func(k string, i *Identity) bool {
			return strings.HasPrefix(k, domain+"\x00") && yield(i)
		})
	}
}

// highest returns the highest index of a domain's identities, 0 if there are none.
func (x *identityIndex) highest(domain string) (index uint16) {
	x.byKey.Descend(identityKey(domain, maxIdentities), func(k string, i *Identity) bool {
		if i.Domain == domain {
			index = i.Index
		}
		return false
	})
	return index
}

// DomainOf returns the routing domain of a network: the reference of the router that
// joins it, or its own.
func (s *Snapshot) DomainOf(network string) string { return s.x.domainOf(network) }

func (x *indexes) domainOf(network string) string {
	if r, ok := x.routerOf.Get(network); ok {
		return r.Ref().String()
	}
	return Ref{Kind: KindNetwork, Name: network}.String()
}

// IdentityOf returns the identity of a port. A port that no policy's selection picks
// has none.
func (s *Snapshot) IdentityOf(port string) (*Identity, bool) { return s.x.identities.ofPort.Get(port) }

// Identities returns the identities of a domain by index.
func (s *Snapshot) Identities(domain string) iter.Seq[*Identity] { return s.x.identities.of(domain) }

// AllIdentities returns all identities by domain and index.
func (s *Snapshot) AllIdentities() iter.Seq[*Identity] { return all(s.x.identities.byKey) }

// HasIdentities reports whether policies distinguish any ports.
func HasIdentities(s *Snapshot) bool { return s.x.identities.byKey.Len() > 0 }

// IdentityVersion returns the version of a domain's identities, nil if it never had any.
func (s *Snapshot) IdentityVersion(domain string) *IdentityVersion {
	v, _ := s.x.identities.versions.Get(domain)
	return v
}

// Identity returns the identity that has an index in a domain.
func (s *Snapshot) Identity(domain string, index uint16) (*Identity, bool) {
	return s.x.identities.byKey.Get(identityKey(domain, index))
}

// AddIdentity adds an identity of a domain that has been numbered.
func (l *Loader) AddIdentity(i *Identity) error {
	zone, ok := l.x.numberings.zoneOf(i.Domain)
	_, taken := l.x.identities.byKey.Get(i.Key())
	_, twice := l.x.identities.bySet.Get(setKey(i.Domain, i.Selections))
	switch {
	case !ok:
		return fmt.Errorf("identity %d of %s: its domain has no zone", i.Index, i.Domain)
	case taken || twice:
		return fmt.Errorf("identity %d of %s: there are two of it", i.Index, i.Domain)
	case i.Index == 0 || len(i.Selections) == 0 || !slices.IsSorted(i.Selections):
		return fmt.Errorf("identity %d of %s: it is not one", i.Index, i.Domain)
	}
	l.x.putIdentity(i, zone)
	return nil
}

// identifyAll sets the identities of all ports from what was allocated.
func (x *indexes) identifyAll() {
	if x.selections.byKey.Len() == 0 {
		return
	}
	for p := range all(x.ports) {
		if keys := x.selectionsOf(p); len(keys) > 0 {
			if i, ok := x.identities.bySet.Get(setKey(x.domainOf(p.Spec.Network), keys)); ok {
				x.identities.give(p.Name, i)
			}
		}
	}
}

// Identified returns the ports that are in both snapshots and have another identity in
// the second, by name.
func Identified(before, after *Snapshot) (ports []string) {
	for p := range after.Ports() {
		was, had := before.IdentityOf(p.Name)
		is, has := after.IdentityOf(p.Name)
		if had != has || has && (was.Key() != is.Key() || !slices.Equal(was.Selections, is.Selections)) {
			ports = append(ports, p.Name)
		}
	}
	return ports
}
