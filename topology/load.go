package topology

import (
	"fmt"

	"github.com/sdnctl/sdnctl/topology/model"
)

// Loader builds a snapshot from objects that were planned before, such as those of a store.
// It does not check them again, but returns an error for objects that would make the
// snapshot inconsistent.
//
// Networks and uplinks must be added before routers, blocks and ports, nodes before
// blocks and ports, and what a policy or service names before it.
type Loader struct {
	x indexes
}

// NewLoader returns an empty Loader.
func NewLoader() *Loader { return &Loader{x: newIndexes()} }

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
	b.Network, b.Node = n.Name, node.Name // one copy of the strings for all blocks
	for _, f := range model.Families() {
		r, has := b.Of(f)
		in, ok := n.Spec.SubnetOf(f)
		if has != ok || has && (!in.Prefix.Contains(r.Prefix.Addr()) || r.Prefix.Bits() > n.Spec.BlockBits(f)) {
			return fmt.Errorf("block of %s on node %q: %s is not a block of %s", b.Network, b.Node, r.Prefix, in.Prefix)
		}
		if !has {
			continue
		}
		if _, taken := l.x.slots.overlaps(slotSpace(n, f), slotsOf(n, r.Prefix)); taken {
			return fmt.Errorf("block of %s on node %q: %s belongs to two nodes", b.Network, b.Node, r.Prefix)
		}
		l.x.takeSlots(n, f, r)
	}
	l.x.putBlock(b)
	for p := range l.x.portsOfNetworkOnNode(b.Network, b.Node) { // those that were added before it
		l.allocated(p, n)
	}
	return nil
}

// Snapshot returns what was added as the state at a revision. The Loader must
// not be used afterwards.
func (l *Loader) Snapshot(rev Revision) *Snapshot {
	l.x.identifyAll()
	l.x.policies.ids.begin(rev, MaxPolicyID)
	return &Snapshot{rev: rev, x: l.x}
}
