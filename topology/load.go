package topology

import "fmt"

// Loader builds a snapshot from objects that were planned before, such as
// those of a store. It does not judge them again, but it refuses what would
// make the snapshot contradict itself.
//
// Networks must be added before routers, blocks and ports, and nodes before
// blocks and ports.
type Loader struct{ x indexes }

// NewLoader returns an empty Loader.
func NewLoader() *Loader { return &Loader{newIndexes()} }

// Add adds an object, which the snapshot will share.
func (l *Loader) Add(o Object) error {
	if _, ok := l.x.object(o.Ref()); ok {
		return fmt.Errorf("%s: there are two of it", o.Ref())
	}
	switch o := o.(type) {
	case *Node:
		if h, ok := l.x.nodesByDPID.Get(o.DatapathID); ok {
			return fmt.Errorf("%s: datapath id %s belongs to %s", o.Ref(), o.DatapathID, h.Ref())
		}
		l.x.putNode(o)
	case *Network:
		if h, ok := l.x.networksByVNI.Get(o.VNI); ok {
			return fmt.Errorf("%s: VNI %d belongs to %s", o.Ref(), o.VNI, h.Ref())
		}
		l.x.putNetwork(o)
	case *Router:
		return l.addRouter(o)
	case *Port:
		return l.addPort(o)
	}
	return nil
}

func (l *Loader) addRouter(o *Router) error {
	if _, taken := l.x.routerIDs.at(0, o.ID); taken {
		return fmt.Errorf("%s: another router has its number %d", o.Ref(), o.ID)
	}
	for _, n := range o.Spec.Networks {
		if _, ok := l.x.networks.Get(n); !ok {
			return fmt.Errorf("%s: there is no network %q", o.Ref(), n)
		}
		if h, ok := l.x.routerOf.Get(n); ok {
			return fmt.Errorf("%s: network %q is joined to %s", o.Ref(), n, h.Ref())
		}
	}
	l.x.putRouter(o)
	return nil
}

func (l *Loader) addPort(o *Port) error {
	n, ok := l.x.networks.Get(o.Spec.Network)
	if !ok {
		return fmt.Errorf("%s: there is no network %q", o.Ref(), o.Spec.Network)
	}
	o.Spec.Network = n.Name // one copy of the string for all ports
	if o.Spec.Node != "" {
		node, ok := l.x.nodes.Get(o.Spec.Node)
		if !ok {
			return fmt.Errorf("%s: there is no node %q", o.Ref(), o.Spec.Node)
		}
		o.Spec.Node = node.Name
	}
	if !o.IP.Is4() {
		return fmt.Errorf("%s: it has no address", o.Ref())
	}
	if h, taken := l.x.locks.Get(lockKey(n.VNI, u32(o.IP))); taken {
		return fmt.Errorf("%s: %s is held by %s", o.Ref(), o.IP, h.Ref())
	}
	if h, taken := l.x.portByMAC(n.VNI, o.MAC); taken {
		return fmt.Errorf("%s: %s is the MAC of %s", o.Ref(), o.MAC, h.Ref())
	}
	if h, taken := l.x.portByBindingID(o.BindingID()); taken {
		return fmt.Errorf("%s: interface id %q binds %s", o.Ref(), o.BindingID(), h.Ref())
	}
	l.x.putPort(o, n.VNI)
	if !o.Spec.IP.IsValid() {
		l.lastGiven(o, n)
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

// AddBlock adds a block of a segmented network.
func (l *Loader) AddBlock(b *Block) error {
	n, ok := l.x.segmented.Get(b.Network)
	if !ok {
		return fmt.Errorf("block of %s on node %q: there is no such segmented network", b.Network, b.Node)
	}
	node, ok := l.x.nodes.Get(b.Node)
	if !ok {
		return fmt.Errorf("block of %s on node %q: there is no such node", b.Network, b.Node)
	}
	in := n.Spec.Subnets[0].Prefix
	if !b.Prefix.IsValid() || !in.Contains(b.Prefix.Addr()) || b.Prefix.Bits() > blockBits(n.Spec.ContainersPerNode) {
		return fmt.Errorf("block of %s on node %q: %s is not a block of %s", b.Network, b.Node, b.Prefix, in)
	}
	s := slotsOf(n, b.Prefix)
	if _, taken := l.x.slots.overlaps(uint32(n.VNI), s.from, s.to); taken {
		return fmt.Errorf("block of %s on node %q: %s belongs to two nodes", b.Network, b.Node, b.Prefix)
	}
	b.Network, b.Node = n.Name, node.Name // one copy of the strings for all blocks
	l.x.putBlock(b, n.VNI, s)
	return nil
}

// Snapshot returns what was added as the state at a revision. The Loader must
// not be used afterwards.
func (l *Loader) Snapshot(rev Revision) *Snapshot { return &Snapshot{rev: rev, x: l.x} }
