package topology

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"

	"github.com/sdnctl/sdnctl/topology/model"
)

// planPorts adds the ports, with their addresses: first those that ports had and keep, then
// those that specs give, then those to allocate. A port is added when it has all of its
// addresses.
func (p *planner) planPorts() {
	p.replan()
	var all []*placing
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
		if w := p.begin(it, n, spec); w != nil {
			all = append(all, w)
		}
	}
	for stage, addresses := range []func(*placing, Family) bool{p.keep, p.takeGiven, p.takeFresh} {
		for _, w := range all {
			if stage == 1 && w.port != nil && !w.it.broken {
				p.takeFurther(w)
			}
			for _, f := range model.Families() {
				if w.lacks[f] && !w.it.broken && addresses(w, f) {
					w.lacks[f] = false
				}
			}
			if w.port != nil && !w.it.broken && w.lacks == [2]bool{} && (stage > 0 || len(w.port.Spec.Addresses) == 0) {
				p.placePort(w)
			}
		}
	}
	p.checkOutside()
}

// placing is a port that is being added.
type placing struct {
	it *item
	n  *Network
	// port is nil once it has been added.
	port *Port
	// lacks says for which families the port needs an address.
	lacks [2]bool
	in    *space
}

// begin finds out which addresses a port has to get.
func (p *planner) begin(it *item, n *Network, spec PortSpec) *placing {
	s := p.space(n, spec.Node)
	if s == nil {
		if spec.IP.IsValid() {
			p.bad(it, Invalid, "spec.ip", refuse(&p.x, n, spec.Node, spec.IP), "choose another address, or leave it out to get a free one")
		}
		it.broken = true // its node or network got no blocks, which is a problem of theirs
		return nil
	}
	w := &placing{it: it, n: n, port: &Port{Meta: p.meta(it), Spec: spec}, in: s}
	for _, f := range model.Families() {
		_, given := spec.Given(f)
		w.lacks[f] = given || s.has(f)
	}
	return w
}

// space returns where a port gets its addresses, or nil.
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

// fits reports whether an existing port may stay as it is after its network has changed.
func (p *planner) fits(o *Port, n *Network) bool {
	was, _ := p.old.x.networks.Get(n.Name)
	s := p.space(n, o.Spec.Node)
	return was.VNI == n.VNI && s != nil && !slices.ContainsFunc(o.Addresses, func(a netip.Addr) bool { return !s.allows(a) }) && !p.misfits(s, o, n) &&
		!p.gatewayHas(n, o.Spec.Node, o.MAC) && (n.Spec.Mode == Stretched || o.Spec.Node != "")
}

// misfits reports whether a further address of a port does not fit its network.
func (p *planner) misfits(s *space, o *Port, n *Network) bool {
	return slices.ContainsFunc(o.Spec.Addresses, func(a model.PortAddress) bool {
		r, ok := a.Range()
		return ok && s.allowsFurther(n, r) != ""
	})
}

// gatewayHas reports whether the gateway that a port would have has that MAC.
func (p *planner) gatewayHas(n *Network, node string, mac MAC) bool {
	if b, ok := p.x.block(n.Name, node); ok && b.GatewayMAC == mac {
		return true
	}
	return n.GatewayMAC == mac
}

// replan checks the ports of networks whose addresses have changed. Those that the ops
// name, unchanged, are planned again if necessary; those that the ops do not name must fit
// as they are. A port that the ops name also gets an address of a family that its network
// did not have before.
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
			p.again(own)
		}
	}
	for _, it := range p.of(KindPort) {
		if o, ok := it.before.(*Port); ok && it.same && !it.broken && p.lacksFamily(o) {
			p.again(it)
		}
	}
}

// again has an item planned that would otherwise stay as it is.
func (p *planner) again(it *item) {
	p.liftOne(it)
	it.same = false
}

