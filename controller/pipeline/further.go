package pipeline

import (
	"net/netip"

	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
)

// further is a range of addresses that a port has beside its own, with their MAC.
type further struct {
	prefix netip.Prefix
	mac    topology.MAC
}

// furtherOf returns the further addresses of a port.
func furtherOf(p *topology.Port) (all []further) {
	for _, a := range p.Spec.Addresses {
		r, ok := a.Range()
		if !ok {
			continue
		}
		f := further{r, a.MAC}
		if f.mac.IsZero() {
			f.mac = p.MAC
		}
		all = append(all, f)
	}
	return all
}

// bareMACs returns the further MACs of a port that are declared without an address. The
// port uses them with its own addresses.
func bareMACs(p *topology.Port) (macs []topology.MAC) {
	for _, a := range p.Spec.Addresses {
		if _, ok := a.Range(); !ok {
			macs = append(macs, a.MAC)
		}
	}
	return macs
}

// classifyFurther lets a port send from its further addresses.
func (c *Compiler) classifyFurther(p *topology.Port, in openflow.PortNo) {
	for _, f := range furtherOf(p) {
		c.classifyRange(f.prefix, f.mac, in)
	}
	for _, mac := range bareMACs(p) {
		for _, a := range p.Addresses {
			c.classifyRange(host(a), mac, in)
		}
	}
}

func (c *Compiler) classifyRange(from netip.Prefix, mac topology.MAC, in openflow.PortNo) {
	c.match = c.match[:0].InPort(in).EthSrc(mac)
	if !from.Addr().Is4() {
		c.match = c.match.EthType(ethTypeIPv6).VLANUntagged().IPv6Src(from)
		c.emit(prioNormal, c.identify(topology.IPv6, furtherRule("takes IPv6 packets from the port, sent from further addresses of it", from)))
		return
	}
	c.match = c.match.EthType(ethTypeIPv4).VLANUntagged().IPv4Src(from)
	c.emit(prioNormal, c.identify(topology.IPv4, furtherRule("takes IP packets from the port, sent from further addresses of it", from)))
	c.match = c.match[:0].InPort(in).EthSrc(mac).EthType(ethTypeARP).VLANUntagged().ARPSpaPrefix(from).ARPSha(mac)
	c.instr = c.instr[:0].WriteMetadata(metadata(c.network), ^uint64(0)).GotoTable(c.next(TableARP))
	c.emit(prioNormal, furtherRule("takes ARP requests from the port, made with further addresses of it", from))
}

// furtherRule returns the rule of a flow for one address, or for a range.
func furtherRule(why Rule, of netip.Prefix) Rule {
	if of.IsSingleIP() {
		return why
	}
	return why + ", of a range"
}

// classifyAnything lets a port send from any address, in the families of its network.
func (c *Compiler) classifyAnything(in openflow.PortNo) {
	for _, f := range familiesOf(c.network) {
		c.match = c.match[:0].InPort(in).EthType(ethTypes[f]).VLANUntagged()
		c.emit(prioNormal, c.identify(f, rules{"takes IP packets from the port, whatever address they are sent from", "takes IPv6 packets from the port, whatever address they are sent from"}[f]))
		if f == topology.IPv4 {
			c.match = c.match[:0].InPort(in).EthType(ethTypeARP).VLANUntagged()
			c.instr = c.instr[:0].WriteMetadata(metadata(c.network), ^uint64(0)).GotoTable(c.next(TableARP))
			c.emit(prioNormal, "takes ARP requests from the port, whatever address they are made with")
		}
	}
}

// arpFurther answers ARP requests for further addresses of a port, as for its own.
func (c *Compiler) arpFurther(p *topology.Port) {
	for _, f := range furtherOf(p) {
		if !f.prefix.Addr().Is4() {
			continue
		}
		c.match = c.match[:0].EthType(ethTypeARP).ARPOp(arpRequest).ARPTpaPrefix(f.prefix).Metadata(metadata(c.network))
		c.actions = c.actions[:0].
			Move(openflow.FieldEthSrc, openflow.FieldEthDst, 0, 0, 48).
			SetEthSrc(f.mac).
			SetARPOp(arpReply).
			Move(openflow.FieldARPSha, openflow.FieldARPTha, 0, 0, 48).
			SetARPSha(f.mac).
			Push(openflow.FieldARPTpa, 0, 32).
			Move(openflow.FieldARPSpa, openflow.FieldARPTpa, 0, 0, 32).
			Pop(openflow.FieldARPSpa, 0, 32)
		c.instr = c.instr[:0].ApplyActions(c.toOthers(c.actions))
		c.emit(prioNormal, furtherRule(c.notItsOwn("answers ARP requests for further addresses of the port"), f.prefix))
	}
}

// ndFurther answers neighbour solicitations for further addresses of a port.
func (c *Compiler) ndFurther(p *topology.Port) {
	for _, f := range furtherOf(p) {
		if f.prefix.Addr().Is4() {
			continue
		}
		c.match = c.match[:0].EthType(ethTypeIPv6).IPProto(protoICMPv6).ICMPv6Type(neighbourAdvertisement).
			NDTarget(f.prefix).Metadata(metadata(c.network))
		c.actions = c.actions[:0].
			SetEthSrc(f.mac).
			Move(openflow.FieldNDTarget, openflow.FieldIPv6Src, 0, 0, 128).
			SetNDTLL(f.mac).
			SetNDReserved(ndSolicited | ndOverride)
		c.instr = c.instr[:0].ApplyActions(c.toOthers(c.actions))
		c.emit(prioNormal, furtherRule(c.notItsOwn("answers neighbour solicitations for further addresses of the port"), f.prefix))
	}
}

// routeFurther routes to further addresses of a port that are in no subnet of its network.
func (c *Compiler) routeFurther(p *topology.Port) {
	if !c.routed || c.network.Spec.Mode == topology.Segmented {
		return
	}
	for r := range c.network.Outside(p) {
		c.match = toPrefix(c.match[:0], r).Reg(regRouter, c.domain)
		c.instr = c.instr[:0].WriteMetadata(metadata(c.network), ^uint64(0)).GotoTable(c.next(TableGateway))
		c.emit(prioRoute+uint16(r.Bits()), familyRule("routes to further addresses of a port", r))
	}
}

// familyRule does what furtherRule does for rules that name the family as well.
func familyRule(why Rule, r netip.Prefix) Rule {
	if !r.Addr().Is4() {
		why += " by IPv6"
	}
	return furtherRule(why, r)
}

// neighbourFurther gives routed packets to further addresses of a port their Ethernet
// addresses.
func (c *Compiler) neighbourFurther(p *topology.Port, gatewayMAC topology.MAC) {
	for _, f := range furtherOf(p) {
		if f.prefix.Addr().IsLinkLocalUnicast() {
			continue
		}
		c.match = toPrefix(c.match[:0], f.prefix).Metadata(metadata(c.network))
		c.actions = c.actions[:0].SetEthSrc(gatewayMAC).SetEthDst(f.mac)
		c.instr = c.instr[:0].ApplyActions(c.actions).GotoTable(c.next(TableForward))
		c.emit(prioNormal, familyRule("addresses routed packets to further addresses of the port", f.prefix))
	}
}
