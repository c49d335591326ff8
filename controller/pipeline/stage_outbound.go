package pipeline

import (
	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// TableOutbound looks at the connection of what a port sends that policies judge: a reply
// passes as long as what it replies to is allowed, and a new connection is noted, so that
// the replies to it will be known.
const TableOutbound openflow.TableID = 21

// Priorities in outbound and inbound.
const (
	// prioAnswerOutside is higher than prioAnswer and prioOutside.
	prioAnswerOutside = 171
	prioAnswer        = 170
	prioReplyOfRule   = 160
	prioReplyKept     = 158
	prioReplyTCP      = 157
	prioReplyUnruled  = 155
	prioReply         = 150
	prioRelated       = 145
	prioDenied        = 140
	prioNew           = 100
)

func outboundStage() stage {
	return stage{
		Table:  Table{TableOutbound, "outbound", "state of the connection of what a port sends", "ct_state, ct_mark, ct_label, source identity", "bridge; a reply to what is denied: dropped"},
		entry:  (*Compiler).policedNode,
		node:   (*Compiler).outboundNode,
		policy: (*Compiler).outboundPolicy,
	}
}

func (c *Compiler) outboundNode() {
	if !c.view.PolicedNode(c.node) {
		return
	}
	c.match = c.match[:0].CTState(replied, replied).CTMarkMasked(0, markDenied)
	c.instr = c.instr[:0].GotoTable(c.next(TableBridge))
	c.emit(prioReply, "passes replies of connections that are not denied")
	for _, f := range c.view.familiesAt(c.node) {
		// If these waited for a rule, a client that only receives would have nothing to
		// acknowledge, would send nothing that could be judged, and would wait forever.
		c.match = c.match[:0].EthType(ethTypes[f]).IPProto(protoTCP).CTState(replied, replied).CTMarkMasked(0, markDenied)
		c.emit(prioReplyTCP, rules{"passes replies of TCP until the client's next segment is denied", "passes replies of TCP over IPv6 until the client's next segment is denied"}[f])
	}
	if c.view.HostNode(c.node) {
		c.match = ctLabel(c.match[:0].CTState(replied, replied).CTMarkMasked(0, markDenied), hostRule, wholeNumber, labelIngressRule)
		c.emit(prioReplyOfRule, "passes replies of connections that the node itself began")
	}
	c.match = c.match[:0].CTState(related, related).CTMarkMasked(0, markDenied)
	c.emit(prioRelated, "passes errors about connections that are not denied")
	c.match = c.match[:0].CTState(replied, replied)
	c.instr = c.instr[:0]
	c.emit(prioDenied, "drops replies of connections that a policy denies")
	c.actions = c.actions[:0].CT(openflow.CT{Commit: true, ZoneField: openflow.FieldReg(regZone)})
	c.instr = c.instr[:0].ApplyActions(c.actions).GotoTable(c.next(TableBridge))
	for _, f := range c.view.familiesAt(c.node) {
		c.outboundTCP(f)
		for _, p := range trackedWithout[f] {
			c.match = c.match[:0].EthType(ethTypes[f]).IPProto(p.number).CTState(begun, begun)
			c.emit(prioNew, "notes what the port begins by "+p.name)
		}
	}
	c.match = c.match[:0]
	c.instr = c.instr[:0].GotoTable(c.next(TableBridge))
	c.emit(prioDefault, "passes packets of a connection that the port began")
}

// outboundTCP notes connections of TCP that the port begins: its first segment says so.
// A segment from the middle of one tells no direction. It is taken as its beginning only
// if it is from a port of the range that clients use to one of a server, so that a policy
// which comes to judge a client does not cut what the client has begun.
func (c *Compiler) outboundTCP(f topology.Family) {
	tcp := func() openflow.Match { return c.match[:0].EthType(ethTypes[f]).IPProto(protoTCP) }
	c.match = tcp().TCPFlags(openflow.TCPFlagSYN, openflow.TCPFlagSYN|openflow.TCPFlagACK).CTState(begun, begun)
	c.emit(prioNew, rules{"notes a connection of TCP that the port begins", "notes a connection of TCP over IPv6 that the port begins"}[f])
	c.match = tcp().TCPSrcMasked(clientPorts, clientPorts).TCPDstMasked(0, clientPorts).CTState(begun, begun)
	c.emit(prioNew, rules{"notes a connection of TCP that the port had begun before it was judged", "notes a connection of TCP over IPv6 that the port had begun before it was judged"}[f])
}

// clientPorts is the bit that all ports have from which Linux and most others let
// clients connect (net.ipv4.ip_local_port_range, RFC 6335, 6), and few servers.
const clientPorts = 1 << 15

// trackedWithout are the protocols beside TCP of which connections are noted, by family.
// The connection tracker of Open vSwitch's own datapath knows no ports of others, SCTP
// among them: one association would let all else pass between two addresses. So of these
// every packet is judged by itself.
var trackedWithout = [...][]protocol{
	topology.IPv4: {{protoUDP, "UDP"}, {protoICMP, "ICMP"}},
	topology.IPv6: {{protoUDP, "UDP over IPv6"}, {protoICMPv6, "ICMPv6"}, {protoFragment, "later fragments of IPv6"}},
}

type protocol struct {
	number uint8
	name   Rule
}

// Bits of ct_state that flows match.
const (
	replied     = openflow.CTStateTracked | openflow.CTStateReply
	related     = openflow.CTStateTracked | openflow.CTStateRelated
	begun       = openflow.CTStateTracked | openflow.CTStateNew
	established = openflow.CTStateTracked | openflow.CTStateEstablished
	invalid     = openflow.CTStateTracked | openflow.CTStateInvalid
)

// outboundPolicy: replies of an isolated port by other protocols than TCP pass only while the
// rule that let their connection in is in force, or its policy keeps connections.
func (c *Compiler) outboundPolicy(p *policies) {
	c.outboundKept(p)
	isolated := map[uint32]bool{}
	for _, t := range model.PolicyTiers() {
		for _, r := range p.rules[policyTable{model.Ingress, t, false}] {
			if r.admits() {
				c.match = ctLabel(c.match[:0].CTState(replied, replied).CTMarkMasked(0, markDenied), r.noted(), wholeNumber, labelIngressRule)
				c.instr = c.instr[:0].GotoTable(c.next(TableBridge))
				c.emit(prioReplyOfRule, "passes replies of connections that the rule lets in")
			}
		}
		for _, i := range p.isolated[policyTable{model.Ingress, t, false}] {
			if isolated[i] {
				continue
			}
			isolated[i] = true
			c.match = c.match[:0].Reg(regSource, i).CTState(replied, replied)
			c.instr = c.instr[:0]
			c.emit(prioReplyUnruled, "drops replies of an isolated port on connections that no rule allows")
		}
	}
}

// wholeNumber selects all bits of a rule's number.
const wholeNumber = ^uint32(0)

// ctLabel appends the match of connections whose label has, at a bit, a rule's number in the
// bits that a mask selects.
func ctLabel(m openflow.Match, rule, mask uint32, bit int) openflow.Match {
	var v, selected [16]byte
	for i := range 4 {
		at := 15 - bit/8 - i
		v[at], selected[at] = byte(rule&mask>>(8*i)), byte(mask>>(8*i))
	}
	return m.CTLabelMasked(v, selected)
}
