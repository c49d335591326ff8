package topology

import (
	"iter"
	"net/netip"

	"github.com/tidwall/btree"
)

// Block is the part of a segmented network's addresses that one node has.
// Blocks exist for every pair of a segmented network and a node.
type Block struct {
	Network string
	Node    string
	Prefix  netip.Prefix
	Gateway netip.Addr
	// GatewayMAC is the block's own, or the network's.
	GatewayMAC MAC
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
