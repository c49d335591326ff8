package topology

func (x *indexes) putNode(n *Node) {
	x.nodes.Set(n.Name, n)
	x.nodesByDPID.Set(n.DatapathID, n)
	if n.Spec.TunnelIP.IsValid() {
		x.nodesByTunnel.Set(u32(n.Spec.TunnelIP), n)
	}
}

func (x *indexes) dropNode(n *Node) {
	x.nodes.Delete(n.Name)
	x.nodesByDPID.Delete(n.DatapathID)
	if n.Spec.TunnelIP.IsValid() {
		x.nodesByTunnel.Delete(u32(n.Spec.TunnelIP))
	}
}

func (x *indexes) putNetwork(n *Network) {
	x.networks.Set(n.Name, n)
	x.networksByVNI.Set(n.VNI, n)
	x.vnis.add(0, uint32(n.VNI), uint32(n.VNI))
	if n.Spec.Mode == Segmented {
		x.segmented.Set(n.Name, n)
	}
}

func (x *indexes) dropNetwork(n *Network) {
	x.networks.Delete(n.Name)
	x.networksByVNI.Delete(n.VNI)
	x.vnis.remove(0, uint32(n.VNI), uint32(n.VNI))
	x.segmented.Delete(n.Name)
	if n.Spec.Mode == Stretched {
		for _, s := range n.Spec.Subnets {
			x.lastGiven.Delete(lockKey(n.VNI, spanOf(s.Prefix).from))
		}
	}
}

func (x *indexes) putRouter(r *Router) {
	x.routers.Set(r.Name, r)
	x.routerIDs.add(0, r.ID, r.ID)
	for _, n := range r.Spec.Networks {
		x.routerOf.Set(n, r)
	}
}

func (x *indexes) dropRouter(r *Router) {
	x.routers.Delete(r.Name)
	x.routerIDs.remove(0, r.ID, r.ID)
	for _, n := range r.Spec.Networks {
		x.routerOf.Delete(n)
	}
}

func (x *indexes) putPort(p *Port, vni VNI) {
	ip := u32(p.IP)
	x.ports.Set(p.Name, p)
	x.portsByNetwork.Set(p)
	x.portsByNode.Set(p)
	x.locks.Set(lockKey(vni, ip), p)
	x.addrs.add(uint32(vni), ip, ip)
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

// putBlock stores a block; slots are the numbers it takes in its network.
func (x *indexes) putBlock(b *Block, vni VNI, slots span) {
	x.blocks.Set(blockEntry{b.Network, b.Node, b})
	x.blocksByNode.Set(blockEntry{b.Node, b.Network, b})
	x.slots.add(uint32(vni), slots.from, slots.to)
}

func (x *indexes) dropBlock(b *Block, vni VNI, slots span) {
	x.blocks.Delete(blockEntry{a: b.Network, b: b.Node})
	x.blocksByNode.Delete(blockEntry{a: b.Node, b: b.Network})
	x.slots.remove(uint32(vni), slots.from, slots.to)
	x.lastGiven.Delete(lockKey(vni, spanOf(b.Prefix).from))
}

// block returns a node's block of a network.
func (x *indexes) block(network, node string) (*Block, bool) {
	e, ok := x.blocks.Get(blockEntry{a: network, b: node})
	return e.block, ok
}
