package topology

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/sdnctl/sdnctl/topology/model"
)

// planBlocks gives every node its block of every segmented network and takes
// those away that nobody has any more; that first, because two networks of one
// change may swap their VNIs, by which the books are kept.
func (p *planner) planBlocks() {
	var rebuild []*item
	for _, it := range p.of(KindNetwork) {
		if it.same || it.broken {
			continue
		}
		old, _ := it.before.(*Network)
		n, _ := it.after.(*Network)
		if old != nil && n != nil && !p.moved[n.Name] {
			continue
		}
		if old != nil && old.Spec.Mode == Segmented {
			for b := range blocksFrom(p.old.x.blocks, old.Name) {
				p.dropBlock(b, old)
			}
		}
		if n != nil && n.Spec.Mode == Segmented {
			rebuild = append(rebuild, it)
		}
	}
	for _, it := range p.of(KindNode) {
		if it.del && !it.broken {
			p.dropBlocksOn(it.ref.Name)
		}
	}
	done := make(map[string]bool) // networks that are rebuilt or full
	for _, it := range rebuild {
		p.allBlocks(it, it.after.(*Network))
		done[it.ref.Name] = true
	}
	for _, it := range p.of(KindNode) {
		if it.del || it.broken || it.before != nil {
			continue
		}
		for n := range all(p.x.segmented) {
			if !done[n.Name] && !p.oneBlock(it, n) {
				done[n.Name] = true
			}
		}
	}
}

func (p *planner) dropBlocksOn(node string) {
	for b := range blocksFrom(p.old.x.blocksByNode, node) {
		// Not there if the network goes too or is planned again.
		if now, ok := p.x.block(b.Network, node); ok && now == b {
			if n, ok := p.x.networks.Get(b.Network); ok {
				p.dropBlock(b, n)
			}
		}
	}
}

// oneBlock gives a new node its block of a network that has not changed.
func (p *planner) oneBlock(it *item, n *Network) bool {
	if p.x.nodes.Len() > n.Spec.MaxNodes {
		p.bad(it, Exhausted, "", fmt.Sprintf("%s has blocks for %d nodes, and this change makes it %d", n.Ref(), n.Spec.MaxNodes, p.x.nodes.Len()), "raise spec.maxNodes of that network, or delete nodes")
		return false
	}
	return p.freeBlock(it, n, it.ref.Name)
}

// allBlocks gives all nodes their blocks of a network that is new or has other
// addresses: those that are given first, then those that they had and can keep,
// then the lowest free ones.
func (p *planner) allBlocks(it *item, n *Network) {
	if p.x.nodes.Len() > n.Spec.MaxNodes {
		p.bad(it, Exhausted, "spec.maxNodes", fmt.Sprintf("room for %d, and there are %d nodes", n.Spec.MaxNodes, p.x.nodes.Len()), "raise it (and give a larger CIDR if needed)")
		return
	}
	has := make(map[string]bool, len(n.Spec.Blocks))
	for i, b := range n.Spec.Blocks {
		has[b.Node] = true
		if node, ok := p.x.nodes.Get(b.Node); ok {
			p.putBlock(n, node.Name, b)
		} else if !p.broken(KindNode, b.Node) {
			p.bad(it, NotFound, fmt.Sprintf("spec.blocks[%d].node", i), fmt.Sprintf("there is no node %q", b.Node), "create it in the same change or before, or check the name")
		}
	}
	var fresh []string
	for node := range all(p.x.nodes) {
		if has[node.Name] {
			continue
		}
		if b, ok := p.old.x.block(n.Name, node.Name); ok && p.keepsBlock(n, b.Prefix) {
			p.putBlock(n, node.Name, BlockSpec{Prefix: b.Prefix})
			continue
		}
		fresh = append(fresh, node.Name)
	}
	slices.SortFunc(fresh, naturalCompare)
	for _, node := range fresh {
		if !p.freeBlock(it, n, node) {
			return
		}
	}
}

// keepsBlock reports whether a node can keep its block after the network has
// changed.
func (p *planner) keepsBlock(n *Network, b netip.Prefix) bool {
	in := n.Spec.Subnets[0].Prefix
	if b.Bits() != n.Spec.BlockBits() || !in.Contains(b.Addr()) {
		return false
	}
	s := slotsOf(n, b)
	_, taken := p.x.slots.overlaps(uint32(n.VNI), s.from, s.to)
	return !taken
}

// freeBlock gives a node the lowest free block, from number 1; number 0, whose
// addresses begin with the network's own, is the last to go.
func (p *planner) freeBlock(it *item, n *Network, node string) bool {
	in, bits := n.Spec.Subnets[0].Prefix, n.Spec.BlockBits()
	last := uint32(1)<<(bits-in.Bits()) - 1
	slot, ok := uint32(0), false
	if last > 0 {
		slot, ok = p.x.slots.free(uint32(n.VNI), 1, last, nil)
	}
	if !ok {
		slot, ok = p.x.slots.free(uint32(n.VNI), 0, 0, nil)
	}
	if !ok {
		p.bad(it, Exhausted, "", fmt.Sprintf("%s has no free block of /%d left in %s for node %q", n.Ref(), bits, in, node), "give the network a larger CIDR, or shrink the blocks given in its spec.blocks")
		return false
	}
	p.putBlock(n, node, BlockSpec{Prefix: netip.PrefixFrom(ip4(u32(in.Addr())+slot<<(32-bits)), bits)})
	return true
}

func (p *planner) putBlock(n *Network, node string, s BlockSpec) {
	b := &Block{Network: n.Name, Node: node, Prefix: s.Prefix, Gateway: s.Gateway, GatewayMAC: s.GatewayMAC}
	if !b.Gateway.IsValid() {
		b.Gateway = model.FirstHost(b.Prefix)
	}
	if b.GatewayMAC.IsZero() {
		b.GatewayMAC = n.GatewayMAC
	}
	p.x.putBlock(b, n.VNI, slotsOf(n, b.Prefix))
	p.blockChange(n.Name, node).After = b
}

func (p *planner) dropBlock(b *Block, n *Network) {
	p.x.dropBlock(b, n.VNI, slotsOf(n, b.Prefix))
	p.blockChange(b.Network, b.Node).Before = b
}

func (p *planner) blockChange(network, node string) *BlockChange {
	key := [2]string{network, node}
	c, ok := p.blocks[key]
	if !ok {
		c = &BlockChange{Network: network, Node: node}
		p.blocks[key] = c
	}
	return c
}

// slotsOf returns the numbers that a block takes among those of its network.
func slotsOf(n *Network, b netip.Prefix) span {
	shift, base := 32-n.Spec.BlockBits(), u32(n.Spec.Subnets[0].Prefix.Addr())
	s := spanOf(b)
	return span{(s.from - base) >> shift, (s.to - base) >> shift}
}
