package topology

import (
	"fmt"
	"iter"
	"net/netip"

	"github.com/tidwall/btree"

	"github.com/sdnctl/sdnctl/topology/model"
)

// Uplink is a way from nodes to networks outside of sdnd.
type Uplink struct {
	Meta
	Spec model.UplinkSpec `json:"spec"`
}

// Ref returns the object's name in the form kind/name.
func (u *Uplink) Ref() Ref { return Ref{Kind: KindUplink, Name: u.Name} }

func (u *Uplink) spec() Spec { return u.Spec }

func (u *Uplink) clone() Object {
	c := *u
	return &c
}

func (u *Uplink) load(l *Loader) error {
	l.x.uplinks.byName.Set(u.Name, u)
	return nil
}

func (u *Uplink) drop(x, _ *indexes) { x.uplinks.byName.Delete(u.Name) }

// Address returns the address from which a router's packets leave by the uplink, given the
// router's numbers; ok is false for a family in which the uplink has no range. It is
// visible only between a node's switch and its kernel.
func (u *Uplink) Address(n *Numbering, f Family) (a netip.Addr, ok bool) {
	r, ok := u.Spec.Range(f)
	if !ok || n.Egress == 0 {
		return netip.Addr{}, false
	}
	return model.UplinkAddr(r, model.UplinkSwitch+uint16(n.Egress)), true
}

// uplinkIndex has all uplinks.
type uplinkIndex struct{ byName *btree.Map[string, *Uplink] }

func newUplinkIndex() uplinkIndex { return uplinkIndex{btree.NewMap[string, *Uplink](treeDegree)} }

func (x *uplinkIndex) fork() uplinkIndex { return uplinkIndex{x.byName.Copy()} }

// Uplink returns the uplink of that name.
func (s *Snapshot) Uplink(name string) (*Uplink, bool) { return s.x.uplinks.byName.Get(name) }

// Uplinks returns all uplinks by name.
func (s *Snapshot) Uplinks() iter.Seq[*Uplink] { return all(s.x.uplinks.byName) }

// RoutersBy returns the routers that leave by an uplink, by name. It looks at all routers.
func (s *Snapshot) RoutersBy(uplink string) iter.Seq[*Router] { return s.x.routersBy(uplink) }

func (x *indexes) routersBy(uplink string) iter.Seq[*Router] {
	return func(yield func(*Router) bool) {
		for r := range all(x.routers) {
			if e := r.Spec.Egress; e != nil && e.Uplink == uplink && !yield(r) {
				return
			}
		}
	}
}

// planUplinks adds the uplinks. There is at most one: its type is host, and a node has one
// of those.
func (p *planner) planUplinks() {
	for _, it := range p.of(KindUplink) {
		if it.del || it.same || it.broken {
			continue
		}
		u := &Uplink{Meta: p.meta(it), Spec: it.spec.(model.UplinkSpec)}
		for o := range all(p.x.uplinks.byName) {
			p.bad(it, Conflict, "spec.type", fmt.Sprintf("%s is of the type host already, and a node has only one of that type", o.Ref()), "have routers use that one, or delete it in the same change or before")
		}
		if !it.broken {
			p.x.uplinks.byName.Set(u.Name, u)
			it.after = u
		}
	}
}

// checkUplink checks that a router's uplink exists.
func (p *planner) checkUplink(it *item, uplink string) {
	if p.broken(KindUplink, uplink) {
		it.broken = true
		return
	}
	if _, ok := p.x.uplinks.byName.Get(uplink); !ok {
		p.bad(it, NotFound, "spec.egress.uplink", fmt.Sprintf("there is no uplink %q", uplink), "create it in the same change or before, or check the name")
	}
}

// usersOfUplink names the routers that leave by an uplink.
func (p *planner) usersOfUplink(it *item) *users {
	u := &users{}
	for r := range p.x.routersBy(it.ref.Name) {
		// One that is planned in these ops reports that itself.
		if own, ok := p.items[r.Ref()]; !ok || own.same {
			u.add(r.Ref())
		}
	}
	return u
}
