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
	return o.load(l)
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
	if !b.Prefix.IsValid() || !in.Contains(b.Prefix.Addr()) || b.Prefix.Bits() > n.Spec.BlockBits() {
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
