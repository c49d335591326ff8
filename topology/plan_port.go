package topology

import (
	"fmt"
	"net/netip"
)

// planPorts puts the ports in place, with their addresses: those that they had
// and do not ask to change first, then those that are given, then those to be
// allocated.
func (p *planner) planPorts() {
	p.replan()
	var given, fresh []*item
	for _, it := range p.of(KindPort) {
		if it.del || it.same || it.broken {
			continue
		}
		spec := it.spec.(PortSpec)
		n := p.checkPort(it, &spec)
		if it.broken {
			continue
		}
		it.spec = spec
		switch {
		case spec.IP.IsValid():
			given = append(given, it)
		case p.keepsAddress(it, n):
			p.placePort(it, n, it.before.(*Port).IP)
		default:
			fresh = append(fresh, it)
		}
	}
	for _, it := range given {
		n, _ := p.x.networks.Get(it.spec.(PortSpec).Network)
		p.placeGiven(it, n)
	}
	for _, it := range fresh {
		n, _ := p.x.networks.Get(it.spec.(PortSpec).Network)
		p.placeFresh(it, n)
	}
}

// space returns where a port gets its address, or nil.
func (p *planner) space(n *Network, node string) *space {
	key := [2]string{n.Name}
	if n.Spec.Mode == Segmented {
		key[1] = node
	}
	s, ok := p.spaces[key]
	if !ok {
		s = newSpace(&p.x, n, node)
		p.spaces[key] = s
	}
	return s
}

// fits reports whether a port that is there may stay as it is after its
// network has changed.
func (p *planner) fits(o *Port, n *Network) bool {
	was, _ := p.old.x.networks.Get(n.Name)
	s := p.space(n, o.Spec.Node)
	return was.VNI == n.VNI && s != nil && s.allows(u32(o.IP)) && !p.gatewayHas(n, o.Spec.Node, o.MAC) &&
		(n.Spec.Mode == Stretched || o.Spec.Node != "")
}

// gatewayHas reports whether the gateway that a port would have has that MAC.
func (p *planner) gatewayHas(n *Network, node string, mac MAC) bool {
	if b, ok := p.x.block(n.Name, node); ok && b.GatewayMAC == mac {
		return true
	}
	return n.GatewayMAC == mac
}

// replan looks at the ports of networks whose addresses have changed. Those
// that the ops name, unchanged, are planned again if they have to; those that
// they do not name must fit as they are.
func (p *planner) replan() {
	for _, it := range p.of(KindNetwork) {
		n, ok := it.after.(*Network)
		if !ok || it.broken || !p.moved[n.Name] {
			continue
		}
		var stuck users
		var why string
		var again []*item
		for o := range p.x.portsOfNetwork(n.Name) {
			if p.fits(o, n) {
				continue
			}
			if own, ok := p.items[o.Ref()]; ok {
				again = append(again, own)
				continue
			}
			if why == "" {
				why = p.misfit(o, n)
			}
			stuck.add(o.Ref())
		}
		if stuck.any() {
			p.bad(it, InUse, "", fmt.Sprintf("in use by %s, which would not fit any more: %s", &stuck, why), "delete or change these ports in the same change or before")
		}
		for _, own := range again {
			p.liftOne(own)
			own.same = false
		}
	}
}

// misfit says why a port cannot stay as it is.
func (p *planner) misfit(o *Port, n *Network) string {
	was, _ := p.old.x.networks.Get(n.Name)
	switch {
	case was.VNI != n.VNI:
		return fmt.Sprintf("the VNI changes from %d to %d", was.VNI, n.VNI)
	case n.Spec.Mode == Segmented && o.Spec.Node == "":
		return "a port of a segmented network needs a fixed node"
	case p.gatewayHas(n, o.Spec.Node, o.MAC):
		return fmt.Sprintf("%s is the MAC of the gateway", o.MAC)
	}
	return refuse(&p.x, n, o.Spec.Node, o.IP)
}

// checkPort checks what does not need an address, and returns the network.
func (p *planner) checkPort(it *item, s *PortSpec) *Network {
	if s.Node != "" && !p.skip(it, KindNode, s.Node) {
		if node, ok := p.x.nodes.Get(s.Node); ok {
			s.Node = node.Name // one copy of the string for all ports
		} else {
			p.bad(it, NotFound, "spec.node", fmt.Sprintf("there is no node %q", s.Node), "create it in the same change or before, or check the name")
		}
	}
	if p.skip(it, KindNetwork, s.Network) {
		return nil
	}
	n, ok := p.x.networks.Get(s.Network)
	if !ok {
		p.bad(it, NotFound, "spec.network", fmt.Sprintf("there is no network %q", s.Network), "create it in the same change or before, or check the name")
		return nil
	}
	s.Network = n.Name
	if n.Spec.Mode == Segmented && s.Node == "" {
		p.bad(it, Invalid, "spec.node", fmt.Sprintf("%s is segmented: its addresses belong to nodes", n.Ref()), "say on which node the port is")
	}
	return n
}

