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
	// address is that of the gateway; if it is in a block, of which it only has the
	// lowest bits, so many as hostBits says.
	address  netip.Addr
	hostBits int
	// place is what regGateway must hold; 0 allows anything.
	place uint32
	// echo and fragments say why the flows exist that answer.
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

// gatewayPlace says where in a block its gateway is, so that a flow is enough for
// all blocks that have it there. Few blocks differ in it.
//
// Of IPv4 it is the part of the address that counts the block's addresses, and above
// that a one, so that blocks of different sizes have different places. IPv6
// addresses have too many bits for that: there it is the block's prefix length, if
// the gateway has the first address, and else 0, for which blockGateways has a flow
// for the block.
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

// gatewayOf selects the gateway of any block in which it has the same place, once
// the block's route is found: so one flow is enough for a thousand blocks.
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

// blockGateways returns the gateways of the blocks of a segmented network, those that
// have the same place once.
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
