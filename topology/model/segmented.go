package model

import (
	"cmp"
	"fmt"
	"math/bits"
	"slices"
)

// normalSegmented checks the sizes and blocks of a segmented network.
func normalSegmented(s *NetworkSpec, bad Reporter) {
	if n := len(s.Subnets); n == 0 || n > numFamilies {
		bad(Invalid, "spec.subnets", fmt.Sprintf("a segmented network has exactly one subnet of a family, which is cut into blocks; here are %d", n), "give one subnet that is large enough for all nodes, or one of IPv4 and one of IPv6")
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
	for i := range s.Subnets {
		sized = normalSubnet(s, i, bad) && sized
	}
	if !sized {
		return
	}
	if len(s.Subnets) == 2 && FamilyOf(s.Subnets[0].Prefix.Addr()) == FamilyOf(s.Subnets[1].Prefix.Addr()) {
		bad(Invalid, "spec.subnets[1].cidr", fmt.Sprintf("a segmented network has one subnet of each family at most; %s and %s are of one", s.Subnets[0].Prefix, s.Subnets[1].Prefix), "give one subnet that is large enough for all nodes")
		return
	}
	for i := range s.Subnets {
		if !checkRoom(s, i, bad) {
			return
		}
	}
	normalBlocks(s, bad)
}

// checkRoom checks that a subnet has a block for each node.
func checkRoom(s *NetworkSpec, i int, bad Reporter) bool {
	size := s.Subnets[i].Prefix
	b := s.BlockBits(FamilyOf(size.Addr()))
	room := 0
	if n := b - size.Bits(); n >= 0 {
		room = 1 << min(n, 62)
	}
	if room >= s.MaxNodes {
		return true
	}
	have := fmt.Sprintf("room for %d blocks of /%d", room, b)
	if room == 0 {
		have = fmt.Sprintf("no room for one block of /%d", b)
	}
	bad(Invalid, fmt.Sprintf("spec.subnets[%d].cidr", i), fmt.Sprintf("too small: %s has %s (%d containers each), and needs %d", size, have, s.ContainersPerNode, s.MaxNodes), "give a larger CIDR, or lower spec.containersPerNode or spec.maxNodes")
	return false
}

// maxPerNode is what the largest IPv4 subnet has room for, on one node.
const maxPerNode = 1<<(32-MinSubnetBits) - 3

// hostBits is how many bits of an address count those of a node's block: the
// smallest power of two that holds the containers, the network's and the broadcast
// address and the gateway. A number of containers that is out of range counts as the
// nearest in it.
func hostBits(containers int) int {
	return bits.Len(uint(max(1, min(containers, maxPerNode)) + 3 - 1))
}

// slaacBits is the length of the prefixes that hosts may take addresses from by
// themselves (RFC 4862, section 5.5.3; RFC 4291, section 2.5.4).
const slaacBits = 64

// BlockBits is the prefix length of the blocks that a segmented network gives to
// nodes for which none of the family is given explicitly. An IPv6 block is a /64
// where the subnet has room for one for each of MaxNodes. The gateway of such a
// block is its first address.
func (s *NetworkSpec) BlockBits(f Family) int {
	if f == IPv6 {
		if n, ok := s.SubnetOf(f); ok && n.Prefix.Bits() <= slaacBits && bits.Len(uint(s.MaxNodes-1)) <= slaacBits-n.Prefix.Bits() {
			return slaacBits
		}
	}
	return f.Bits() - hostBits(s.ContainersPerNode)
}

// SubnetOf returns the first subnet of a family, which in a segmented network is
// the only one.
func (s *NetworkSpec) SubnetOf(f Family) (Subnet, bool) {
	for _, n := range s.Subnets {
		if n.Prefix.IsValid() && FamilyOf(n.Prefix.Addr()) == f {
			return n, true
		}
	}
	return Subnet{}, false
}

// normalBlocks checks the blocks that are given explicitly.
func normalBlocks(s *NetworkSpec, bad Reporter) {
	type key struct {
		node   string
		family Family
	}
	first := make(map[key]int, len(s.Blocks))
	var count [numFamilies]int
	var good []int
	for i := range s.Blocks {
		b := &s.Blocks[i]
		field := fmt.Sprintf("spec.blocks[%d]", i)
		if b.Node == "" {
			bad(Invalid, field+".node", "the block names no node", "name the node that gets it")
		}
		if b.GatewayMAC.IsMulticast() {
			bad(Invalid, field+".gatewayMAC", b.GatewayMAC.String()+" is a multicast address (its first octet is odd)", "give a unicast MAC, or leave it out for the network's")
		}
		b.Prefix = b.Prefix.Masked()
		if !checkPrefix(b.Prefix, field+".cidr", bad) {
			continue
		}
		f := FamilyOf(b.Prefix.Addr())
		count[f]++
		if _, ok := first[key{b.Node, f}]; ok && b.Node != "" {
			bad(Invalid, field+".node", fmt.Sprintf("node %q has two blocks", b.Node), "give each node one block of a family")
		}
		first[key{b.Node, f}] = i
		b.Gateway = b.Gateway.normal(b.Prefix, field+".gateway", bad)
		if checkBlock(s, b, field, bad) {
			good = append(good, i)
		}
	}
	for _, f := range Families() {
		if count[f] > s.MaxNodes {
			bad(Invalid, "spec.blocks", fmt.Sprintf("%d blocks for at most %d nodes", count[f], s.MaxNodes), "raise spec.maxNodes or remove blocks")
		}
	}
	for i := range s.Blocks {
		if j, ok := first[key{s.Blocks[i].Node, IPv6}]; ok && s.Blocks[i].Prefix.Addr().Is4() {
			pairBlocks(s.Blocks, i, j, bad)
		}
	}
	reportOverlaps(s.Blocks, good, bad)
}

// checkBlock checks that a block lies within the network, and is large enough.
func checkBlock(s *NetworkSpec, b *BlockSpec, field string, bad Reporter) bool {
	f := FamilyOf(b.Prefix.Addr())
	in, ok := s.SubnetOf(f)
	switch least := f.Bits() - hostBits(s.ContainersPerNode); {
	case !ok:
		bad(Invalid, field+".cidr", fmt.Sprintf("%s is %s, of which the network has no subnet", b.Prefix, f), "give the network such a subnet, or remove the block")
		return false
	case !in.Prefix.Contains(b.Prefix.Addr()) || b.Prefix.Bits() < in.Prefix.Bits():
		bad(Invalid, field+".cidr", fmt.Sprintf("%s is not inside the network's %s", b.Prefix, in.Prefix), "give a part of it")
		return false
	case b.Prefix.Bits() > least:
		bad(Invalid, field+".cidr", fmt.Sprintf("a /%d has no room for %d containers", b.Prefix.Bits(), s.ContainersPerNode), fmt.Sprintf("give a /%d, or lower spec.containersPerNode", least))
	case b.Prefix.Bits() > s.BlockBits(f):
		bad(Invalid, field+".cidr", fmt.Sprintf("a /%d is a part of one of the /%d that other nodes get", b.Prefix.Bits(), s.BlockBits(f)), fmt.Sprintf("give a /%d", s.BlockBits(f)))
	}
	return true
}

// pairBlocks checks that a node's two blocks have one gateway MAC.
func pairBlocks(blocks []BlockSpec, i, j int, bad Reporter) {
	a, b := &blocks[i], &blocks[j]
	if a.Node == "" || a.GatewayMAC == b.GatewayMAC || a.GatewayMAC.IsZero() || b.GatewayMAC.IsZero() {
		return
	}
	bad(Invalid, fmt.Sprintf("spec.blocks[%d].gatewayMAC", max(i, j)), fmt.Sprintf("node %q has one gateway, and its blocks give it two MACs", a.Node), "give both blocks the same, or leave it out in one of them")
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
