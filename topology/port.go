package topology

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/sdnctl/sdnctl/topology/model"
)

// Port attaches one interface (of a container or VM) to a network.
type Port struct {
	Meta
	Spec PortSpec `json:"spec"`
	// Addresses are those that the port has, one of each family that its network
	// had when the port was last declared, IPv4 first: those of the spec, or
	// allocated. There is at least one.
	Addresses []netip.Addr `json:"addresses"`
	// MAC is Spec.MAC, or MACFor(VNI, Addresses[0]).
	MAC MAC `json:"mac"`
}

// HasMAC reports whether a MAC is the port's, or a further one of it.
func (p *Port) HasMAC(mac MAC) bool {
	return p.MAC == mac || slices.Contains(p.Spec.MACs(), mac)
}

// Has reports whether an address is one of the port's, or a further one of it.
func (p *Port) Has(a netip.Addr) bool {
	for r := range p.Held() {
		if r.Contains(a) {
			return true
		}
	}
	return false
}

// Address returns the port's address of a family.
func (p *Port) Address(f Family) (netip.Addr, bool) {
	for _, a := range p.Addresses {
		if model.FamilyOf(a) == f {
			return a, true
		}
	}
	return netip.Addr{}, false
}

// Ref returns the object's name in the form kind/name.
func (p *Port) Ref() Ref { return Ref{Kind: KindPort, Name: p.Name} }

func (p *Port) spec() Spec { return p.Spec }

func (p *Port) clone() Object {
	c := *p
	return &c
}

// BindingID is the interface-id that binds the port: Spec.InterfaceID or, when
// that is empty, the port's name.
func (p *Port) BindingID() string {
	if p.Spec.InterfaceID != "" {
		return p.Spec.InterfaceID
	}
	return p.Name
}

func (p *Port) load(l *Loader) error {
	n, ok := l.x.networks.Get(p.Spec.Network)
	if !ok {
		return fmt.Errorf("%s: there is no network %q", p.Ref(), p.Spec.Network)
	}
	p.Spec.Network = n.Name // one copy of the string for all ports
	if p.Spec.Node != "" {
		node, ok := l.x.nodes.Get(p.Spec.Node)
		if !ok {
			return fmt.Errorf("%s: there is no node %q", p.Ref(), p.Spec.Node)
		}
		p.Spec.Node = node.Name
	}
	if len(p.Addresses) == 0 {
		return fmt.Errorf("%s: it has no address", p.Ref())
	}
	for _, a := range p.Addresses {
		if !a.IsValid() || a.Is4In6() {
			return fmt.Errorf("%s: it has no address", p.Ref())
		}
	}
	for r := range p.Held() {
		s := spanOf(r)
		if h, taken := l.x.holder(n.VNI, s); taken {
			what := r.String()
			if r.IsSingleIP() {
				what = r.Addr().String()
			}
			return fmt.Errorf("%s: %s is held by %s", p.Ref(), what, h.Ref())
		}
		l.x.take(n.VNI, s, p)
	}
	if h, taken := l.x.portByMAC(n.VNI, p.MAC); taken && h != p {
		return fmt.Errorf("%s: %s is the MAC of %s", p.Ref(), p.MAC, h.Ref())
	}
	for _, mac := range p.Spec.MACs() {
		if h, taken := l.x.portByMAC(n.VNI, mac); taken && h != p {
			return fmt.Errorf("%s: %s is the MAC of %s", p.Ref(), mac, h.Ref())
		}
	}
	if h, taken := l.x.portByBindingID(p.BindingID()); taken {
		return fmt.Errorf("%s: interface id %q binds %s", p.Ref(), p.BindingID(), h.Ref())
	}
	l.x.putPort(p, n.VNI)
	l.allocated(p, n)
	return nil
}

// allocated notes the addresses of a port that were allocated, not chosen by the user.
func (l *Loader) allocated(p *Port, n *Network) {
	for _, a := range p.Addresses {
		if given, ok := p.Spec.Given(model.FamilyOf(a)); !ok || given != a {
			l.lastGiven(p, a, n)
		}
	}
}

