package pipeline

import (
	"cmp"
	"maps"
	"slices"

	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// destination is a port of the node that policies judge, and what it calls its ports.
type destination struct {
	number openflow.PortNo
	names  map[string]model.PolicyPort
}

// destinationsOn returns the ports of a node with interfaces, by their identities and
// numbers, in domains with policies.
func (v *View) destinationsOn(node string) map[uint32][]destination {
	all := map[uint32][]destination{}
	for p := range v.PortsOn(node) {
		if place := v.Place(p.Name); place.Node == node && place.OFPort != 0 && v.Policed(v.domainOf(p.Spec.Network)) {
			i, _ := v.identityOf(p)
			all[i] = append(all[i], destination{place.OFPort, p.Spec.NamedPorts})
		}
	}
	for _, same := range all {
		slices.SortFunc(same, func(a, b destination) int { return cmp.Compare(a.number, b.number) })
	}
	return all
}

// namedPart is what a named port is at some destinations: at those of an identity, if all
// of them agree, or at one port.
type namedPart struct {
	reg    int
	value  uint32
	number uint16
	is     Rule
}

// named returns what finds out what a named port of a rule is at the destinations that the
// rule may be about: the number of each is its own.
func (o *policies) named(r *policyRule, d model.PolicyDirection) func(model.PolicyPort) []namedPart {
	return func(p model.PolicyPort) (all []namedPart) {
		if o.destinations == nil {
			o.destinations = o.view.destinationsOn(o.node)
		}
		for _, identity := range slices.Sorted(maps.Keys(o.destinations)) {
			if !r.mayReach(identity, d) {
				continue
			}
			same := o.destinations[identity]
			if n := same[0].number16(p); identity != 0 && !slices.ContainsFunc(same, func(d destination) bool { return d.number16(p) != n }) {
				if n != 0 {
					all = append(all, namedPart{regDestination, identity, n, "of destinations of an identity"})
				}
				continue
			}
			for _, one := range same {
				if n := one.number16(p); n != 0 {
					all = append(all, namedPart{regOutPort, uint32(one.number), n, "of one destination"})
				}
			}
		}
		return all
	}
}

// number16 is the number of a named port at the destination, 0 if it has none.
func (d destination) number16(p model.PolicyPort) uint16 {
	if is := d.names[p.Name]; is.Protocol == p.Protocol {
		return is.First
	}
	return 0
}

// mayReach reports whether the rule may be about packets for ports with an identity.
func (r *policyRule) mayReach(identity uint32, d model.PolicyDirection) bool {
	if d == model.Ingress {
		return slices.Contains(r.subjects, identity)
	}
	return r.anybody || slices.Contains(r.peers, identity) || slices.ContainsFunc(r.Peers, func(p model.PolicyPeer) bool { return p.CIDR.IsValid() })
}

// namedParts returns the parts that are a named port at some destinations, by a family.
func namedParts(r *policyRule, protocol model.PolicyProtocol, at namedPart, f topology.Family) []rulePart {
	number, set := transport(protocol)
	m := func() openflow.Match { return openflow.Match(nil).EthType(ethTypes[f]) }
	over := " over " + familyNames[f] + " " + at.is
	parts := []rulePart{{set(m().IPProto(number), at.number, ^uint16(0)).Reg(at.reg, at.value), Rule(protocol) + " port by name" + over}}
	if r.Action != model.ActionAllow {
		return parts
	}
	if f == topology.IPv6 {
		number = protoFragment
	}
	return append(parts, rulePart{m().IPFragLater().IPProto(number).Reg(at.reg, at.value), "later fragments" + over})
}
