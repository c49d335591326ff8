package pipeline

import (
	"slices"

	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology/model"
)

// TableShadow is the first of the shadow tables: one for each direction and tier, as of
// TablePolicies. They judge what policies in shadow mode select as if these were in force,
// beside the policies that are. They only count, and no packet stays in them: inbound sends
// a packet through them and then to the policies that are in force.
const TableShadow openflow.TableID = 104

// Priorities of shadow mode, in inbound and in the shadow tables.
const (
	prioShadowIngress = 51
	prioShadowEgress  = 50
	// prioWouldIsolate is lower than prioIsolation: what is denied anyway is not counted.
	prioWouldIsolate = prioIsolation - 1
)

// shadowTables returns the shadow tables in the order in which they judge.
func shadowTables() []policyTable {
	all := policyTables()
	for i := range all {
		all[i].shadow = true
	}
	return all
}

// after returns the table that follows a shadow table in the order in which they judge; ok
// is false for the last.
func (t policyTable) after() (next openflow.TableID, ok bool) {
	return t.id() + 1, t != policyTable{model.Ingress, model.TierBaseline, true}
}

// inboundShadow sends packets of the ports that policies in shadow mode select through the
// shadow tables.
func (c *Compiler) inboundShadow(p *policies) {
	for _, i := range p.shadowed[model.Ingress] {
		c.match = c.match[:0].Reg(regDestination, i)
		c.shadow(prioShadowIngress, "of what is for an identity, first counts what policies in shadow mode would decide")
	}
	for _, i := range p.shadowed[model.Egress] {
		c.match = c.match[:0].Reg(regSource, i)
		c.shadow(prioShadowEgress, "of what an identity sends, first counts what policies in shadow mode would decide")
	}
}

func (c *Compiler) shadow(priority uint16, why Rule) {
	c.actions = c.actions[:0].Resubmit(openflow.PortInPort, TableShadow)
	c.instr = c.instr[:0].ApplyActions(c.actions).GotoTable(TablePolicies)
	c.emit(priority, why)
}

// shadowRules are the rules of a shadow table, and what it leaves to the next.
func (c *Compiler) shadowRules(t policyTable, p *policies) {
	for _, r := range p.rules[t] {
		c.shadowDecides(t, r)
	}
	c.emitClauses(p.clauses(t))
	subject, _ := t.ends()
	c.instr = c.instr[:0]
	for _, i := range p.isolated[t] {
		c.match = c.match[:0].Reg(subject, i)
		c.emit(prioIsolation, Rule("ends: a policy in force denies what no rule decides: "+string(t.direction)+" of an identity that the "+string(t.tier)+" tier isolates"))
	}
	for _, i := range p.wouldIsolate[t] {
		if !slices.Contains(p.isolated[t], i) {
			c.match = c.match[:0].Reg(subject, i)
			c.emit(prioWouldIsolate, Rule("counts what no rule decides: "+string(t.direction)+" of an identity that the "+string(t.tier)+" tier would isolate"))
		}
	}
	if next, ok := t.after(); ok && len(p.shadowed) > 0 {
		c.match = c.match[:0]
		c.instr = c.instr[:0].GotoTable(next)
		c.emit(prioDefault, Rule("leaves to the next tier what no rule of the "+string(t.tier)+" tier would decide: "+string(t.direction)))
	}
}

// shadowDecides counts what a rule would decide, and goes on where the packet would.
func (c *Compiler) shadowDecides(t policyTable, r *policyRule) {
	c.match = c.match[:0].ConjID(r.number)
	c.instr = c.instr[:0]
	what := "deny"
	switch r.Action {
	case model.ActionAllow:
		if what = "allow"; t.direction == model.Egress {
			c.instr = c.instr.GotoTable(policyTable{model.Ingress, model.TierAdmin, true}.id())
		}
	case model.ActionPass:
		what = "leave to the next tier"
		if next, ok := t.after(); ok {
			c.instr = c.instr.GotoTable(next)
		}
	}
	if r.policy.Spec.Mode == model.ModeShadow {
		c.emit(r.priority, Rule("counts the "+string(t.direction)+" that the rule would "+what))
		return
	}
	c.emit(r.priority, Rule("comes before rules in shadow mode: a rule in force would "+what+" this "+string(t.direction)))
}
