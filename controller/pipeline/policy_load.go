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

// PolicyCounts counts flows of policies. It remembers what it has counted, so that the cost
// follows what differs since then. The zero PolicyCounts is ready to use, by one goroutine at a
// time.
type PolicyCounts struct {
	compiler Compiler
	set      ItemSet
	// known are the newest counts, by what a node's policies depend on besides policies.
	known map[string]*policyCount
	calls int
}

// policyCount is how many flows policies make on some nodes in a view.
type policyCount struct {
	view         *View
	flows, alike int
	used         int // the call that last used it
}

// countsKept is for how many calls a count is kept that none of them uses.
const countsKept = 64

// Loads returns the nodes on which flows of policies may differ between two views, by name.
// The cost follows these nodes; those that are alike are counted once.
func (c *PolicyCounts) Loads(before, after *View, u Update) (all []PolicyLoad) {
	nodes := map[string]bool{}
	Affected(before, after, u, func(node string, unit Unit) {
		if unit.Kind == UnitPolicies {
			nodes[node] = true
		}
	})
	c.calls++
	for _, node := range slices.Sorted(maps.Keys(nodes)) {
		all = append(all, PolicyLoad{Node: node})
	}
	// Each view as a whole, since nodes that are alike share a count.
	for i := range all {
		all[i].Before = c.on(before, all[i].Node).flows
	}
	for i := range all {
		n := c.on(after, all[i].Node)
		all[i].After, all[i].Alike = n.flows, n.alike
	}
	maps.DeleteFunc(c.known, func(_ string, n *policyCount) bool { return c.calls-n.used >= countsKept })
	return all
}

// on counts the flows of policies on a node in a view.
func (c *PolicyCounts) on(v *View, node string) policyCount {
	if !v.PolicedNode(node) {
		return policyCount{}
	}
	key := v.policiesKey(node)
	n, ok := c.known[key]
	if !ok {
		if c.known == nil {
			c.known = map[string]*policyCount{}
		}
		n = &policyCount{}
		c.known[key] = n
	}
	if n.view != v {
		*n = c.since(*n, v, node)
	}
	n.used = c.calls
	return *n
}

// since returns the count in a view from that in another one, or counts anew.
func (c *PolicyCounts) since(n policyCount, v *View, node string) policyCount {
	if n.view != nil {
		if was, is, ok := changedPolicies(n.view, v, node); ok {
			return policyCount{view: v, flows: n.flows + c.count(is) - c.count(was), alike: is.alike}
		}
	}
	all := v.policiesOn(node)
	return policyCount{view: v, flows: c.count(all), alike: all.alike}
}

// count returns how many flows policies make.
func (c *PolicyCounts) count(p *policies) int {
	c.set.ResetBare(0)
	c.compiler.compilePolicies(&c.set, p)
	return c.set.Count().Flows()
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
	var counts PolicyCounts
	p := v.policiesOn(node)
	for _, t := range slices.Concat(policyTables(), shadowTables()) {
		for _, r := range p.rules[t] {
			one := &policies{families: p.families, rules: map[policyTable][]*policyRule{t: {r}}, view: v, node: node}
			l := RuleLoad{r.policy, t.direction, r.index, counts.count(one)}
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

// Under returns the view of another topology in which ports, tunnels and addresses are
// where they are in v. It is made anew; Next is much cheaper.
func (v *View) Under(topo *topology.Snapshot) *View {
	u := Update{}
	v.tunnels.Scan(func(node string, n openflow.PortNo) bool {
		u.Tunnels = append(u.Tunnels, TunnelChange{Node: node, After: n})
		return true
	})
	for node := range topo.Nodes() {
		u.Locals = append(u.Locals, LocalChange{Node: node.Name, After: v.Local(node.Name), UDP: v.TunnelUDP(node.Name)})
	}
	v.places.Scan(func(port string, p Place) bool {
		if _, ok := topo.Port(port); ok {
			u.Places = append(u.Places, PlaceChange{Port: port, After: p})
		}
		return true
	})
	return NewView(topo).Next(u)
}
