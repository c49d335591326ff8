package topology

import (
	"iter"
	"net/netip"

	"github.com/tidwall/btree"

	"github.com/sdnctl/sdnctl/topology/model"
)

// Block is the part of a segmented network's addresses that one node has.
// Blocks exist for every pair of a segmented network and a node.
type Block struct {
	Network string
	Node    string
	// ByFamily has the addresses of each family that the network has.
	ByFamily [2]BlockRange
	// GatewayMAC is the block's own, or the network's.
	GatewayMAC MAC
}

// BlockRange is a block's addresses of one family; the zero value is none.
type BlockRange struct {
	Prefix  netip.Prefix
	Gateway netip.Addr
}

// Of returns the block's addresses of a family.
func (b *Block) Of(f Family) (BlockRange, bool) {
	r := b.ByFamily[f]
	return r, r.Prefix.IsValid()
}

// Ranges returns the block's addresses by family.
func (b *Block) Ranges() iter.Seq2[Family, BlockRange] {
	return func(yield func(Family, BlockRange) bool) {
		for _, f := range model.Families() {
			if r, ok := b.Of(f); ok && !yield(f, r) {
				return
			}
		}
	}
}

// putBlock stores a block of a network without its addresses.
func (x *indexes) putBlock(b *Block) {
	x.blocks.Set(blockEntry{b.Network, b.Node, b})
	x.blocksByNode.Set(blockEntry{b.Node, b.Network, b})
}

// takeSlots books the places in a network that a block has there.
func (x *indexes) takeSlots(n *Network, f Family, r BlockRange) {
	x.slots.add(slotSpace(n, f), slotsOf(n, r.Prefix))
}

// dropBlock removes a block of a network, with its addresses.
func (x *indexes) dropBlock(b *Block, n *Network) {
	x.blocks.Delete(blockEntry{a: b.Network, b: b.Node})
	x.blocksByNode.Delete(blockEntry{a: b.Node, b: b.Network})
	for f, r := range b.Ranges() {
		x.slots.remove(slotSpace(n, f), slotsOf(n, r.Prefix))
		x.forgetGiven(n.VNI, r.Prefix)
	}
}

// slotSpace returns the space of indexes.slots in which the places of a network's
// blocks of a family are.
func slotSpace(n *Network, f Family) uint32 { return uint32(n.VNI)<<1 | uint32(f) }

// slotsOf returns the places that a block takes among those of its network.
func slotsOf(n *Network, b netip.Prefix) span {
	f := model.FamilyOf(b.Addr())
	in, _ := n.Spec.SubnetOf(f)
	shift, base := f.Bits()-n.Spec.BlockBits(f), numberOf(in.Prefix.Addr())
	s := spanOf(b)
	return span{s.from.minus(base).shiftRight(shift), s.to.minus(base).shiftRight(shift)}
}

// block returns a node's block of a network.
func (x *indexes) block(network, node string) (*Block, bool) {
	e, ok := x.blocks.Get(blockEntry{a: network, b: node})
	return e.block, ok
}

// Block returns a node's block of a segmented network.
func (s *Snapshot) Block(network, node string) (*Block, bool) { return s.x.block(network, node) }

// BlocksOf returns the blocks of a segmented network by node.
func (s *Snapshot) BlocksOf(network string) iter.Seq[*Block] {
	return blocksFrom(s.x.blocks, network)
}

// BlocksOn returns the blocks of a node by network.
func (s *Snapshot) BlocksOn(node string) iter.Seq[*Block] {
	return blocksFrom(s.x.blocksByNode, node)
}

// AllBlocks returns all blocks by network and node.
func (s *Snapshot) AllBlocks() iter.Seq[*Block] {
	return func(yield func(*Block) bool) {
		s.x.blocks.Scan(func(e blockEntry) bool { return yield(e.block) })
	}
}

func blocksFrom(t *btree.BTreeG[blockEntry], first string) iter.Seq[*Block] {
	return func(yield func(*Block) bool) {
		t.Ascend(blockEntry{a: first}, func(e blockEntry) bool {
			return e.a == first && yield(e.block)
		})
	}
}
