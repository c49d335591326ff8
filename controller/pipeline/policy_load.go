package pipeline

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// PolicyLoad is how many flows the rules of policies make on a node.
type PolicyLoad struct {
	Node string
	// Before and After the update.
	Before, After int
	// Alike is how many rules of one direction, tier and priority there are at most, after
	// the update, that only allow.
	Alike int
}

const (
	// maxSharing is how many rules may share a flow. Each takes 16 bytes of its message, whose
	// length has 16 bits (OpenFlow 1.3.5, A.1).
	maxSharing = 4000
	// rulePlaces is how many priorities rules of equal priority may have that only allow.
	rulePlaces = 8
	// MaxAlike is how many rules of one direction, tier and priority a node can have that
	// only allow. It gets no more.
	MaxAlike = rulePlaces * maxSharing
)

// spread gives rules of equal priority that only allow places of their own, if they are more
// than may share a flow, and leaves out those of which there are too many. They are in order.
func (o *policies) spread() {
	o.alike = 0
	for t, rules := range o.rules {
		count := map[uint16]int{}
		o.rules[t] = slices.DeleteFunc(rules, func(r *policyRule) bool {
			if r.policy.Spec.Mixed(t.direction) {
				return false
			}
			n := count[r.priority]
			count[r.priority]++
			o.alike = max(o.alike, n+1)
			r.priority -= uint16(min(n/maxSharing, rulePlaces-1))
			return n >= MaxAlike
		})
	}
}

// PolicyLoads returns the nodes on which flows of policies may differ between two views,
// by name. The cost follows these nodes; those that are alike are counted once.
func PolicyLoads(before, after *View, u Update) (all []PolicyLoad) {
	nodes := map[string]bool{}
	Affected(before, after, u, func(node string, unit Unit) {
		if unit.Kind == UnitPolicies {
			nodes[node] = true
		}
	})
	was, is := newPolicyCount(before), newPolicyCount(after)
	for _, node := range slices.Sorted(maps.Keys(nodes)) {
		a, b := was.on(node), is.on(node)
		all = append(all, PolicyLoad{Node: node, Before: a.flows, After: b.flows, Alike: b.alike})
	}
	return all
}

// policyCount counts flows of policies in a view.
type policyCount struct {
	view     *View
	compiler Compiler
	set      ItemSet
	// known are the counts by what a node's policies depend on.
	known map[string]counted
}

type counted struct{ flows, alike int }

func newPolicyCount(v *View) *policyCount { return &policyCount{view: v, known: map[string]counted{}} }

func (c *policyCount) on(node string) counted {
	if !c.view.PolicedNode(node) {
		return counted{}
	}
	key := c.view.policiesKey(node)
	n, ok := c.known[key]
	if !ok {
		c.set.ResetBare(0)
		c.compiler.Compile(&c.set, c.view, node, policiesOf(node))
		n.flows = c.set.Count().Flows()
		n.alike = c.view.policiesOn(node).alike
		c.known[key] = n
	}
	return n
}

// policiesKey is equal for nodes that have the same flows of policies.
func (v *View) policiesKey(node string) string {
	var b strings.Builder
	here := v.identitiesOn(node)
	fmt.Fprint(&b, len(v.familiesAt(node)))
	for _, d := range slices.Sorted(maps.Keys(here)) {
		b.WriteString(" " + d)
		for _, i := range here[d] {
			fmt.Fprintf(&b, " %d", i.Index)
		}
	}
	return b.String()
}

// RuleLoad is how many flows a rule of a policy makes on a node, with those that it shares
// with other rules.
type RuleLoad struct {
	Policy    *topology.Policy
	Direction model.PolicyDirection
	// Index is the place of the rule among those of the direction, from 0.
	Index int
	Flows int
}

func (l RuleLoad) sameRule(o RuleLoad) bool {
	return l.Policy == o.Policy && l.Direction == o.Direction && l.Index == o.Index
}

// RuleLoads returns the rules that make flows on a node, the one with the most first.
func (v *View) RuleLoads(node string) (all []RuleLoad) {
	p := v.policiesOn(node)
	for _, t := range slices.Concat(policyTables(), shadowTables()) {
		for _, r := range p.rules[t] {
			one := &policies{families: p.families, rules: map[policyTable][]*policyRule{t: {r}}, view: v, node: node}
			l := RuleLoad{r.policy, t.direction, r.index, v.flowsOf(node, one)}
			if i := slices.IndexFunc(all, l.sameRule); i >= 0 {
				all[i].Flows += l.Flows
			} else {
				all = append(all, l)
			}
		}
	}
	slices.SortFunc(all, func(a, b RuleLoad) int {
		return cmp.Or(cmp.Compare(b.Flows, a.Flows), cmp.Compare(a.Policy.Name, b.Policy.Name), cmp.Compare(a.Direction, b.Direction), cmp.Compare(a.Index, b.Index))
	})
	return all
}

// flowsOf returns how many flows policies make on a node.
func (v *View) flowsOf(node string, p *policies) int {
	var set ItemSet
	set.ResetBare(0)
	c := Compiler{out: &set, view: v, node: node, unit: policiesOf(node)}
	for _, s := range c.stagesOf(UnitPolicies) {
		c.at = s.ID
		s.policy(&c, p)
	}
	return set.Count().Flows()
}

// Under returns the view of another topology in which ports, tunnels and addresses are
// where they are in v. It is made anew; Next is much cheaper.
func (v *View) Under(topo *topology.Snapshot) *View {
	u := Update{}
	v.tunnels.Scan(func(node string, n openflow.PortNo) bool {
		u.Tunnels = append(u.Tunnels, TunnelChange{Node: node, After: n})
		return true
	})
	for node := range topo.Nodes() {
		u.Locals = append(u.Locals, LocalChange{Node: node.Name, After: v.Local(node.Name)})
	}
	v.places.Scan(func(port string, p Place) bool {
		if _, ok := topo.Port(port); ok {
			u.Places = append(u.Places, PlaceChange{Port: port, After: p})
		}
		return true
	})
	return NewView(topo).Next(u)
}
