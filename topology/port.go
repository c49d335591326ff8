package topology

import (
	"fmt"
	"net/netip"
)

// Port attaches one interface (of a container or VM) to a network.
type Port struct {
	Meta
	Spec PortSpec `json:"spec"`
	// IP is the address the port holds: Spec.IP, or one allocated.
	IP netip.Addr `json:"ip"`
	// MAC is Spec.MAC, or MACFor(VNI, IP).
	MAC MAC `json:"mac"`
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
	if !p.IP.Is4() {
		return fmt.Errorf("%s: it has no address", p.Ref())
	}
	if h, taken := l.x.locks.Get(lockKey(n.VNI, u32(p.IP))); taken {
		return fmt.Errorf("%s: %s is held by %s", p.Ref(), p.IP, h.Ref())
	}
	if h, taken := l.x.portByMAC(n.VNI, p.MAC); taken {
		return fmt.Errorf("%s: %s is the MAC of %s", p.Ref(), p.MAC, h.Ref())
	}
	if h, taken := l.x.portByBindingID(p.BindingID()); taken {
		return fmt.Errorf("%s: interface id %q binds %s", p.Ref(), p.BindingID(), h.Ref())
	}
	l.x.putPort(p, n.VNI)
	if !p.Spec.IP.IsValid() {
		l.lastGiven(p, n)
	}
	return nil
}

// lastGiven notes the address of an allocated port if no younger port of its
// range has been added: where the search for the next one goes on.
func (l *Loader) lastGiven(o *Port, n *Network) {
	r, ok := l.rangeOf(o, n)
	if !ok {
		return
	}
	key := lockKey(n.VNI, r.from)
	if last, ok := l.x.lastGiven.Get(key); ok {
		if h, ok := l.x.locks.Get(lockKey(n.VNI, last)); ok && (h.Created > o.Created || h.Created == o.Created && last > u32(o.IP)) {
			return
		}
	}
	l.x.lastGiven.Set(key, u32(o.IP))
}

// rangeOf returns the range that a port's address was allocated from.
func (l *Loader) rangeOf(o *Port, n *Network) (span, bool) {
	if n.Spec.Mode == Segmented {
		if b, ok := l.x.block(n.Name, o.Spec.Node); ok {
			return spanOf(b.Prefix), true
		}
		return span{}, false
	}
	for _, s := range n.Spec.Subnets {
		if s.Prefix.Contains(o.IP) {
			return spanOf(s.Prefix), true
		}
	}
	return span{}, false
}

func (p *Port) drop(x, was *indexes) {
	n, _ := was.networks.Get(p.Spec.Network)
	x.dropPort(p, n.VNI)
}

func (x *indexes) putPort(p *Port, vni VNI) {
	ip := u32(p.IP)
	x.ports.Set(p.Name, p)
	x.portsByNetwork.Set(p)
	x.portsByNode.Set(p)
	x.locks.Set(lockKey(vni, ip), p)
	x.addrs.add(uint32(vni), ip, ip)
	for k, v := range p.Labels {
		x.portsByLabel.Set(labelEntry{k, v, p.Name, p})
	}
	if p.MAC != MACFor(vni, p.IP) {
		x.portsByMAC.Set(macEntry{vni, p.MAC, p})
	}
	if p.Spec.InterfaceID != "" {
		x.portsByID.Set(p.Spec.InterfaceID, p)
	}
	if p.Spec.Interface != "" {
		x.portsByIface.Set(ifaceEntry{p.Spec.Node, p.Spec.Interface, p})
	}
}

func (x *indexes) dropPort(p *Port, vni VNI) {
	ip := u32(p.IP)
	x.ports.Delete(p.Name)
	x.portsByNetwork.Delete(p)
	x.portsByNode.Delete(p)
	x.locks.Delete(lockKey(vni, ip))
	x.addrs.remove(uint32(vni), ip, ip)
	for k, v := range p.Labels {
		x.portsByLabel.Delete(labelEntry{key: k, value: v, name: p.Name})
	}
	if p.MAC != MACFor(vni, p.IP) {
		x.portsByMAC.Delete(macEntry{vni: vni, mac: p.MAC})
	}
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
	ip := uint32(mac[2])<<24 | uint32(mac[3])<<16 | uint32(mac[4])<<8 | uint32(mac[5])
	p, ok := x.locks.Get(lockKey(vni, ip))
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
