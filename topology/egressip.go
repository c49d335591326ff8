package topology

import (
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/tidwall/btree"

	"github.com/sdnctl/sdnctl/topology/model"
)

// MaxEgressIPID is the highest number of an egress address.
const MaxEgressIPID = 8191

// EgressIP is addresses on an uplink of the type bridge with which selected ports leave.
type EgressIP struct {
	Meta
	Spec model.EgressIPSpec `json:"spec"`
	// ID is its number in the data path, 1 to MaxEgressIPID, allocated.
	ID uint32 `json:"id"`
}

// Ref returns the object's name in the form kind/name.
func (e *EgressIP) Ref() Ref { return Ref{Kind: KindEgressIP, Name: e.Name} }

func (e *EgressIP) spec() Spec { return e.Spec }

func (e *EgressIP) clone() Object {
	c := *e
	return &c
}

func (e *EgressIP) load(l *Loader) error {
	if err := l.x.egressIPs.ids.check(e.Ref(), e.ID, MaxEgressIPID); err != nil {
		return err
	}
	for _, ref := range e.Spec.References() {
		if _, ok := l.x.object(ref); !ok {
			return fmt.Errorf("%s: there is no %s %q", e.Ref(), ref.Kind, ref.Name)
		}
	}
	for _, a := range e.Spec.Addresses {
		if o, taken := l.x.uplinks.holders.of(a); taken {
			return fmt.Errorf("%s: %s belongs to %s", e.Ref(), a, o)
		}
	}
	l.x.putEgressIP(e)
	l.x.egressIPs.ids.loaded(e.ID, e.Created)
	return nil
}

func (e *EgressIP) drop(x, _ *indexes) {
	x.egressIPs.ids.remove(e.ID)
	x.egressIPs.keys(e, func(in *btree.Map[string, *EgressIP], key string) { in.Delete(key) })
	for _, a := range e.Spec.Addresses {
		x.uplinks.holders.release(a)
	}
}

func (x *indexes) putEgressIP(e *EgressIP) {
	x.egressIPs.ids.add(e.ID)
	x.egressIPs.keys(e, func(in *btree.Map[string, *EgressIP], key string) { in.Set(key, e) })
	for _, a := range e.Spec.Addresses {
		x.uplinks.holders.hold(a, e.Ref())
	}
}

// egressIPIndex has all egress addresses.
type egressIPIndex struct {
	byName *btree.Map[string, *EgressIP]
	ids    serials
	// naming has them by the reference of an object that they name, and their name; anchored by
	// what finds their ports, and their name. It has the selections of groups under anyGroup.
	naming, anchored *btree.Map[string, *EgressIP]
}

func newEgressIPIndex() egressIPIndex {
	return egressIPIndex{btree.NewMap[string, *EgressIP](treeDegree), newSerials(), btree.NewMap[string, *EgressIP](treeDegree), btree.NewMap[string, *EgressIP](treeDegree)}
}

func (x *egressIPIndex) fork() egressIPIndex {
	return egressIPIndex{x.byName.Copy(), x.ids.fork(), x.naming.Copy(), x.anchored.Copy()}
}

// keys calls set for each key under which an index has the address.
func (x *egressIPIndex) keys(e *EgressIP, set func(in *btree.Map[string, *EgressIP], key string)) {
	set(x.byName, e.Name)
	for _, ref := range e.Spec.References() {
		set(x.naming, refKey(ref)+e.Name)
	}
	anchors := anchorsOf(&e.Spec.Ports)
	if e.Spec.Ports.PortGroup != "" {
		anchors = []string{anyGroup}
	}
	for _, a := range anchors {
		set(x.anchored, a+e.Name)
	}
}

// EgressIP returns the egress address of that name.
func (s *Snapshot) EgressIP(name string) (*EgressIP, bool) { return s.x.egressIPs.byName.Get(name) }

// EgressIPs returns all egress addresses by name.
func (s *Snapshot) EgressIPs() iter.Seq[*EgressIP] { return all(s.x.egressIPs.byName) }

// EgressIPsNaming returns the egress addresses on an uplink or a node, or that select by a port
// group or network, by name.
func (s *Snapshot) EgressIPsNaming(ref Ref) iter.Seq[*EgressIP] {
	return under(s.x.egressIPs.naming, refKey(ref))
}

