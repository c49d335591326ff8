package topology

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/sdnctl/sdnctl/topology/model"
)

// planBlocks gives every node its block of every segmented network, after it has released
// the blocks that are no longer needed: two networks of one change may swap their VNIs, by
// which blocks are indexed.
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
	for _, s := range n.Spec.Subnets {
		if !p.freeBlock(it, n, it.ref.Name, s.Prefix) {
			return false
		}
	}
	return true
}

// allBlocks gives all nodes their blocks of a network that is new or has other
// addresses.
func (p *planner) allBlocks(it *item, n *Network) {
	if p.x.nodes.Len() > n.Spec.MaxNodes {
		p.bad(it, Exhausted, "spec.maxNodes", fmt.Sprintf("room for %d, and there are %d nodes", n.Spec.MaxNodes, p.x.nodes.Len()), "raise it (and give a larger CIDR if needed)")
		return
	}
	for i, b := range n.Spec.Blocks {
		if node, ok := p.x.nodes.Get(b.Node); ok {
			p.takeBlock(n, node.Name, b)
		} else if !p.broken(KindNode, b.Node) {
			p.bad(it, NotFound, fmt.Sprintf("spec.blocks[%d].node", i), fmt.Sprintf("there is no node %q", b.Node), "create it in the same change or before, or check the name")
		}
	}
	for _, s := range n.Spec.Subnets {
		if !p.otherBlocks(it, n, s.Prefix) {
			return
		}
	}
}

// otherBlocks gives blocks of a subnet to the nodes that have none in the spec: the blocks
// that they had if they can keep them, then the lowest free ones.
func (p *planner) otherBlocks(it *item, n *Network, in netip.Prefix) bool {
	f := model.FamilyOf(in.Addr())
	var fresh []string
	for node := range all(p.x.nodes) {
		if b, ok := p.x.block(n.Name, node.Name); ok {
			if _, has := b.Of(f); has {
				continue
			}
		}
		if b, ok := p.old.x.block(n.Name, node.Name); ok && p.keepsBlock(n, f, b) {
			p.takeBlock(n, node.Name, BlockSpec{Prefix: b.ByFamily[f].Prefix})
			continue
		}
		fresh = append(fresh, node.Name)
	}
	slices.SortFunc(fresh, naturalCompare)
	for _, node := range fresh {
		if !p.freeBlock(it, n, node, in) {
			return false
		}
	}
	return true
}

// keepsBlock reports whether a node can keep its block after the network has
// changed.
func (p *planner) keepsBlock(n *Network, f Family, b *Block) bool {
	r, ok := b.Of(f)
	in, _ := n.Spec.SubnetOf(f)
	if !ok || r.Prefix.Bits() != n.Spec.BlockBits(f) || !in.Prefix.Contains(r.Prefix.Addr()) {
		return false
	}
	_, taken := p.x.slots.overlaps(slotSpace(n, f), slotsOf(n, r.Prefix))
	return !taken
}

// freeBlock gives a node the lowest free block of a subnet, from number 1. Number 0, whose
// addresses begin with the network's own, is used last.
func (p *planner) freeBlock(it *item, n *Network, node string, in netip.Prefix) bool {
	f := model.FamilyOf(in.Addr())
	bits, space := n.Spec.BlockBits(f), slotSpace(n, f)
	slot, ok := number{}, false
	if bits > in.Bits() {
		slot, ok = p.x.slots.free(space, span{number{low: 1}, ones(bits - in.Bits())}, nil)
	}
	if !ok {
		slot, ok = p.x.slots.free(space, just(number{}), nil)
	}
	if !ok {
		p.bad(it, Exhausted, "", fmt.Sprintf("%s has no free block of /%d left in %s for node %q", n.Ref(), bits, in, node), "give the network a larger CIDR, or shrink the blocks given in its spec.blocks")
		return false
	}
	first := numberOf(in.Addr()).plus(slot.shiftLeft(f.Bits() - bits))
	p.takeBlock(n, node, BlockSpec{Prefix: netip.PrefixFrom(first.addr(), bits)})
	return true
}

// takeBlock gives a node's block of a network its addresses of a family.
func (p *planner) takeBlock(n *Network, node string, s BlockSpec) {
	c := p.blockChange(n.Name, node)
	if c.After == nil {
		c.After = &Block{Network: n.Name, Node: node, GatewayMAC: n.GatewayMAC}
		p.x.putBlock(c.After)
	}
	f, r := model.FamilyOf(s.Prefix.Addr()), BlockRange{s.Prefix, s.Gateway.Addr}
	if !r.Gateway.IsValid() {
		r.Gateway = model.FirstHost(r.Prefix)
	}
	c.After.ByFamily[f] = r
	if !s.GatewayMAC.IsZero() {
		c.After.GatewayMAC = s.GatewayMAC
	}
	p.x.takeSlots(n, f, r)
}

func (p *planner) dropBlock(b *Block, n *Network) {
	p.x.dropBlock(b, n)
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
