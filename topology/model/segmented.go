package model

import (
	"cmp"
	"fmt"
	"math/bits"
	"slices"
)

// normalSegmented checks the sizes and blocks of a segmented network.
func normalSegmented(s *NetworkSpec, bad Reporter) {
	if len(s.Subnets) != 1 {
		bad(Invalid, "spec.subnets", fmt.Sprintf("a segmented network has exactly one subnet, which is cut into blocks; here are %d", len(s.Subnets)), "give one subnet that is large enough for all nodes")
		return
	}
	sized := true
	if s.ContainersPerNode < 1 || s.ContainersPerNode > maxPerNode {
		sized = false
		bad(Invalid, "spec.containersPerNode", fmt.Sprintf("%d containers on a node", s.ContainersPerNode), "say how many containers a node's block must have room for, such as 250")
	}
	if s.MaxNodes < 1 {
		sized = false
		bad(Invalid, "spec.maxNodes", fmt.Sprintf("room for %d nodes", s.MaxNodes), "say how many nodes the network must have room for, such as 100")
	}
	if !normalSubnet(s, 0, bad) || !sized {
		return
	}
	size := s.Subnets[0].Prefix
	b := blockBits(s.ContainersPerNode)
	room := 0
	if b >= size.Bits() {
		room = 1 << (b - size.Bits())
	}
	if room < s.MaxNodes {
		have := fmt.Sprintf("room for %d blocks of /%d", room, b)
		if room == 0 {
			have = fmt.Sprintf("no room for one block of /%d", b)
		}
		bad(Invalid, "spec.subnets[0].cidr", fmt.Sprintf("too small: %s has %s (%d containers each), and needs %d", size, have, s.ContainersPerNode, s.MaxNodes), "give a larger CIDR, or lower spec.containersPerNode or spec.maxNodes")
		return
	}
	normalBlocks(s, b, bad)
}

// maxPerNode is what the largest subnet has room for, on one node.
const maxPerNode = 1<<(32-MinSubnetBits) - 3

// blockBits is the prefix length of a node's block: the smallest power of two
// that holds the containers, the network's and the broadcast address and the
// gateway.
func blockBits(containers int) int {
	return 32 - bits.Len(uint(containers+3-1))
}

// BlockBits is the prefix length of the blocks that a segmented network gives to
// nodes for which none is given explicitly. The gateway of such a block is its
// first address.
func (s *NetworkSpec) BlockBits() int { return blockBits(s.ContainersPerNode) }

// normalBlocks checks the blocks that are given explicitly.
func normalBlocks(s *NetworkSpec, blockBits int, bad Reporter) {
	in := s.Subnets[0].Prefix
	byNode := make(map[string]bool, len(s.Blocks))
	if len(s.Blocks) > s.MaxNodes {
		bad(Invalid, "spec.blocks", fmt.Sprintf("%d blocks for at most %d nodes", len(s.Blocks), s.MaxNodes), "raise spec.maxNodes or remove blocks")
	}
	var good []int
	for i := range s.Blocks {
		b := &s.Blocks[i]
		field := fmt.Sprintf("spec.blocks[%d]", i)
		if b.Node == "" {
			bad(Invalid, field+".node", "the block names no node", "name the node that gets it")
		} else if byNode[b.Node] {
			bad(Invalid, field+".node", fmt.Sprintf("node %q has two blocks", b.Node), "give each node one block")
		}
		byNode[b.Node] = true
		if b.GatewayMAC.IsMulticast() {
			bad(Invalid, field+".gatewayMAC", b.GatewayMAC.String()+" is a multicast address (its first octet is odd)", "give a unicast MAC, or leave it out for the network's")
		}
		if !checkPrefix(b.Prefix, field+".cidr", MaxSubnetBits, bad) {
			continue
		}
		b.Gateway = normalGateway(b.Gateway, b.Prefix, field+".gateway", bad)
		switch {
		case !in.Contains(b.Prefix.Addr()) || b.Prefix.Bits() < in.Bits():
			bad(Invalid, field+".cidr", fmt.Sprintf("%s is not inside the network's %s", b.Prefix, in), "give a part of it")
			continue
		case b.Prefix.Bits() > blockBits:
			bad(Invalid, field+".cidr", fmt.Sprintf("a /%d has no room for %d containers", b.Prefix.Bits(), s.ContainersPerNode), fmt.Sprintf("give a /%d, or lower spec.containersPerNode", blockBits))
		}
		good = append(good, i)
	}
	reportOverlaps(s.Blocks, good, bad)
}

// reportOverlaps names the blocks, of those with the given indexes, that have
// addresses in common with another.
func reportOverlaps(blocks []BlockSpec, which []int, bad Reporter) {
	slices.SortFunc(which, func(i, j int) int {
		if c := blocks[i].Prefix.Addr().Compare(blocks[j].Prefix.Addr()); c != 0 {
			return c
		}
		return cmp.Or(blocks[i].Prefix.Bits()-blocks[j].Prefix.Bits(), i-j)
	})
	widest := 0 // prefixes nest or are disjoint: the last one that none holds
	for k, i := range which {
		o := which[widest]
		if k == 0 || !blocks[o].Prefix.Overlaps(blocks[i].Prefix) {
			widest = k
			continue
		}
		bad(Invalid, fmt.Sprintf("spec.blocks[%d].cidr", i), fmt.Sprintf("%s overlaps %s (spec.blocks[%d])", blocks[i].Prefix, blocks[o].Prefix, o), "give blocks that have no address in common")
	}
}
