package pipeline

import (
	"iter"

	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// judges marks the policies of a node if a port that is there in a view is the first or
// the last of its identity there, or may have ports that rules name.
func (a *affected) judges(v *View, node, port string) {
	if a.before.Topo.PoliciesNamePorts() || a.after.Topo.PoliciesNamePorts() {
		a.mark(node, policiesOf(node))
		return
	}
	if i, ok := v.Topo.IdentityOf(port); ok && a.before.hasIdentity(node, i) != a.after.hasIdentity(node, i) {
		a.mark(node, policiesOf(node))
	}
}

// identified marks what depends on the identity of a port that stays where it is.
func (a *affected) identified(port string) {
	p, ok := a.after.Topo.Port(port)
	if !ok {
		return
	}
	if at := a.after.Location(p); at != "" {
		a.mark(at, Unit{Kind: UnitPort, Name: port})
		a.judges(a.before, at, port)
		a.judges(a.after, at, port)
	}
}

// policedNode marks the flows that a node has only while it has policies, if it gained its
// first or lost its last.
func (a *affected) policedNode(node string) {
	was, is := a.before.PolicedNode(node), a.after.PolicedNode(node)
	if was != is {
		a.mark(node, Unit{Kind: UnitNode, Name: node})
	}
	if was || is {
		a.mark(node, policiesOf(node))
	}
}

// policies marks what depends on identities and on their numbers.
func (a *affected) policies(u Update) {
	for _, name := range u.Identified {
		if !a.changed[name] {
			a.identified(name)
		}
	}
	seen := map[domain]bool{}
	for _, c := range u.Identities {
		a.identity(a.before, c.Before, seen)
		a.identity(a.after, c.After, seen)
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
				a.host(network, t.Node)
			}
		}
	}
}

// identity marks the nodes with policies that name an identity which appeared or
// disappeared, and the identity's domain unless it is in seen.
func (a *affected) identity(v *View, i *topology.Identity, seen map[domain]bool) {
	if i == nil {
		return
	}
	if !seen[i.Domain] {
		seen[i.Domain] = true
		a.domain(i.Domain)
	}
	for node := range v.nodesWith(i) {
		a.mark(node, policiesOf(node))
	}
	for _, s := range i.Selections {
		for k := range v.Topo.PoliciesWith(s) {
			if k.Subject == s {
				a.policiesOn(v.nodesOfPolicy(k, model.Egress, i.Domain))
			}
			if k.HasPeer(model.Ingress, s) {
				a.policiesOn(v.nodesOfPolicy(k, model.Ingress, i.Domain))
			}
		}
	}
}

// policiesOn marks the policies of some nodes.
func (a *affected) policiesOn(nodes iter.Seq[string]) {
	for node := range nodes {
		a.mark(node, policiesOf(node))
	}
}

// domain marks what the nodes of a domain have only while its ports have identities, if the
// first appeared or the last disappeared, and the ports that policies begin to judge.
func (a *affected) domain(d domain) {
	a.egress(d)
	if a.before.Policed(d) == a.after.Policed(d) {
		return
	}
	for _, v := range []*View{a.before, a.after} {
		for node := range v.membersOf(d) {
			a.policedNode(node)
			for network := range v.networksIn(d) {
				a.mark(node, Unit{Kind: UnitNetwork, Name: network})
				a.host(network, node)
			}
		}
	}
}

// numbered marks the networks of an object whose numbers changed.
func (a *affected) numbered(ref string) {
	for _, v := range []*View{a.before, a.after} {
		networks := v.networksIn(ref)
		if r, err := refOf(ref); err == nil && r.Kind == topology.KindNetwork {
			networks = func(yield func(string) bool) { yield(r.Name) }
		}
		for network := range networks {
			for node := range v.NodesOf(network) {
				a.mark(node, Unit{Kind: UnitNetwork, Name: network})
				a.host(network, node)
			}
		}
	}
}

func refOf(text string) (r topology.Ref, err error) {
	err = r.UnmarshalText([]byte(text))
	return r, err
}

// policy marks the nodes of a policy's subjects and, for what these send, all nodes where
// that may arrive.
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
	k, ok := v.Topo.PolicyKeys(p.Name)
	if !ok {
		return
	}
	if a.before.ingressOf(k.Subject) != a.after.ingressOf(k.Subject) {
		for port := range v.Topo.Selected(&p.Spec.Subject) {
			if at := v.Location(port); at != "" {
				a.mark(at, Unit{Kind: UnitPort, Name: port.Name})
			}
		}
	}
	for d := range v.Topo.DomainsWith(k.Subject) {
		for _, direction := range model.PolicyDirections() {
			a.policiesOn(v.nodesOfPolicy(k, direction, d))
		}
		a.egress(d)
	}
}

// egress marks the ports of a domain if policies begin to judge, or to reject, what they
// receive from each other, or no longer do.
func (a *affected) egress(d domain) {
	if a.before.sentIn(d) == a.after.sentIn(d) {
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
