package pipeline

import (
	"cmp"
	"iter"
	"maps"
	"math/bits"
	"slices"

	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// TablePolicies is the first of the tables of policies: one for each direction and tier,
// in the order in which they judge.
const TablePolicies openflow.TableID = 83

// policyTables returns the directions and tiers in the order in which they judge.
func policyTables() (all []policyTable) {
	for _, d := range []model.PolicyDirection{model.Egress, model.Ingress} {
		for _, t := range model.PolicyTiers() {
			all = append(all, policyTable{d, t, false})
		}
	}
	return all
}

// id returns the number of a direction's and tier's table.
func (t policyTable) id() openflow.TableID {
	first, all := TablePolicies, policyTables()
	if t.shadow {
		first, all = TableShadow, shadowTables()
	}
	return first + openflow.TableID(slices.Index(all, t))
}

// afterDirection is where a packet goes on that is allowed in a direction.
func (t policyTable) afterDirection() openflow.TableID {
	if t.direction == model.Egress {
		return policyTable{model.Ingress, model.TierAdmin, false}.id()
	}
	return TableVerdict
}

// name is the table's name, such as ingress-application.
func (t policyTable) name() string {
	name := string(t.direction) + "-" + string(t.tier)
	if t.shadow {
		return "shadow-" + name
	}
	return name
}

// policyInput is what the tables of policies look at.
const policyInput = "identities of both ends, addresses, protocol and port, together by conjunction"

func policyStage(d model.PolicyDirection, tier model.PolicyTier) stage {
	t := policyTable{d, tier, false}
	purpose := map[model.PolicyDirection]string{model.Egress: "may the source send this?", model.Ingress: "may the destination get this?"}[d]
	return stage{
		Table:  Table{t.id(), t.name(), string(tier) + " tier: " + purpose, policyInput, "allowed: next direction; denied: verdict; undecided: next tier"},
		node:   func(c *Compiler) { c.policyDefault(t) },
		policy: func(c *Compiler, p *policies) { c.policyRules(t, p) },
	}
}

func shadowStage(d model.PolicyDirection, tier model.PolicyTier) stage {
	t := policyTable{d, tier, true}
	purpose := map[model.PolicyDirection]string{model.Egress: "could the source still send this?", model.Ingress: "could the destination still get this?"}[d]
	return stage{
		Table:  Table{t.id(), t.name(), string(tier) + " tier, with policies in shadow mode: " + purpose, policyInput, "counted; allowed: next direction; undecided: next tier"},
		policy: func(c *Compiler, p *policies) { c.shadowRules(t, p) },
	}
}

// policyDefault leaves to the next tier what this one does not decide.
func (c *Compiler) policyDefault(t policyTable) {
	if !c.view.PolicedNode(c.node) {
		return
	}
	c.match = c.match[:0]
	c.instr = c.instr[:0].GotoTable(t.id() + 1)
	c.emit(prioDefault, Rule("leaves to the next tier what no rule of the "+string(t.tier)+" tier decides: "+string(t.direction)))
}

// policyRules are the rules of a direction and tier. A rule is a conjunctive match: of
// its subjects, its peers if they matter, and its ports if they do. Rules share the flows
// of these: what a rule costs is the sum of its parts, not their product.
func (c *Compiler) policyRules(t policyTable, p *policies) {
	for _, r := range p.rules[t] {
		c.ruleDecides(t, r)
	}
	c.emitClauses(p.clauses(t))
	c.keepConnections(t, p)
	subject, _ := t.ends()
	for _, i := range p.isolated[t] {
		c.match = c.match[:0].Reg(subject, i)
		c.deny(t, defaultNumber(t))
		c.emit(prioIsolation, Rule("denies packets that no rule decides: "+string(t.direction)+" of an identity that the "+string(t.tier)+" tier isolates"))
	}
}

// ends returns the registers that have the identities of subjects and of peers.
func (t policyTable) ends() (subject, peer int) {
	if t.direction == model.Egress {
		return regSource, regDestination
	}
	return regDestination, regSource
}

// clauses returns the parts of the rules of a direction and tier.
func (p *policies) clauses(t policyTable) clauses {
	parts := clauses{}
	for _, r := range p.rules[t] {
		for k, all := range p.dimensions(t, r) {
			for _, one := range all {
				parts.add(r, one, k)
			}
		}
	}
	p.sharing.addTo(parts, t)
	return parts
}

// dimensions returns the parts of a rule: a packet that matches one of each dimension matches
// the rule.
func (p *policies) dimensions(t policyTable, r *policyRule) iter.Seq2[dimension, []rulePart] {
	subject, peer := t.ends()
	all := [][]rulePart{identityParts(subject, r.subjects)}
	if !r.anybody {
		all = append(all, append(identityParts(peer, r.peers), addressParts(r.PolicyRule, t.direction, p.families)...))
	}
	if len(r.Ports) > 0 {
		all = append(all, portParts(r, p.named(r, t.direction), p.families))
	}
	if len(all) == 1 {
		all = append(all, familyParts(p.families))
	}
	return func(yield func(dimension, []rulePart) bool) {
		for k, parts := range all {
			if !yield(dimension{uint8(k + 1), uint8(len(all))}, parts) {
				return
			}
		}
	}
}

// dimension is the k-th of n, from 1.
type dimension struct{ k, n uint8 }

// ruleDecides is what a rule does with packets that all of its parts match.
func (c *Compiler) ruleDecides(t policyTable, r *policyRule) {
	c.match = c.match[:0].ConjID(r.number)
	var why Rule
	switch r.Action {
	case model.ActionAllow:
		c.actions = c.actions[:0].SetReg(t.decider(), r.number)
		why = Rule("allows the " + string(t.direction) + " that the rule matches")
		if r.keepsEgress(t) {
			why = "allows the egress that the rule matches, and has the connection noted"
			c.actions = c.actions.Load(openflow.FieldReg(regFlags), bits.TrailingZeros32(flagNote), 1, 1)
		}
		c.instr = c.instr[:0].ApplyActions(c.actions).GotoTable(t.afterDirection())
	case model.ActionDeny:
		c.deny(t, r.number)
		why = "denies packets that the rule matches"
	case model.ActionReject:
		c.actions = c.actions[:0].Load(openflow.FieldReg(regFlags), bits.TrailingZeros32(flagDenied), 1, 1).Load(openflow.FieldReg(regFlags), bits.TrailingZeros32(flagRejected), 1, 1)
		c.instr = c.instr[:0].ApplyActions(c.actions).GotoTable(TableVerdict)
		why = "denies packets that the rule matches, and has it answered"
	case model.ActionPass:
		// What no further tier decides is let in by this rule.
		c.instr = c.instr[:0]
		if t.direction == model.Ingress {
			c.actions = c.actions[:0].SetReg(regIngressRule, r.noted())
			c.instr = c.instr.ApplyActions(c.actions)
		}
		c.instr = c.instr.GotoTable(t.id() + 1)
		why = Rule("leaves to the next tier the " + string(t.direction) + " that the rule matches")
	}
	c.emit(r.priority, why)
}

// deny makes the instructions of a flow that denies, and notes what denies.
func (c *Compiler) deny(t policyTable, number uint32) {
	c.actions = c.actions[:0].Load(openflow.FieldReg(regFlags), bits.TrailingZeros32(flagDenied), 1, 1).SetReg(t.decider(), number)
	c.instr = c.instr[:0].ApplyActions(c.actions).GotoTable(TableVerdict)
}

// decider returns the register that has the number of the rule that decides in the direction.
func (t policyTable) decider() int {
	if t.direction == model.Egress {
		return regEgressRule
	}
	return regIngressRule
}

// rulePart is a match that is one of the subjects, peers or ports of rules, and what it is.
type rulePart struct {
	match openflow.Match
	is    Rule
}

// clauses are flows that are parts of conjunctive matches, by priority and match.
type clauses map[clause]*shared

type clause struct {
	priority uint16
	match    string
}

// shared is what a part is, and of which rules.
type shared struct {
	is Rule
	of []conjunct
}

// conjunct is which part of which rule a clause is.
type conjunct struct {
	rule uint32
	dimension
}

func (cs clauses) add(r *policyRule, p rulePart, of dimension) {
	at := clause{r.priority, string(p.match)}
	if cs[at] == nil {
		cs[at] = &shared{is: p.is}
	}
	cs[at].of = append(cs[at].of, conjunct{r.number, of})
}

func (c *Compiler) emitClauses(cs clauses) {
	for _, at := range slices.SortedFunc(maps.Keys(cs), func(a, b clause) int {
		return cmp.Or(cmp.Compare(b.priority, a.priority), cmp.Compare(a.match, b.match))
	}) {
		all := cs[at].of
		slices.SortFunc(all, func(a, b conjunct) int { return cmp.Or(cmp.Compare(a.rule, b.rule), cmp.Compare(a.k, b.k)) })
		c.match = append(c.match[:0], at.match...)
		c.actions = c.actions[:0]
		for _, x := range slices.Compact(all) {
			c.actions = c.actions.Conjunction(x.rule, x.k, x.n)
		}
		c.instr = c.instr[:0].ApplyActions(c.actions)
		c.emit(at.priority, "is a part of rules: "+cs[at].is)
	}
}

// identityParts are identities of the source or the destination.
func identityParts(reg int, identities []uint32) (all []rulePart) {
	is := map[int]Rule{regSource: "the identity of the source", regDestination: "the identity of the destination"}[reg]
	for _, i := range identities {
		all = append(all, rulePart{openflow.Match(nil).Reg(reg, i), is})
	}
	return all
}

// familyParts are all packets of a family.
func familyParts(families []topology.Family) (all []rulePart) {
	for _, f := range families {
		all = append(all, rulePart{openflow.Match(nil).EthType(ethTypes[f]), familyNames[f]})
	}
	return all
}

// familyNames are the families in words.
var familyNames = rules{"IPv4", "IPv6"}
