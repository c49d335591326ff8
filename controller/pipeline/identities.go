package pipeline

import (
	"iter"
	"slices"
	"strings"

	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// present is an identity of ports on a node.
type present struct {
	domain domain
	index  uint16
	ports  int
}

// countIdentities updates the identities that ports have on each node. v was made from
// before by the update, and still has the counts of before.
func (v *View) countIdentities(before *View, u Update) {
	if !topology.HasIdentities(before.Topo) && !topology.HasIdentities(v.Topo) {
		return
	}
	ports := portsIn(u.Changes)
	for _, p := range u.Places {
		ports[p.Port] = true
	}
	for _, p := range u.Identified {
		ports[p] = true
	}
	for p := range ports {
		v.countIdentity(before, p, -1)
		v.countIdentity(v, p, +1)
	}
}

// countIdentity adds d to the number of ports with the identity that a port has in a view,
// on the node that the view has it on.
func (v *View) countIdentity(in *View, port string, d int) {
	p, ok := in.Topo.Port(port)
	if !ok {
		return
	}
	i, ok := in.Topo.IdentityOf(port)
	node := in.Location(p)
	if !ok || node == "" {
		return
	}
	key := pairOf(node, i.Key())
	here, _ := v.identities.Get(key)
	if here.ports+d == 0 {
		v.identities.Delete(key)
		v.identityNodes.Delete(i.Key() + node)
		return
	}
	v.identities.Set(key, present{i.Domain, i.Index, here.ports + d})
	v.identityNodes.Set(i.Key()+node, node)
}

// hasIdentity reports whether a port on the node has the identity.
func (v *View) hasIdentity(node string, i *topology.Identity) bool {
	_, ok := v.identities.Get(pairOf(node, i.Key()))
	return ok
}

// nodesWith iterates over the nodes that have ports of an identity, each once.
func (v *View) nodesWith(i *topology.Identity) iter.Seq[string] {
	return func(yield func(string) bool) {
		v.identityNodes.Ascend(i.Key(), func(k, node string) bool { return strings.HasPrefix(k, i.Key()) && yield(node) })
	}
}

// identitiesOn returns the domains with policies of which the node has ports, each with the
// identities of these ports, by index.
func (v *View) identitiesOn(node string) map[domain][]*topology.Identity {
	here := map[domain][]*topology.Identity{}
	for n := range v.NetworksOn(node) {
		if d := v.domainOf(n); v.Policed(d) {
			here[d] = nil
		}
	}
	from := pairOf(node, "")
	v.identities.Ascend(from, func(k string, p present) bool {
		if !strings.HasPrefix(k, from) {
			return false
		}
		if i, ok := v.Topo.Identity(p.domain, p.index); ok {
			here[p.domain] = append(here[p.domain], i)
		}
		return true
	})
	return here
}

// nodesOfPolicy iterates over the nodes that have flows of a policy's rules of a direction
// for the ports of a domain; a node may occur more than once. Ingress is judged where the
// subjects are, egress where packets of the subjects may arrive.
func (v *View) nodesOfPolicy(k *topology.PolicyKeys, d model.PolicyDirection, in domain) iter.Seq[string] {
	if !k.Policy.Judges(d) {
		return func(func(string) bool) {}
	}
	selections := []string{k.Subject}
	if d == model.Egress {
		if reachesAddresses(&k.Policy.Spec) || k.Policy.Spec.Mode == model.ModeShadow {
			return v.membersOf(in)
		}
		selections = slices.Concat(k.Peers[d]...)
	}
	return func(yield func(string) bool) {
		for _, s := range selections {
			for i := range v.Topo.IdentitiesWith(s, in) {
				for node := range v.nodesWith(i) {
					if !yield(node) {
						return
					}
				}
			}
		}
	}
}

// reachesAddresses reports whether a policy decides about packets from its subjects to
// what none of its selections picks, or no longer picks: other ports, addresses outside, nodes.
func reachesAddresses(s *model.PolicySpec) bool {
	return s.IsolatesIn(model.Egress) || s.Keeps(model.Egress) || slices.ContainsFunc(s.Egress, func(r model.PolicyRule) bool {
		return len(r.Peers) == 0 || slices.ContainsFunc(r.Peers, func(p model.PolicyPeer) bool { return !p.IsSelection() })
	})
}
