package pipeline

import (
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// judges marks the policies of a node where a port is or was: the port may be the first
// or the last of its identity there, or of its domain.
func (a *affected) judges(node string, p *topology.Port) {
	if a.before.Policed(a.before.domainOf(p.Spec.Network)) || a.after.Policed(a.after.domainOf(p.Spec.Network)) {
		a.mark(node, policiesOf(node))
	}
}

// policedNode marks what a node has because there are policies at all, if that differs.
func (a *affected) policedNode(node string) {
	was, is := a.before.PolicedNode(node), a.after.PolicedNode(node)
	if was != is {
		a.mark(node, Unit{Kind: UnitNode, Name: node})
	}
	if was || is {
		a.mark(node, policiesOf(node))
	}
}

// policies marks what identities and their numbers change.
func (a *affected) policies(u Update) {
	for _, name := range u.Identified {
		if p, ok := a.after.Topo.Port(name); ok && !a.changed[name] {
			if at := a.after.Location(p); at != "" {
				a.mark(at, Unit{Kind: UnitPort, Name: name})
				a.judges(at, p)
			}
		}
	}
	seen := map[domain]bool{}
	for _, c := range u.Identities {
		for _, i := range []*topology.Identity{c.Before, c.After} {
			if i != nil && !seen[i.Domain] {
				seen[i.Domain] = true
				a.domain(i.Domain)
			}
		}
	}
	for _, c := range u.Numberings {
		for _, n := range []*topology.Numbering{c.Before, c.After} {
			if n != nil {
				a.numbered(n.Of)
			}
		}
	}
	for _, t := range u.Tunnels {
		for network := range a.after.NetworksOn(t.Node) {
			if a.after.Policed(a.after.domainOf(network)) {
				a.mark(t.Node, Unit{Kind: UnitNetwork, Name: network})
			}
		}
	}
}

// domain marks the policies of a domain on all of its nodes. If it has come to have
// identities, or lost the last one, its networks have other flows too.
func (a *affected) domain(d domain) {
	policed := a.before.Policed(d) != a.after.Policed(d)
	a.egress(d)
	for _, v := range []*View{a.before, a.after} {
		for node := range v.membersOf(d) {
			a.mark(node, policiesOf(node))
			if policed {
				a.policedNode(node)
				for network := range v.networksIn(d) {
					a.mark(node, Unit{Kind: UnitNetwork, Name: network})
				}
			}
		}
	}
}

// numbered marks the networks of what has other numbers.
func (a *affected) numbered(ref string) {
	for _, v := range []*View{a.before, a.after} {
		networks := v.networksIn(ref)
		if r, err := refOf(ref); err == nil && r.Kind == topology.KindNetwork {
			networks = func(yield func(string) bool) { yield(r.Name) }
		}
		for network := range networks {
			for node := range v.NodesOf(network) {
				a.mark(node, Unit{Kind: UnitNetwork, Name: network})
			}
		}
	}
}

func refOf(text string) (r topology.Ref, err error) {
	err = r.UnmarshalText([]byte(text))
	return r, err
}

// policy: where its subjects are, and for what they send, wherever that may arrive.
func (a *affected) policy(c topology.Change) {
	was, _ := c.Before.(*topology.Policy)
	is, _ := c.After.(*topology.Policy)
	if was != nil && is != nil && was.ID == is.ID && samePolicy(was.Spec, is.Spec) {
		return
	}
	a.policyOf(a.before, was)
	a.policyOf(a.after, is)
}

// samePolicy reports whether two specs make the same flows.
func samePolicy(x, y model.PolicySpec) bool { return topology.SameSpec(x, y) }

func (a *affected) policyOf(v *View, p *topology.Policy) {
	if p == nil {
		return
	}
	for port := range v.Topo.Selected(&p.Spec.Subject) {
		if at := v.Location(port); at != "" {
			a.mark(at, Unit{Kind: UnitPort, Name: port.Name})
			a.mark(at, policiesOf(at))
		}
	}
	if !p.Judges(model.Egress) {
		return
	}
	for d := range v.Topo.DomainsWith(p.Spec.Subject.Key()) {
		for node := range v.membersOf(d) {
			a.mark(node, policiesOf(node))
		}
		a.egress(d)
	}
}

// egress marks the ports of a domain if policies come to judge what they receive from
// each other, or cease to.
func (a *affected) egress(d domain) {
	if egressPoliced(a.before, d) == egressPoliced(a.after, d) {
		return
	}
	for network := range a.after.networksIn(d) {
		for port := range a.after.Topo.PortsOfNetwork(network) {
			if at := a.after.Location(port); at != "" {
				a.mark(at, Unit{Kind: UnitPort, Name: port.Name})
			}
		}
	}
}

// egressPoliced reports whether policies judge what ports of a domain send.
func egressPoliced(v *View, d domain) bool {
	for range v.Topo.EgressPolicies(d) {
		return true
	}
	return false
}
