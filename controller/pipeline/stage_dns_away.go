package pipeline

import (
	"iter"
	"net/netip"
	"slices"

	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// TableDNSAway translates DNS questions to an upstream server while sdnd is away.
const TableDNSAway openflow.TableID = 112

// Groups of routers, between those of affinity and those of routes: with the zone of the router
// times two, that which sends questions to an upstream server, and after it that which chooses
// between sdnd and the first.
const groupNames = 1<<31 | 1<<26

// markNames is the bit of ct_mark of connections that are questions to an upstream server in
// place of sdnd. Their record has the port that asked, and its MAC. They are in the zones of
// routers that packets leave.
const markNames = 1 << 6

// Parts of ct_label of such connections: bits of the port's number and of its MAC.
const (
	labelAsker    = 0
	labelAskerMAC = 32
	askerBits     = 16
	macBits       = 48
)

func dnsAwayStage() stage {
	return stage{
		Table: Table{TableDNSAway, "dns-away", "sdnd is away: DNS questions of ports → an upstream server", "network, router", "translated"},

		router: (*Compiler).awayRouter,
	}
}

// namesAway is a network whose questions go to an upstream server while sdnd is away.
type namesAway struct {
	network *topology.Network
	family  topology.Family
	server  netip.Addr
	// links are where ports of the network on the node are: the prefix and the gateway.
	links []Link
}

// namesAway iterates over the networks of a router, and families, whose questions leave by the
// uplink while sdnd is away: those of ports on the node, if an upstream server is outside.
func (c *Compiler) namesAway(e *egress) iter.Seq[namesAway] {
	return func(yield func(namesAway) bool) {
		for _, name := range e.router.Spec.Networks {
			n, ok := c.view.Topo.Network(name)
			if !ok || !n.Spec.DNS.Enabled || !c.view.HasPorts(name, c.node) {
				continue
			}
			for _, f := range model.Families() {
				server, ok := c.view.awayServer(e, n, f)
				if !ok {
					continue
				}
				a := namesAway{n, f, server, c.view.linksOf(n, c.node, f)}
				if len(a.links) > 0 && !yield(a) {
					return
				}
			}
		}
	}
}

// awayServer returns the first upstream server of a network that packets of a family can leave to.
func (v *View) awayServer(e *egress, n *topology.Network, f topology.Family) (netip.Addr, bool) {
	if !e.address[f].IsValid() {
		return netip.Addr{}, false
	}
	for _, s := range n.Spec.DNS.Upstream {
		if model.FamilyOf(s) == f && !v.shuts(e.router, s) {
			return s, true
		}
	}
	return netip.Addr{}, false
}

// shuts reports whether packets to an address do not leave a router: no packet may, or it is one
// of the router's networks.
func (v *View) shuts(r *topology.Router, a netip.Addr) bool {
	for _, s := range shut {
		if s.prefix.Contains(a) {
			return true
		}
	}
	return slices.ContainsFunc(r.Spec.Networks, func(name string) bool {
		n, ok := v.Topo.Network(name)
		return ok && slices.ContainsFunc(n.Spec.Subnets, func(s topology.Subnet) bool { return s.Prefix.Contains(a) })
	})
}

// linksOf returns the prefixes of a family with their gateways in which a network's ports on a
// node are.
func (v *View) linksOf(n *topology.Network, node string, f topology.Family) (all []Link) {
	if n.Spec.Mode == topology.Segmented {
		if b, ok := v.Topo.Block(n.Name, node); ok {
			if r, ok := b.Of(f); ok {
				all = append(all, Link{Prefix: r.Prefix, Gateway: r.Gateway, MAC: b.GatewayMAC})
			}
		}
		return all
	}
	for _, s := range n.Spec.Subnets {
		if model.FamilyOf(s.Prefix.Addr()) == f && s.Gateway.Addr.IsValid() {
			all = append(all, Link{Prefix: s.Prefix, Gateway: s.Gateway.Addr, MAC: n.GatewayMAC})
		}
	}
	return all
}

// answersAway reports whether the router's ports may have answers by an upstream server while
// sdnd is away.
func (v *View) answersAway(r *topology.Router) bool {
	return r != nil && r.Spec.Egress != nil && slices.ContainsFunc(r.Spec.Networks, func(name string) bool {
		n, ok := v.Topo.Network(name)
		return ok && n.Spec.DNS.Enabled && len(n.Spec.DNS.Upstream) > 0
	})
}

// dnsRouter has a group choose who answers: sdnd, or an upstream server while the switch has no
// connection to sdnd. What the group has for sdnd comes to this table again, with its router, so
// that the flow of its network sends it to sdnd.
func (c *Compiler) dnsRouter(e *egress) {
	away := groupNames | uint32(e.zone)<<1
	choose := away + 1
	found := false
	for a := range c.namesAway(e) {
		found = true
		c.match = c.match[:0].EthType(ethTypes[a.family]).IPProto(protoUDP).Metadata(metadata(a.network)).Reg(regRouter, 0)
		c.actions = c.actions[:0].SetReg(regRouter, e.router.ID).Group(choose)
		c.instr = c.instr[:0].ApplyActions(c.actions)
		c.emit(prioAway, rules{"has sdnd answer, or an upstream server while sdnd is away", "has sdnd answer by IPv6, or an upstream server while sdnd is away"}[a.family])
	}
	if !found {
		return
	}
	c.actions = c.actions[:0].Resubmit(openflow.PortInPort, TableDNSAway)
	c.emitGroup(openflow.Group{ID: away, Type: openflow.GroupTypeIndirect, Buckets: openflow.Buckets(nil).Add(openflow.Bucket{
		WatchPort: openflow.PortAny, WatchGroup: openflow.GroupAny, Actions: c.actions,
	})}, "sends DNS questions of the router's ports to an upstream server")
	g := openflow.Group{ID: choose, Type: openflow.GroupTypeFastFailover}
	c.actions = c.actions[:0].Resubmit(openflow.PortInPort, TableDNS)
	g.Buckets = g.Buckets.Add(openflow.Bucket{WatchPort: openflow.PortController, WatchGroup: openflow.GroupAny, Actions: c.actions})
	c.actions = c.actions[:0].Group(away)
	g.Buckets = g.Buckets.Add(openflow.Bucket{WatchPort: openflow.PortAny, WatchGroup: away, Actions: c.actions})
	c.emitGroup(g, "chooses who answers DNS questions: sdnd while the switch has a connection to it")
}

// prioAway is above the flow that sends questions to sdnd.
const prioAway = prioNormal + 10

// awayRouter translates a question: the server's address for the gateway's, and the router's for
// the port's. The record has the way back, so that the answer needs no look-up, and no policy
// judges it, as none judges sdnd's.
func (c *Compiler) awayRouter(e *egress) {
	for a := range c.namesAway(e) {
		c.actions = setDst(c.actions[:0], a.server).DecTTL().CT(openflow.CT{
			Commit: true, Zone: uint16(e.zone), Table: TableTranslated,
			NAT: &openflow.NAT{Direction: openflow.NATSource, First: e.address[a.family]},
			Exec: openflow.Actions(nil).
				Load(openflow.FieldCTMark, markNamesBit, 1, 1).
				Move(openflow.FieldInPort, openflow.FieldCTLabel, 0, labelAsker, askerBits).
				Move(openflow.FieldEthSrc, openflow.FieldCTLabel, 0, labelAskerMAC, macBits),
		})
		c.instr = c.instr[:0].ApplyActions(c.actions)
		for _, l := range a.links {
			c.match = fromPrefix(c.match[:0], l.Prefix).Metadata(metadata(a.network)).Reg(regRouter, e.router.ID)
			c.emit(prioNormal, rules{"sends questions to an upstream server", "sends questions by IPv6 to an upstream server"}[a.family])
		}
	}
}

// markNamesBit is the place of markNames.
const markNamesBit = 6

// returnedNames sends the answers of an upstream server to the ports that asked, in the name of
// their gateway.
func (c *Compiler) returnedNames(e *egress) {
	for a := range c.namesAway(e) {
		for _, l := range a.links {
			c.match = toPrefix(c.match[:0], l.Prefix).IPProto(protoUDP).CTState(replied, replied|openflow.CTStateInvalid).CTMarkMasked(markNames, markNames).Reg(regRouter, e.router.ID)
			c.actions = setSrc(c.actions[:0], l.Gateway).SetEthSrc(l.MAC).
				Move(openflow.FieldCTLabel, openflow.FieldEthDst, labelAskerMAC, 0, macBits).
				OutputReg(openflow.FieldCTLabel, labelAsker, askerBits)
			c.instr = c.instr[:0].ApplyActions(c.actions)
			c.emit(prioNames, rules{"sends the port what an upstream server answered while sdnd was away", "sends the port what an upstream server answered by IPv6 while sdnd was away"}[a.family])
		}
	}
}

// prioNames is above the flow that lets in all replies.
const prioNames = prioReply + 5

// setDst and setSrc append the action that sets an address.
func setDst(a openflow.Actions, to netip.Addr) openflow.Actions {
	if to.Is4() {
		return a.SetIPv4Dst(to)
	}
	return a.SetIPv6Dst(to)
}

func setSrc(a openflow.Actions, from netip.Addr) openflow.Actions {
	if from.Is4() {
		return a.SetIPv4Src(from)
	}
	return a.SetIPv6Src(from)
}

// fromPrefix appends the match of packets from a prefix.
func fromPrefix(m openflow.Match, p netip.Prefix) openflow.Match {
	if p.Addr().Is4() {
		return m.EthType(ethTypeIPv4).IPv4Src(p)
	}
	return m.EthType(ethTypeIPv6).IPv6Src(p)
}
