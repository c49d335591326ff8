package pipeline

import (
	"encoding/binary"
	"maps"
	"slices"

	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// PolicyCounter is a flow of a node that counts packets about which a policy decides.
type PolicyCounter struct {
	Cookie    openflow.Cookie
	Table     openflow.TableID
	Direction model.PolicyDirection
	// Rule is the place of the rule among those of the direction, from 0; -1 for what no
	// rule decides and the tier denies, for any of its policies that isolate the subject.
	Rule int
	// Known says that the packets are of connections that the rule has let in before.
	// They are among those that the rule decides.
	Known bool
	// Kept says that the packets are of connections that the policy has let in, or out, and
	// keeps: its rules do not decide about them. Rule is -1.
	Kept bool
}

// NodesOfPolicy returns the nodes on which a policy has flows, by name.
func (v *View) NodesOfPolicy(policy string) []string {
	nodes := map[string]bool{}
	k, ok := v.Topo.PolicyKeys(policy)
	if !ok {
		return nil
	}
	for d := range v.Topo.DomainsWith(k.Subject) {
		for _, direction := range model.PolicyDirections() {
			for node := range v.nodesOfPolicy(k, direction, d) {
				nodes[node] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(nodes))
}

// PolicyCounters returns the flows of a node that count what a policy decides there.
func (v *View) PolicyCounters(node string, p *topology.Policy) (all []PolicyCounter) {
	if !v.PolicedNode(node) {
		return nil
	}
	var set ItemSet
	new(Compiler).Compile(&set, v, node, policiesOf(node))
	subjects := v.subjectsOn(node, p)
	tables := map[openflow.TableID]policyTable{}
	mine, isolation := policyTables(), uint16(prioIsolation)
	if p.Spec.Mode == model.ModeShadow {
		mine, isolation = shadowTables(), prioWouldIsolate
	}
	for _, t := range mine {
		tables[t.id()] = t
	}
	for _, i := range set.Items() {
		if i.Kind() != ItemFlow {
			continue
		}
		mod, err := openflow.DecodeFlowMod(set.Message(i))
		if err != nil {
			continue // not of a flow that the compiler makes
		}
		c := PolicyCounter{Cookie: i.Cookie(), Table: i.Table()}
		t, judges := tables[i.Table()]
		switch number, isolated := ruleOf(mod.Flow.Match), isolatedBy(t, mod.Flow.Match); {
		case judges && number>>8 == p.ID:
			c.Direction, c.Rule = t.direction, int(number&0x7f)
		case i.Table() == TableVerdict && number>>8 == p.ID:
			c.Direction, c.Rule, c.Known = model.Ingress, int(number&0x7f), true
		case judges && keptBy(t, mod.Flow.Match)>>8 == p.ID:
			c.Direction, c.Rule, c.Kept = t.direction, -1, true
		case judges && mod.Flow.Priority == isolation && t.tier == p.Spec.Tier && p.Spec.IsolatesIn(t.direction) && subjects[isolated]:
			c.Direction, c.Rule = t.direction, -1
		default:
			continue
		}
		all = append(all, c)
	}
	return all
}

// directionOf returns the direction of a rule by its number; see ruleNumber.
func directionOf(number uint32) model.PolicyDirection {
	if number&(1<<7) != 0 {
		return model.Egress
	}
	return model.Ingress
}

// ruleOf returns the number of the rule that a match is of as a whole: of a conjunction, or
// of the ingress rule that lets a connection in. It is 0 if there is none.
func ruleOf(m openflow.Match) uint32 {
	return max(register(m, openflow.FieldConjID), register(m, openflow.FieldReg(regIngressRule)))
}

// isolatedBy returns the identity that a match of an isolating flow is of.
func isolatedBy(t policyTable, m openflow.Match) uint32 {
	subject, _ := t.ends()
	return register(m, openflow.FieldReg(subject))
}

// keptBy returns the number of the policy's rules of which a match has kept connections, 0 if
// it is of none.
func keptBy(t policyTable, m openflow.Match) uint32 {
	for o := range m.All() {
		if at := 12 - t.label()/8; o.Field == openflow.FieldCTLabel && len(o.Value) == 16 {
			return binary.BigEndian.Uint32(o.Value[at:])
		}
	}
	return 0
}

// register returns the value of a field of 32 bits that a match has whole, else 0.
func register(m openflow.Match, f openflow.Field) uint32 {
	for o := range m.All() {
		if o.Field == f && o.Mask == nil && len(o.Value) == 4 {
			return binary.BigEndian.Uint32(o.Value)
		}
	}
	return 0
}

// subjectsOn returns the numbers of the identities that a policy has as subjects, in the
// domains that the node has ports of.
func (v *View) subjectsOn(node string, p *topology.Policy) map[uint32]bool {
	all := map[uint32]bool{}
	key := p.Spec.Subject.Key()
	for d := range v.identitiesOn(node) {
		n, ok := v.Topo.Numbering(d)
		if !ok {
			continue
		}
		for i := range v.Topo.IdentitiesWith(key, d) {
			all[identityNumber(n.Zone, i.Index)] = true
		}
	}
	return all
}

// FlowsOfPolicy returns how many flows a policy makes on a node, with those that it shares
// with other policies.
func (v *View) FlowsOfPolicy(node string, p *topology.Policy) int {
	all, subjects := v.policiesOn(node), v.subjectsOn(node, p)
	of := &policies{
		families: all.families, rules: map[policyTable][]*policyRule{}, isolated: map[policyTable][]uint32{}, wouldIsolate: map[policyTable][]uint32{},
		view: v, node: node, kept: map[policyTable][]keptPolicy{},
	}
	for _, t := range slices.Concat(policyTables(), shadowTables()) {
		if t.tier != p.Spec.Tier {
			continue
		}
		for _, r := range all.rules[t] {
			if r.policy.ID == p.ID {
				of.rules[t] = append(of.rules[t], r)
			}
		}
		for _, k := range all.kept[t] {
			if k.number>>8 == p.ID {
				of.kept[t] = append(of.kept[t], k)
			}
		}
		if p.Spec.IsolatesIn(t.direction) {
			isolated := func(all []uint32) []uint32 {
				return slices.DeleteFunc(all, func(i uint32) bool { return !subjects[i] })
			}
			if p.Spec.Mode == model.ModeShadow {
				of.wouldIsolate[t] = isolated(all.wouldIsolate[t])
			} else {
				of.isolated[t] = isolated(all.isolated[t])
			}
		}
	}
	if p.Spec.Mode == model.ModeShadow {
		of.shadowed = all.shadowed
	}
	return new(PolicyCounts).count(of)
}
