package policymodel

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"

	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// End is one end of a connection. Port is nil outside of the networks.
type End struct {
	Port *topology.Port
	Addr netip.Addr
}

// Verdict is the decision about a connection. By names the rule that decides, such as "policy/web
// ingress rule 1", or the isolation; "" if none does. For an allowed connection it is the one of
// the destination's side. A rejected connection gets an answer, a denied one does not.
type Verdict struct {
	Allowed  bool
	By       string
	Rejected bool
}

// Judge returns the verdict about opening a connection. what is its protocol with one destination
// port, or one type of ICMP.
func Judge(s *topology.Snapshot, from, to End, what model.PolicyPort) Verdict {
	if v := judge(s, model.Egress, from, to, what); !v.Allowed {
		return v
	}
	return judge(s, model.Ingress, to, from, what)
}

// judge returns the verdict of the policies of one end, the subject, about the other.
func judge(s *topology.Snapshot, d model.PolicyDirection, subject, other End, what model.PolicyPort) Verdict {
	policies := slices.DeleteFunc(slices.Collect(s.Policies()), func(p *topology.Policy) bool { return p.Spec.Mode == "shadow" || !picks(s, p.Spec.Subject, subject) })
	slices.SortStableFunc(policies, func(a, b *topology.Policy) int {
		return cmp.Or(a.Spec.Priority-b.Spec.Priority, allows(a.Spec.Rules(d))-allows(b.Spec.Rules(d)))
	})
tiers:
	for _, tier := range []model.PolicyTier{"admin", "application", "baseline"} {
		isolatedBy := ""
		for _, p := range policies {
			if p.Spec.Tier != tier {
				continue
			}
			for i, r := range p.Spec.Rules(d) {
				if !matches(s, r, other, map[model.PolicyDirection]End{"ingress": subject, "egress": other}[d], what) {
					continue
				}
				if r.Action == "pass" {
					continue tiers
				}
				return Verdict{r.Action == "allow", fmt.Sprintf("%s %s rule %d", p.Ref(), d, i+1), r.Action == "reject"}
			}
			if isolatedBy == "" && slices.Contains(p.Spec.Isolates, d) {
				isolatedBy = fmt.Sprintf("%s isolates %s", p.Ref(), d)
			}
		}
		if isolatedBy != "" {
			return Verdict{By: isolatedBy}
		}
	}
	return Verdict{Allowed: true}
}

// allows returns 1 if all rules allow, else 0.
func allows(rules []model.PolicyRule) int {
	if slices.ContainsFunc(rules, func(r model.PolicyRule) bool { return r.Action != "allow" }) {
		return 0
	}
	return 1
}

func matches(s *topology.Snapshot, r model.PolicyRule, other, to End, what model.PolicyPort) bool {
	return (len(r.Peers) == 0 || slices.ContainsFunc(r.Peers, func(p model.PolicyPeer) bool {
		if p.Node {
			return false // the ends of this model are ports
		}
		if p.CIDR.IsValid() {
			return p.CIDR.Contains(other.Addr) && !slices.ContainsFunc(p.Except, func(e netip.Prefix) bool { return e.Contains(other.Addr) })
		}
		return picks(s, p.PolicySelection, other)
	})) && (len(r.Ports) == 0 || slices.ContainsFunc(r.Ports, func(p model.PolicyPort) bool {
		if p.Name != "" {
			return to.Port != nil && to.Port.Spec.NamedPorts[p.Name] == what && what.Protocol == p.Protocol
		}
		bothFamilies := p.Any && p.Protocol == "icmp" && what.Protocol == "icmpv6"
		return bothFamilies || p.Protocol == what.Protocol && (p.Any || p.First <= what.First && what.First <= p.Last)
	}))
}

// picks reports whether a selection of ports includes an end.
func picks(s *topology.Snapshot, by model.PolicySelection, e End) bool {
	if e.Port == nil || by.Selector != nil && !by.Selector.Matches(e.Port.Labels) ||
		len(by.Networks) > 0 && !slices.Contains(by.Networks, e.Port.Spec.Network) {
		return false
	}
	g, ok := s.PortGroup(by.PortGroup)
	return !ok || slices.Contains(g.Spec.Ports, e.Port.Name) || g.Spec.Selector != nil && g.Spec.Selector.Matches(e.Port.Labels)
}