// EgressIPsOf returns the egress addresses that select a port, by name: the first has it.
func (s *Snapshot) EgressIPsOf(p *Port) (found []*EgressIP) {
	in := s.x.egressIPs.anchored
	if in.Len() == 0 {
		return nil
	}
	anchors := []string{anyAnchor, anyGroup, networkAnchor(p.Spec.Network)}
	for k, v := range p.Labels {
		anchors = append(anchors, labelAnchor(k, v))
	}
	for _, a := range anchors {
		for e := range under(in, a) {
			if s.x.selects(&e.Spec.Ports, p) && !slices.Contains(found, e) {
				found = append(found, e)
			}
		}
	}
	slices.SortFunc(found, func(a, b *EgressIP) int { return strings.Compare(a.Name, b.Name) })
	return found
}

// planEgressIPs adds the egress addresses, and checks those again whose uplink changes. Those that
// have a number go first, so that no other gets it.
func (p *planner) planEgressIPs() {
	var fresh []*item
	for _, it := range p.of(KindEgressIP) {
		switch {
		case it.del || it.same || it.broken:
		case it.before == nil:
			fresh = append(fresh, it)
		default:
			p.placeEgressIP(it, it.before.(*EgressIP).ID)
		}
	}
	for _, it := range fresh {
		id, ok := p.x.egressIPs.ids.free(MaxEgressIPID)
		if !ok {
			p.bad(it, Exhausted, "", "all numbers of egress addresses are taken", "delete egress addresses that are not needed")
			continue
		}
		if p.placeEgressIP(it, id) {
			p.x.egressIPs.ids.last = id
		}
	}
	for _, it := range p.of(KindUplink) {
		if p.x.egressIPs.byName.Len() == 0 || it.del || it.same || it.broken {
			continue
		}
		for e := range under(p.x.egressIPs.naming, refKey(it.ref)) {
			if own, ok := p.items[e.Ref()]; !ok || own.same {
				p.checkEgressIP(it, e)
			}
		}
	}
}

// placeEgressIP adds one, and reports whether it could.
func (p *planner) placeEgressIP(it *item, id uint32) bool {
	e := &EgressIP{Meta: p.meta(it), Spec: it.spec.(model.EgressIPSpec), ID: id}
	for field, ref := range e.Spec.References() {
		if p.broken(ref.Kind, ref.Name) {
			it.broken = true
		} else if _, ok := p.x.object(ref); !ok {
			p.bad(it, NotFound, field, fmt.Sprintf("there is no %s %q", ref.Kind, ref.Name), "create it in the same change or before, or check the name")
		}
	}
	if it.broken {
		return false
	}
	p.checkEgressIP(it, e)
	for i, a := range e.Spec.Addresses {
		p.checkHolder(it, fmt.Sprintf("spec.addresses[%d]", i), a, "give another of the uplink's addresses")
	}
	if it.broken {
		return false
	}
	p.x.putEgressIP(e)
	it.after = e
	return true
}

// checkEgressIP checks that an uplink lends the addresses; it reports problems for an item.
func (p *planner) checkEgressIP(it *item, e *EgressIP) {
	u, ok := p.x.uplinks.byName.Get(e.Spec.Uplink)
	if !ok {
		return
	}
	field := func(of string) string {
		if it.ref.Kind != KindEgressIP {
			return "spec"
		}
		return of
	}
	if u.Spec.Type != model.UplinkBridge {
		p.bad(it, Conflict, field("spec.uplink"), fmt.Sprintf("%s is of the type %s, which has no addresses outside for %s", u.Ref(), u.Spec.Type, e.Ref()), "name an uplink of the type bridge")
		return
	}
	for i, a := range e.Spec.Addresses {
		if !u.Spec.Lends(a) {
			p.bad(it, Conflict, field(fmt.Sprintf("spec.addresses[%d]", i)), fmt.Sprintf("%s of %s is none of the addresses of %s", a, e.Ref(), u.Ref()), fmt.Sprintf("choose one of those that 'sdnctl uplink show %s' lists", u.Name))
		}
	}
}

// egressIPsThatName adds the egress addresses that name an object to its users.
func (p *planner) egressIPsThatName(ref Ref, u *users) {
	for e := range under(p.x.egressIPs.naming, refKey(ref)) {
		// One that is planned in these ops reports that itself.
		if own, ok := p.items[e.Ref()]; !ok || own.same {
			u.add(e.Ref())
		}
	}
}