// lacksFamily reports whether a port has no address of a family that its network
// has.
func (p *planner) lacksFamily(o *Port) bool {
	n, ok := p.x.networks.Get(o.Spec.Network)
	if !ok || p.broken(KindNetwork, n.Name) {
		return false
	}
	s := p.space(n, o.Spec.Node)
	return s != nil && slices.ContainsFunc([]Family{IPv4, IPv6}, func(f Family) bool {
		_, has := o.Address(f)
		return s.has(f) && !has
	})
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
	if s := p.space(n, o.Spec.Node); s != nil {
		for _, a := range o.Spec.Addresses {
			if r, ok := a.Range(); ok && s.allowsFurther(n, r) != "" {
				return s.allowsFurther(n, r)
			}
		}
	}
	wrong := o.Addresses[0]
	if s := p.space(n, o.Spec.Node); s != nil && s.allows(wrong) {
		wrong = o.Addresses[len(o.Addresses)-1]
	}
	return refuse(&p.x, n, o.Spec.Node, wrong)
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

// skip reports whether an item names an object that has problems of its own, and if so
// marks the item as broken without a problem.
func (p *planner) skip(it *item, k Kind, name string) bool {
	if !p.broken(k, name) {
		return false
	}
	it.broken = true
	return true
}

// keep lets a port whose spec gives no address keep the one that it had, if that is still
// valid.
func (p *planner) keep(w *placing, f Family) bool {
	if _, given := w.port.Spec.Given(f); given {
		return false
	}
	o, ok := w.it.before.(*Port)
	if !ok || o.Spec.Network != w.n.Name {
		return false
	}
	a, ok := o.Address(f)
	return ok && w.in.allows(a) && p.take(w, a)
}

// take gives a port an address if it is free.
func (p *planner) take(w *placing, a netip.Addr) bool {
	s := just(numberOf(a))
	if _, taken := p.x.addrs.overlaps(uint32(w.n.VNI), s); taken {
		return false
	}
	p.x.take(w.n.VNI, s, w.port)
	w.port.Addresses = append(w.port.Addresses, a)
	slices.SortFunc(w.port.Addresses, netip.Addr.Compare) // IPv4 first
	return true
}

// takeGiven gives a port the address that its spec asks for.
func (p *planner) takeGiven(w *placing, f Family) bool {
	a, given := w.port.Spec.Given(f)
	if !given {
		return false
	}
	field := "spec.ip"
	if len(w.port.Spec.IPs) > 0 {
		field = fmt.Sprintf("spec.ips[%d]", slices.Index(w.port.Spec.IPs, a))
	}
	const fix = "choose another address, or leave it out to get a free one"
	if !w.in.allows(a) {
		p.bad(w.it, Invalid, field, refuse(&p.x, w.n, w.port.Spec.Node, a), fix)
		return false
	}
	if o, taken := p.x.holder(w.n.VNI, just(numberOf(a))); taken {
		p.bad(w.it, Conflict, field, fmt.Sprintf("%s is held by %s", a, o.Ref()), fix)
		return false
	}
	return p.take(w, a)
}

// takeFresh gives a port a free address.
func (p *planner) takeFresh(w *placing, f Family) bool {
	spec := &w.port.Spec
	a, ok := w.in.free(&p.x, f, func(a netip.Addr) bool {
		if !spec.MAC.IsZero() || len(w.port.Addresses) > 0 {
			return true
		}
		// A user may have given another port the MAC that belongs to this address.
		mac := MACFor(w.n.VNI, a)
		_, taken := p.x.portByMAC(w.n.VNI, mac)
		return !taken && !p.gatewayHas(w.n, spec.Node, mac)
	})
	switch {
	case ok:
		w.in.given(&p.x, a)
		return p.take(w, a)
	case w.n.Spec.Mode == Segmented:
		p.bad(w.it, Exhausted, "spec.ip", fmt.Sprintf("all addresses that node %q has of %s are taken", spec.Node, w.n.Ref()), "delete ports there, put the port on another node, or raise spec.containersPerNode of the network")
	default:
		p.bad(w.it, Exhausted, "spec.ip", fmt.Sprintf("all addresses of %s are taken", w.n.Ref()), "delete ports, or add a subnet to the network")
	}
	return false
}

// placePort adds a port that has its addresses, with its MAC.
func (p *planner) placePort(w *placing) {
	it, n, o := w.it, w.n, w.port
	w.port = nil
	o.MAC = o.Spec.MAC
	if o.MAC.IsZero() {
		o.MAC = MACFor(n.VNI, o.Addresses[0])
	}
	const fix = "choose another MAC in spec.mac, or leave it out to get one"
	if p.gatewayHas(n, o.Spec.Node, o.MAC) {
		p.bad(it, Conflict, "spec.mac", fmt.Sprintf("%s is the MAC of the gateway of %s", o.MAC, n.Ref()), fix)
	}
	if h, taken := p.x.portByMAC(n.VNI, o.MAC); taken && h != o {
		p.bad(it, Conflict, "spec.mac", fmt.Sprintf("%s is the MAC of %s in the same network", o.MAC, h.Ref()), fix)
	}
	for i, a := range o.Spec.Addresses {
		if h, taken := p.x.portByMAC(n.VNI, a.MAC); !a.MAC.IsZero() && (taken && h != o || a.MAC == o.MAC || p.gatewayHas(n, o.Spec.Node, a.MAC)) {
			p.bad(it, Conflict, fmt.Sprintf("spec.addresses[%d].mac", i), fmt.Sprintf("%s is the MAC of %s", a.MAC, cmp.Or(refText(h), "the gateway of "+n.Ref().String())), "choose another MAC, or leave it out for the port's")
		}
	}
	if h, taken := p.x.holder(n.VNI, just(numberOf(model.LinkLocal(o.MAC)))); taken {
		p.bad(it, Conflict, "spec.mac", fmt.Sprintf("its link-local address %s is held by %s", model.LinkLocal(o.MAC), h.Ref()), fix)
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
	if b, ok := it.before.(*Port); ok && slices.Equal(b.Addresses, o.Addresses) && b.MAC == o.MAC && b.Spec.Equal(o.Spec) && sameLabels(b.Labels, o.Labels) {
		if was, _ := p.old.x.networks.Get(n.Name); was.VNI == n.VNI {
			o, it.same = b, true // planned again, and nothing came of it
			for s := range o.held() {
				p.x.locks.Set(lock{n.VNI, s, o})
			}
		}
	}
	p.x.putPort(o, n.VNI)
	it.after = o
}
