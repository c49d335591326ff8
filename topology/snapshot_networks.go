package topology

import (
	"iter"

	"github.com/tidwall/btree"
)

// Network returns the network of that name.
func (s *Snapshot) Network(name string) (*Network, bool) { return s.x.networks.Get(name) }

// NetworkByVNI returns the network that has that VNI.
func (s *Snapshot) NetworkByVNI(v VNI) (*Network, bool) { return s.x.networksByVNI.Get(v) }

// Networks returns all networks by name.
func (s *Snapshot) Networks() iter.Seq[*Network] { return all(s.x.networks) }

// NumNetworks returns how many networks there are.
func (s *Snapshot) NumNetworks() int { return s.x.networks.Len() }

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