// lastGiven notes an allocated address of a port if no younger port of its range
// has been added: where the search for the next one goes on.
func (l *Loader) lastGiven(o *Port, a netip.Addr, n *Network) {
	r, ok := l.rangeOf(o, a, n)
	if !ok {
		return
	}
	g := given{n.VNI, r.from, numberOf(a)}
	if old, ok := l.x.lastGiven.Get(g); ok {
		if h, ok := l.x.holder(n.VNI, just(old.last)); ok && (h.Created > o.Created || h.Created == o.Created && g.last.less(old.last)) {
			return
		}
	}
	l.x.lastGiven.Set(g)
}

// rangeOf returns the range that a port's address was allocated from.
func (l *Loader) rangeOf(o *Port, a netip.Addr, n *Network) (span, bool) {
	if n.Spec.Mode == Segmented {
		if b, ok := l.x.block(n.Name, o.Spec.Node); ok {
			r, ok := b.Of(model.FamilyOf(a))
			return spanOf(r.Prefix), ok
		}
		return span{}, false
	}
	for _, s := range n.Spec.Subnets {
		if s.Prefix.Contains(a) {
			return spanOf(s.Prefix), true
		}
	}
	return span{}, false
}

func (p *Port) drop(x, was *indexes) {
	n, _ := was.networks.Get(p.Spec.Network)
	x.dropPort(p, n.VNI)
}

// putPort stores a port, whose addresses are locked already.
func (x *indexes) putPort(p *Port, vni VNI) {
	x.ports.Set(p.Name, p)
	x.portsByNetwork.Set(p)
	x.portsByNode.Set(p)
	x.names.putPort(p)
	for k, v := range p.Labels {
		x.portsByLabel.Set(labelEntry{k, v, p.Name, p})
	}
	if !p.derivedMAC(vni) {
		x.portsByMAC.Set(macEntry{vni, p.MAC, p})
	}
	for _, mac := range p.Spec.MACs() {
		x.portsByMAC.Set(macEntry{vni, mac, p})
	}
	if p.hasOutside(x) {
		x.outside.Set(p)
	}
	if p.Spec.InterfaceID != "" {
		x.portsByID.Set(p.Spec.InterfaceID, p)
	}
	if p.Spec.Interface != "" {
		x.portsByIface.Set(ifaceEntry{p.Spec.Node, p.Spec.Interface, p})
	}
}

// derivedMAC reports whether the port is found by its MAC without an index.
func (p *Port) derivedMAC(vni VNI) bool {
	a, ok := addressOf(vni, p.MAC)
	return ok && a == p.Addresses[0]
}

// dropPort removes a port, and releases its addresses.
func (x *indexes) dropPort(p *Port, vni VNI) {
	x.ports.Delete(p.Name)
	x.portsByNetwork.Delete(p)
	x.portsByNode.Delete(p)
	x.names.dropPort(p)
	for s := range p.held() {
		x.release(vni, s)
	}
	for k, v := range p.Labels {
		x.portsByLabel.Delete(labelEntry{key: k, value: v, name: p.Name})
	}
	if !p.derivedMAC(vni) {
		x.portsByMAC.Delete(macEntry{vni: vni, mac: p.MAC})
	}
	for _, mac := range p.Spec.MACs() {
		x.portsByMAC.Delete(macEntry{vni: vni, mac: mac})
	}
	x.outside.Delete(p)
	if p.Spec.InterfaceID != "" {
		x.portsByID.Delete(p.Spec.InterfaceID)
	}
	if p.Spec.Interface != "" {
		x.portsByIface.Delete(ifaceEntry{node: p.Spec.Node, iface: p.Spec.Interface})
	}
}

// portByMAC returns the port of a VNI that has a MAC.
func (x *indexes) portByMAC(vni VNI, mac MAC) (*Port, bool) {
	if e, ok := x.portsByMAC.Get(macEntry{vni: vni, mac: mac}); ok {
		return e.port, true
	}
	a, ok := addressOf(vni, mac)
	if !ok {
		return nil, false
	}
	p, ok := x.holder(vni, just(numberOf(a)))
	if !ok || p.MAC != mac {
		return nil, false
	}
	return p, true
}

// portByBindingID returns the port that an interface id binds.
func (x *indexes) portByBindingID(id string) (*Port, bool) {
	if p, ok := x.portsByID.Get(id); ok {
		return p, true
	}
	p, ok := x.ports.Get(id)
	if !ok || p.Spec.InterfaceID != "" {
		return nil, false
	}
	return p, true
}
