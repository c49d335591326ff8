package pipeline

import (
	"encoding/binary"
	"math/bits"
	"net/netip"
	"slices"

	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// gateway selects packets that are addressed to a gateway.
type gateway struct {
	// address is the gateway's. If hostBits is set, only that many of its lowest bits are
	// compared: the gateway is in a block.
	address  netip.Addr
	hostBits int
	// place is what regGateway must hold; 0 allows anything.
	place uint32
	// echo and fragments are the rules of the flows that answer.
	echo, fragments Rule
}

// gatewayAt selects one address.
func gatewayAt(a netip.Addr) gateway {
	if a.Is4() {
		return gateway{address: a, echo: "answers pings of the gateway", fragments: "answers the later fragments of pings of the gateway"}
	}
	return gateway{address: a, echo: "answers IPv6 pings of the gateway", fragments: "answers the later fragments of IPv6 pings of the gateway"}
}

// gatewayAtLinkLocal selects the link-local address of a gateway.
func gatewayAtLinkLocal(mac topology.MAC) gateway {
	return gateway{address: model.LinkLocal(mac), echo: "answers pings of the gateway's link-local address",
		fragments: "answers the later fragments of pings of the gateway's link-local address"}
}

// gatewayPlace returns where in a block its gateway is, so that one flow serves all blocks
// that have the gateway at the same place. Few blocks differ in it.
//
// For IPv4 it is the host part of the address with a one above it, so that blocks of
// different sizes have different places. IPv6 addresses have too many bits for that: the
// place is the block's prefix length if the gateway has the first address, and else 0, for
// which blockGateways has a flow for the block.
func gatewayPlace(b topology.BlockRange) uint32 {
	if b.Prefix.Addr().Is4() {
		size := uint32(1) << (32 - b.Prefix.Bits())
		return size | number(b.Gateway)&(size-1)
	}
	if b.Gateway == model.FirstHost(b.Prefix) {
		return uint32(b.Prefix.Bits())
	}
	return 0
}

// gatewayOf selects the gateways of all blocks that have the same place, once the block's
// route is found. So one flow serves a thousand blocks.
func gatewayOf(b topology.BlockRange) gateway {
	place := gatewayPlace(b)
	if place == 0 {
		return gatewayAt(b.Gateway)
	}
	g := gateway{place: place, hostBits: b.Prefix.Addr().BitLen() - b.Prefix.Bits()}
	if b.Prefix.Addr().Is4() {
		var a [4]byte
		binary.BigEndian.PutUint32(a[:], place&^(1<<(bits.Len32(place)-1)))
		g.address = netip.AddrFrom4(a)
		g.echo, g.fragments = "answers pings of any block's gateway", "answers the later fragments of pings of any block's gateway"
	} else {
		g.address = netip.AddrFrom16([16]byte{15: 1})
		g.echo, g.fragments = "answers IPv6 pings of any block's gateway", "answers the later fragments of IPv6 pings of any block's gateway"
	}
	return g
}

// blockGateways returns the gateways of the blocks of a segmented network: one for those
// with the same place.
func blockGateways(n *topology.Network) []gateway {
	var all []gateway
	add := func(b topology.BlockRange) {
		if g := gatewayOf(b); !slices.Contains(all, g) {
			all = append(all, g)
		}
	}
	for _, f := range familiesOf(n) {
		s, _ := n.Spec.SubnetOf(f)
		usual := netip.PrefixFrom(s.Prefix.Addr(), n.Spec.BlockBits(f))
		add(topology.BlockRange{Prefix: usual, Gateway: model.FirstHost(usual)})
		for _, b := range n.Spec.Blocks {
			if b.Prefix.Addr().BitLen() != f.Bits() {
				continue
			}
			r := topology.BlockRange{Prefix: b.Prefix, Gateway: b.Gateway.Addr}
			if !r.Gateway.IsValid() {
				r.Gateway = model.FirstHost(b.Prefix)
			}
			add(r)
		}
	}
	return all
}

func number(a netip.Addr) uint32 {
	b := a.As4()
	return binary.BigEndian.Uint32(b[:])
}

// match appends the match of IP packets to the gateway.
func (g gateway) match(m openflow.Match) openflow.Match {
	switch {
	case g.hostBits == 0:
		return toPrefix(m, host(g.address))
	case g.address.Is4():
		return m.EthType(ethTypeIPv4).IPv4DstMasked(number(g.address), 1<<g.hostBits-1)
	}
	var mask [16]byte
	for i := 128 - g.hostBits; i < 128; i++ {
		mask[i/8] |= 1 << (7 - i%8)
	}
	return m.EthType(ethTypeIPv6).IPv6DstMasked(g.address, mask)
}
