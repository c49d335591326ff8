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
	l.x.uplinks.put(u)
	return nil
}

func (u *Uplink) drop(x, _ *indexes) {
	x.uplinks.byName.Delete(u.Name)
	x.uplinks.byBridge.Delete(u.Spec.Bridge)
}

// Address returns the address from which a router's packets leave by the uplink, given the
// router's numbers; ok is false for a family in which the uplink has no range. It is
// visible only between a node's switch and its kernel.
func (u *Uplink) Address(n *Numbering, f Family) (a netip.Addr, ok bool) {
	spec := u.Spec
	if spec.Type == model.UplinkBridge {
		// The address lies between two translations of the switch, which no packet leaves with.
		if _, ok := spec.SubnetOf(f); !ok {
			return a, false
		}
		spec.Ranges = model.DefaultUplinkRanges()
	}
	r, ok := spec.Range(f)
	if !ok || n.Egress == 0 {
		return netip.Addr{}, false
	}
	return model.UplinkAddr(r, model.UplinkSwitch+uint16(n.Egress)), true
}

// uplinkIndex has all uplinks, and who has an address on one of the type bridge.
type uplinkIndex struct {
	byName, byBridge *btree.Map[string, *Uplink]
	holders          addressHolders
}

func newUplinkIndex() uplinkIndex {
	return uplinkIndex{btree.NewMap[string, *Uplink](treeDegree), btree.NewMap[string, *Uplink](treeDegree), newAddressHolders()}
}

func (x *uplinkIndex) fork() uplinkIndex {
	return uplinkIndex{x.byName.Copy(), x.byBridge.Copy(), x.holders.fork()}
}

func (x *uplinkIndex) put(u *Uplink) {
	x.byName.Set(u.Name, u)
	if u.Spec.Bridge != "" {
		x.byBridge.Set(u.Spec.Bridge, u)
	}
}

// UplinkByBridge returns the uplink of the type bridge that leads to a bridge.
func (s *Snapshot) UplinkByBridge(bridge string) (*Uplink, bool) {
	return s.x.uplinks.byBridge.Get(bridge)
}

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

// planUplinks adds the uplinks. At most one is of the type host, since a node has one kernel;
// those of the type bridge have bridges of their own and no address in common.
func (p *planner) planUplinks() {
	for _, it := range p.of(KindUplink) {
		if it.del || it.same || it.broken {
			continue
		}
		u := &Uplink{Meta: p.meta(it), Spec: it.spec.(model.UplinkSpec)}
		for o := range all(p.x.uplinks.byName) {
			p.checkUplinks(it, u, o)
		}
		if was, ok := it.before.(*Uplink); ok && was.Spec.Type != u.Spec.Type && p.usersOfUplink(it).any() {
			p.bad(it, Conflict, "spec.type", fmt.Sprintf("it is of the type %s, and in use by %s", was.Spec.Type, p.usersOfUplink(it)), "have these leave by another uplink in the same change or before")
		}
		if !it.broken {
			p.x.uplinks.put(u)
			it.after = u
		}
	}
}

// checkUplinks checks that an uplink goes with another one.
func (p *planner) checkUplinks(it *item, u, o *Uplink) {
	switch {
	case u.Spec.Type != o.Spec.Type:
	case u.Spec.Type == model.UplinkHost:
		p.bad(it, Conflict, "spec.type", fmt.Sprintf("%s is of the type host already, and a node has only one of that type", o.Ref()), "have routers use that one, or delete it in the same change or before")
	case u.Spec.Bridge == o.Spec.Bridge:
		p.bad(it, Conflict, "spec.bridge", fmt.Sprintf("%s leads to the bridge %s", o.Ref(), o.Spec.Bridge), "have routers use that one, or name another bridge")
	default:
		for _, f := range model.Families() {
			a, has := u.Spec.SubnetOf(f)
			if b, also := o.Spec.SubnetOf(f); has && also && a.Overlaps(b) {
				p.bad(it, Conflict, [...]string{IPv4: "spec.subnet", IPv6: "spec.subnet6"}[f], fmt.Sprintf("%s overlaps %s of %s", a, b, o.Ref()), "give the subnet of the network that the bridge is part of")
			}
		}
	}
}

// checkUplink checks that a router can leave by its uplink.
func (p *planner) checkUplink(it *item, e *model.RouterEgress) {
	if p.broken(KindUplink, e.Uplink) {
		it.broken = true
		return
	}
	if _, ok := p.x.uplinks.byName.Get(e.Uplink); !ok {
		p.bad(it, NotFound, "spec.egress.uplink", fmt.Sprintf("there is no uplink %q", e.Uplink), "create it in the same change or before, or check the name")
	}
}

// checkUplinkAddresses requires that nobody else has an address of a node on an uplink.
func (p *planner) checkUplinkAddresses(it *item, n *Node) {
	for i, a := range n.Spec.UplinkAddresses {
		p.checkHolder(it, fmt.Sprintf("spec.uplinkAddresses[%d]", i), a, "give each node an address of its own")
	}
}

// usersOfUplink names the routers that leave by an uplink, and the floating and egress addresses and
// services with addresses on it.
func (p *planner) usersOfUplink(it *item) *users {
	u := &users{}
	for r := range p.x.routersBy(it.ref.Name) {
		// One that is planned in these ops reports that itself.
		if own, ok := p.items[r.Ref()]; !ok || own.same {
			u.add(r.Ref())
		}
	}
	p.floatingThatName(it.ref, u)
	p.egressIPsThatName(it.ref, u)
	p.servicesThatName(it.ref, u)
	return u
}

// HostUplink returns the uplink of the type host; ok is false if there is none.
func (s *Snapshot) HostUplink() (*Uplink, bool) {
	for u := range s.Uplinks() {
		if u.Spec.Type == model.UplinkHost {
			return u, true
		}
	}
	return nil, false
}
