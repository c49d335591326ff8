package topology

import (
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/tidwall/btree"

	"github.com/sdnctl/sdnctl/topology/model"
)

// PortGroup is a named set of ports.
type PortGroup struct {
	Meta
	Spec model.PortGroupSpec `json:"spec"`
}

// Ref returns the object's name in the form kind/name.
func (g *PortGroup) Ref() Ref { return Ref{Kind: model.KindPortGroup, Name: g.Name} }

func (g *PortGroup) spec() Spec { return g.Spec }

func (g *PortGroup) clone() Object {
	c := *g
	return &c
}

func (g *PortGroup) load(l *Loader) error {
	for _, p := range g.Spec.Ports {
		if _, ok := l.x.ports.Get(p); !ok {
			return fmt.Errorf("%s: there is no port %q", g.Ref(), p)
		}
	}
	l.x.portGroups.put(g)
	return nil
}

// portGroupIndex has all port groups.
type portGroupIndex struct {
	byName *btree.Map[string, *PortGroup]
	// listing has the groups that list ports, by port and group.
	listing *btree.BTreeG[listed]
}

// listed is a port that a group lists.
type listed struct {
	port string
	by   *PortGroup
}

func newPortGroupIndex() portGroupIndex {
	return portGroupIndex{btree.NewMap[string, *PortGroup](treeDegree), newTree(func(a, b listed) bool {
		if a.port != b.port {
			return a.port < b.port
		}
		return a.by.Name < b.by.Name
	})}
}

func (x *portGroupIndex) fork() portGroupIndex {
	return portGroupIndex{x.byName.Copy(), x.listing.Copy()}
}

func (x *portGroupIndex) put(g *PortGroup) {
	x.byName.Set(g.Name, g)
	for _, p := range g.Spec.Ports {
		x.listing.Set(listed{p, g})
	}
}

func (g *PortGroup) drop(x, _ *indexes) {
	x.portGroups.byName.Delete(g.Name)
	for _, p := range g.Spec.Ports {
		x.portGroups.listing.Delete(listed{p, g})
	}
}

// Has reports whether a port is a member.
func (g *PortGroup) Has(p *Port) bool {
	if s := g.Spec.Selector; s != nil {
		return s.Matches(p.Labels)
	}
	return slices.Contains(g.Spec.Ports, p.Name)
}

// PortGroup returns the port group of that name.
func (s *Snapshot) PortGroup(name string) (*PortGroup, bool) { return s.x.portGroups.byName.Get(name) }

// Members returns the ports of a group by name. Its cost depends on the ports that have one
// of the labels that the selector requires; a selector that requires none scans all ports.
func (s *Snapshot) Members(g *PortGroup) iter.Seq[*Port] {
	return func(yield func(*Port) bool) {
		for p := range s.x.candidates(g) {
			if g.Has(p) && !yield(p) {
				return
			}
		}
	}
}

// candidates returns ports by name, all members of a group among them.
func (x *indexes) candidates(g *PortGroup) iter.Seq[*Port] {
	if g.Spec.Selector == nil {
		return func(yield func(*Port) bool) {
			for _, name := range slices.Sorted(slices.Values(g.Spec.Ports)) {
				if p, ok := x.ports.Get(name); ok && !yield(p) {
					return
				}
			}
		}
	}
	if found, ok := x.labelled(g.Spec.Selector); ok {
		return found
	}
	return all(x.ports)
}

// labelled returns ports by name, all that a selector matches among them; ok is false if
// it demands no label, so that they could be any.
func (x *indexes) labelled(by *model.Selector) (ports iter.Seq[*Port], ok bool) {
	if by == nil {
		return nil, false
	}
	for _, t := range by.Terms() {
		if t.Operator == model.SelectIn {
			return x.withLabel(t.Key, t.Values), true
		}
	}
	return nil, false
}

// withLabel returns the ports by name whose label has one of the values.
func (x *indexes) withLabel(key string, values []string) iter.Seq[*Port] {
	one := func(value string) iter.Seq[*Port] {
		return func(yield func(*Port) bool) {
			x.portsByLabel.Ascend(labelEntry{key: key, value: value}, func(e labelEntry) bool {
				return e.key == key && e.value == value && yield(e.port)
			})
		}
	}
	if len(values) == 1 {
		return one(values[0])
	}
	var found []*Port
	for _, v := range slices.Compact(slices.Sorted(slices.Values(values))) {
		found = slices.AppendSeq(found, one(v))
	}
	slices.SortFunc(found, func(a, b *Port) int { return strings.Compare(a.Name, b.Name) })
	return slices.Values(found)
}

// planPortGroups adds the port groups. The ports that they list must exist.
func (p *planner) planPortGroups() {
	for _, it := range p.of(model.KindPortGroup) {
		if it.del || it.same || it.broken {
			continue
		}
		g := &PortGroup{Meta: p.meta(it), Spec: it.spec.(model.PortGroupSpec)}
		for field, ref := range g.Spec.References() {
			if p.broken(ref.Kind, ref.Name) {
				it.broken = true
			} else if _, ok := p.x.ports.Get(ref.Name); !ok {
				p.bad(it, NotFound, field, fmt.Sprintf("there is no port %q", ref.Name), "create it in the same change or before, or check the name")
			}
		}
		if !it.broken {
			p.x.portGroups.put(g)
			it.after = g
		}
	}
}

// usersOfPort names the groups, services and floating addresses that name a port.
func (p *planner) usersOfPort(it *item) *users {
	u := &users{}
	p.x.portGroups.listing.Ascend(listed{it.ref.Name, &PortGroup{}}, func(e listed) bool {
		if e.port != it.ref.Name {
			return false
		}
		// One that is planned in these ops reports that itself.
		if own, ok := p.items[e.by.Ref()]; !ok || own.same {
			u.add(e.by.Ref())
		}
		return true
	})
	p.servicesThatName(it.ref, u)
	p.floatingThatName(it.ref, u)
	return u
}
