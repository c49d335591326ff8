package pipeline

import (
	"math/bits"
	"net/netip"
	"slices"

	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// addressParts returns the parts that are a rule's peers that are addresses: of what they
// send if the rule is about what arrives, else of what is sent to them.
func addressParts(r *model.PolicyRule, d model.PolicyDirection, families []topology.Family) (all []rulePart) {
	for _, peer := range r.Peers {
		if !peer.CIDR.IsValid() || !slices.Contains(families, model.FamilyOf(peer.CIDR.Addr())) {
			continue
		}
		for _, p := range without([]netip.Prefix{peer.CIDR}, peer.Except) {
			f := model.FamilyOf(p.Addr())
			m, is := openflow.Match(nil).EthType(ethTypes[f]), familyNames[f]+" source"
			if d == model.Egress {
				is = familyNames[f] + " destination"
			}
			switch in := d == model.Ingress; {
			case p.Bits() == 0:
				is = familyNames[f]
			case f == topology.IPv4 && in:
				m = m.IPv4Src(p)
			case f == topology.IPv4:
				m = m.IPv4Dst(p)
			case in:
				m = m.IPv6Src(p)
			default:
				m = m.IPv6Dst(p)
			}
			all = append(all, rulePart{m, is})
		}
	}
	return all
}

// without returns the fewest prefixes that have the addresses of prefixes but for
// exceptions.
func without(in, except []netip.Prefix) []netip.Prefix {
	for _, e := range except {
		var rest []netip.Prefix
		for _, p := range in {
			rest = cut(rest, p, e)
		}
		in = rest
	}
	return in
}

// cut appends what is left of a prefix without an exception.
func cut(out []netip.Prefix, p, e netip.Prefix) []netip.Prefix {
	switch {
	case !p.Overlaps(e):
		return append(out, p)
	case e.Bits() <= p.Bits():
		return out
	}
	low, high := halves(p)
	return cut(cut(out, low, e), high, e)
}

// Protocol numbers of IANA.
const (
	protoTCP  = 6
	protoUDP  = 17
	protoSCTP = 132
)

// portParts returns the parts that are a rule's protocols and ports. Fragments other than
// the first have no ports: they match a rule that allows some port of their protocol, since
// they are useless without the first, which is judged by its port. For IPv6 the protocol of
// such a fragment is unknown.
func portParts(r *policyRule, destinations func(model.PolicyPort) []namedPart, families []topology.Family) (all []rulePart) {
	for _, f := range families {
		over := " over " + familyNames[f]
		for _, p := range r.Ports {
			if p.Name != "" {
				for _, d := range destinations(p) {
					all = append(all, namedParts(r, p.Protocol, d, f)...)
				}
				continue
			}
			m := openflow.Match(nil).EthType(ethTypes[f])
			if !p.Protocol.HasPorts() {
				all = append(all, icmpParts(m, p, f)...)
				continue
			}
			number, set := transport(p.Protocol)
			protocol := Rule(p.Protocol)
			if p.Any {
				all = append(all, rulePart{m.IPProto(number), protocol + over})
			} else {
				for _, b := range portBlocks(p.First, p.Last) {
					is := protocol + " port" + over
					if b.mask != ^uint16(0) {
						is = protocol + " ports" + over
					}
					all = append(all, rulePart{set(slices.Clone(m.IPProto(number)), b.value, b.mask), is})
				}
			}
			switch later := openflow.Match(nil).EthType(ethTypes[f]).IPFragLater(); {
			case r.Action != model.ActionAllow:
			case f == topology.IPv6:
				all = append(all, rulePart{later.IPProto(protoFragment), "later fragments" + over})
			case !p.Any:
				all = append(all, rulePart{later.IPProto(number), "later fragments of " + protocol + over})
			}
		}
	}
	return all
}

// transport returns the number of a protocol with ports, and how its destination port is
// matched.
func transport(p model.PolicyProtocol) (number uint8, match func(openflow.Match, uint16, uint16) openflow.Match) {
	switch p {
	case model.ProtocolTCP:
		return protoTCP, openflow.Match.TCPDstMasked
	case model.ProtocolUDP:
		return protoUDP, openflow.Match.UDPDstMasked
	}
	return protoSCTP, openflow.Match.SCTPDstMasked
}

// icmpParts returns the part that is ICMP of a family: "icmp" without a type is both.
func icmpParts(m openflow.Match, p model.PolicyPort, f topology.Family) []rulePart {
	switch {
	case f == topology.IPv4 && p.Protocol == model.ProtocolICMP && p.Any:
		return []rulePart{{m.IPProto(protoICMP), "ICMP"}}
	case f == topology.IPv4 && p.Protocol == model.ProtocolICMP:
		return []rulePart{{m.IPProto(protoICMP).ICMPType(uint8(p.First)), "type of ICMP"}}
	case f == topology.IPv6 && p.Any:
		return []rulePart{{m.IPProto(protoICMPv6), "ICMPv6"}}
	case f == topology.IPv6 && p.Protocol == model.ProtocolICMPv6:
		return []rulePart{{m.IPProto(protoICMPv6).ICMPv6Type(uint8(p.First)), "type of ICMPv6"}}
	}
	return nil
}

// portBlock is ports that a value and mask match.
type portBlock struct{ value, mask uint16 }

// portBlocks returns the fewest blocks that have the ports first to last.
func portBlocks(first, last uint16) (all []portBlock) {
	for from, to := uint32(first), uint32(last); from <= to; {
		size := uint32(1) << 16
		if from != 0 {
			size = 1 << bits.TrailingZeros32(from)
		}
		for from+size-1 > to {
			size /= 2
		}
		all = append(all, portBlock{uint16(from), uint16(^(size - 1))})
		from += size
	}
	return all
}