// skip reports whether an item names an object that has problems of its own,
// and if so puts the item aside without another.
func (p *planner) skip(it *item, k Kind, name string) bool {
	if !p.broken(k, name) {
		return false
	}
	it.broken = true
	return true
}

// keepsAddress reports whether a port has an address that is still right.
func (p *planner) keepsAddress(it *item, n *Network) bool {
	o, ok := it.before.(*Port)
	if !ok || o.Spec.Network != n.Name {
		return false
	}
	s := p.space(n, it.spec.(PortSpec).Node)
	if s == nil || !s.allows(u32(o.IP)) {
		return false
	}
	_, taken := p.x.locks.Get(lockKey(n.VNI, u32(o.IP)))
	return !taken
}

func (p *planner) placeGiven(it *item, n *Network) {
	spec := it.spec.(PortSpec)
	if s := p.space(n, spec.Node); s == nil || !s.allows(u32(spec.IP)) {
		p.bad(it, Invalid, "spec.ip", refuse(&p.x, n, spec.Node, spec.IP), "choose another address, or leave it out to get a free one")
		return
	}
	if o, taken := p.x.locks.Get(lockKey(n.VNI, u32(spec.IP))); taken {
		p.bad(it, Conflict, "spec.ip", fmt.Sprintf("%s is held by %s", spec.IP, o.Ref()), "choose another address, or leave it out to get a free one")
		return
	}
	p.placePort(it, n, spec.IP)
}

func (p *planner) placeFresh(it *item, n *Network) {
	spec := it.spec.(PortSpec)
	s := p.space(n, spec.Node)
	if s == nil { // its node or network got no blocks, which is a problem of theirs
		it.broken = true
		return
	}
	ip, ok := s.free(&p.x, func(ip netip.Addr) bool {
		if !spec.MAC.IsZero() {
			return true
		}
		// Somebody may have given a port the MAC that belongs to this address.
		mac := MACFor(n.VNI, ip)
		_, taken := p.x.portByMAC(n.VNI, mac)
		return !taken && !p.gatewayHas(n, spec.Node, mac)
	})
	if ok {
		s.given(&p.x, ip)
		p.placePort(it, n, ip)
		return
	}
	if n.Spec.Mode == Segmented {
		p.bad(it, Exhausted, "spec.ip", fmt.Sprintf("all addresses that node %q has of %s are taken", spec.Node, n.Ref()), "delete ports there, put the port on another node, or raise spec.containersPerNode of the network")
		return
	}
	p.bad(it, Exhausted, "spec.ip", fmt.Sprintf("all addresses of %s are taken", n.Ref()), "delete ports, or add a subnet to the network")
}

// placePort gives a port its address, which is free, and its MAC.
func (p *planner) placePort(it *item, n *Network, addr netip.Addr) {
	o := &Port{Meta: p.meta(it), Spec: it.spec.(PortSpec), IP: addr}
	o.MAC = o.Spec.MAC
	if o.MAC.IsZero() {
		o.MAC = MACFor(n.VNI, addr)
	}
	const fix = "choose another MAC in spec.mac, or leave it out to get one"
	if p.gatewayHas(n, o.Spec.Node, o.MAC) {
		p.bad(it, Conflict, "spec.mac", fmt.Sprintf("%s is the MAC of the gateway of %s", o.MAC, n.Ref()), fix)
	}
	if h, taken := p.x.portByMAC(n.VNI, o.MAC); taken {
		p.bad(it, Conflict, "spec.mac", fmt.Sprintf("%s is the MAC of %s in the same network", o.MAC, h.Ref()), fix)
	}
	if s := &o.Spec; s.Interface != "" {
		if e, taken := p.x.portsByIface.Get(ifaceEntry{node: s.Node, iface: s.Interface}); taken {
			p.bad(it, Conflict, "spec.interface", fmt.Sprintf("interface %q of node %q binds %s", s.Interface, s.Node, e.port.Ref()), "one interface is one port: choose another interface, or delete that port")
		}
	}
	if h, taken := p.x.portByBindingID(o.BindingID()); taken && !it.broken {
		p.bad(it, Conflict, "spec.interfaceID", fmt.Sprintf("interface id %q binds %s", o.BindingID(), h.Ref()), "give each port an interface id of its own in spec.interfaceID")
	}
	if it.broken {
		return
	}
	if b, ok := it.before.(*Port); ok && b.IP == o.IP && b.MAC == o.MAC && b.Spec == o.Spec && sameLabels(b.Labels, o.Labels) {
		if was, _ := p.old.x.networks.Get(n.Name); was.VNI == n.VNI {
			o, it.same = b, true // planned again, and nothing came of it
		}
	}
	p.x.putPort(o, n.VNI)
	it.after = o
}
