package pipeline

import (
	"math/bits"

	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology/model"
)

// keptPolicy is a policy that keeps the connections that its rules have allowed, in a
// direction, as long as they are of its subjects.
type keptPolicy struct {
	// number is that of its rules in the direction, in the bits of rulesOfPolicy.
	number   uint32
	priority uint16
	subjects []uint32
}

// rulesOfPolicy are the bits of a rule's number that all rules of a policy have in common in
// a direction; see ruleNumber. An ingress rule that left a connection to later tiers is not
// among them: it has passedNumber.
const rulesOfPolicy = ^uint32(0x7f)

// label returns where the label of a connection has the number of the rule that allowed it in
// a direction.
func (t policyTable) label() int {
	if t.direction == model.Egress {
		return labelEgressRule
	}
	return labelIngressRule
}

// keepConnections allows packets of connections that rules of a policy have allowed, whether
// these rules still do or not. It comes before the rules of the policy, and after those of
// policies that are evaluated before it. The connection stays noted as it is.
func (c *Compiler) keepConnections(t policyTable, p *policies) {
	subject, _ := t.ends()
	for _, k := range p.kept[t] {
		for _, i := range k.subjects {
			c.match = c.match[:0].Reg(subject, i).CTState(established, established).CTMarkMasked(0, markDenied)
			c.match = ctLabel(c.match, k.number, rulesOfPolicy, t.label())
			c.actions = c.actions[:0].Move(openflow.FieldCTLabel, openflow.FieldReg(t.decider()), t.label(), 0, 32)
			if t.direction == model.Ingress {
				c.actions = c.actions.Load(openflow.FieldReg(regFlags), bits.TrailingZeros32(flagKept), 1, 1)
			}
			c.instr = c.instr[:0].ApplyActions(c.actions).GotoTable(t.afterDirection())
			c.emit(k.priority, Rule("keeps a connection that the policy has allowed: "+string(t.direction)))
		}
	}
}

// keepsEgress reports whether connections have to be noted as allowed by a rule for egress.
func (r *policyRule) keepsEgress(t policyTable) bool {
	return t.direction == model.Egress && !t.shadow && r.policy.Spec.OnChange == model.OnChangeKeep
}

// outboundKept passes replies of connections that ingress policies keep.
func (c *Compiler) outboundKept(p *policies) {
	for _, t := range model.PolicyTiers() {
		for _, k := range p.kept[policyTable{model.Ingress, t, false}] {
			for _, i := range k.subjects {
				c.match = ctLabel(c.match[:0].Reg(regSource, i).CTState(replied, replied).CTMarkMasked(0, markDenied), k.number, rulesOfPolicy, labelIngressRule)
				c.instr = c.instr[:0].GotoTable(c.next(TableBridge))
				c.emit(prioReplyKept, "passes replies of connections that the policy keeps")
			}
		}
	}
}

// keeps reports whether a policy keeps connections in a direction.
func (o *policies) keeps(d model.PolicyDirection) bool {
	for _, t := range model.PolicyTiers() {
		if len(o.kept[policyTable{d, t, false}]) > 0 {
			return true
		}
	}
	return false
}

// verdictKept leaves the record of a connection that is kept as it is, and notes that what
// leaves by an uplink, or is for a node itself, is of a policy that keeps its connections.
func (c *Compiler) verdictKept(p *policies) {
	if p.keeps(model.Ingress) {
		c.match = c.match[:0].RegMasked(regFlags, flagKept, flagKept|flagNote).CTState(established, established).CTMarkMasked(0, markDenied)
		c.deliver(prioKept, "delivers packets of a connection that a policy keeps")
	}
	if !p.keeps(model.Egress) {
		return
	}
	if c.uplinkedNode() {
		c.noteOnward(p, flagOutside, TableEgress, rules{"notes which rule lets a connection leave, and lets it leave", "notes which rule lets an IPv6 connection leave, and lets it leave"})
	}
	if c.view.HostNode(c.node) {
		c.noteOnward(p, flagHost, c.next(TableTunnel), rules{"notes which rule allows a connection with a node itself, and passes it", "notes which rule allows an IPv6 connection with a node itself, and passes it"})
	}
}

// noteOnward notes which rule allows connections of packets that are for no port and have a flag.
func (c *Compiler) noteOnward(p *policies, flag uint32, to openflow.TableID, why rules) {
	for _, f := range p.families {
		c.match = c.match[:0].EthType(ethTypes[f]).RegMasked(regFlags, flag|flagNote, flag|flagNote|flagDenied).CTState(established, established)
		c.actions = c.actions[:0].CT(c.recordRules())
		c.instr = c.instr[:0].ApplyActions(c.actions).GotoTable(to)
		c.emit(prioNoteOutside, why[f])
	}
}
