package policymodel

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"

	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// Draw returns a number from 0 to n-1, with n > 0: by rand.IntN of a seeded source, or by a
// generator of rapid, so that rapid can shrink failures.
type Draw func(n int) int

// Random generates policies about the objects of a snapshot.
type Random struct {
	draw     Draw
	labels   []model.Requirement // In, of one value
	groups   []string
	networks []string
	prefixes []netip.Prefix
	// mixed are the tiers, priorities and directions of policies whose rules do not all allow.
	// No other policy may have them.
	mixed map[[3]string]bool
}

// NewRandom returns a generator of policies that select the ports, port groups, networks and
// addresses of a snapshot, and occasionally ones that it does not have. It assumes that the
// snapshot's policies stay.
func NewRandom(draw Draw, s *topology.Snapshot) *Random {
	r := &Random{draw: draw, mixed: map[[3]string]bool{}, prefixes: []netip.Prefix{
		netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0"), netip.MustParsePrefix("203.0.113.0/24"), netip.MustParsePrefix("2001:db8::/32"),
	}}
	seen := map[string]bool{}
	for p := range s.Ports() {
		for _, k := range slices.Sorted(maps.Keys(p.Labels)) {
			if v := p.Labels[k]; !seen[k+"="+v] {
				seen[k+"="+v] = true
				r.labels = append(r.labels, model.Requirement{Key: k, Operator: model.SelectIn, Values: []string{v}})
			}
		}
		for _, a := range p.Addresses {
			r.prefixes = append(r.prefixes, netip.PrefixFrom(a, a.BitLen()))
		}
	}
	r.labels = append(r.labels, model.Requirement{Key: "no", Operator: model.SelectIn, Values: []string{"port"}})
	for g := range s.Objects(model.KindPortGroup) {
		r.groups = append(r.groups, g.Metadata().Name)
	}
	for n := range s.Networks() {
		r.networks = append(r.networks, n.Name)
		for _, sub := range n.Spec.Subnets {
			r.prefixes = append(r.prefixes, sub.Prefix)
		}
	}
	for p := range s.Policies() {
		r.take(&p.Spec)
	}
	return r
}

// Probes returns protocols with ports, and types of ICMP, that together cover the ports that
// Random names: within, at and beside the ends of its ranges.
func Probes() []model.PolicyPort {
	return ports("tcp/80", "tcp/81", "tcp/7999", "tcp/8000", "tcp/8007", "tcp/8010", "tcp/8011", "tcp/65535",
		"udp/53", "udp/80", "udp/5000", "udp/5010", "udp/5011", "sctp/3868", "sctp/3869", "icmp/8", "icmp/13", "icmpv6/128")
}

// choices returns the ports of rules to draw from.
func choices() []model.PolicyPort {
	return ports("tcp", "tcp/80", "tcp/8000-8010", "tcp/1-65535", "tcp/81-7999", "udp", "udp/53", "udp/5000-5010", "udp/80-65535",
		"sctp", "sctp/3868", "icmp", "icmp/8", "icmpv6", "icmpv6/128", "tcp/http", "udp/http")
}

func ports(texts ...string) []model.PolicyPort {
	all := make([]model.PolicyPort, len(texts))
	for i, t := range texts {
		if err := all[i].UnmarshalText([]byte(t)); err != nil {
			panic(err) // the texts above are valid
		}
	}
	return all
}

// Ops returns n policies with the names r1 to rn, to be put.
func (r *Random) Ops(n int) []topology.Op {
	ops := make([]topology.Op, n)
	for i := range ops {
		ops[i] = topology.Op{Verb: topology.Put, Ref: topology.Ref{Kind: model.KindPolicy, Name: fmt.Sprintf("r%d", i+1)}, Spec: r.Policy()}
	}
	return ops
}

// Policy returns a policy that Plan accepts beside those that it returned before.
func (r *Random) Policy() model.PolicySpec {
	s := model.PolicySpec{Tier: pick(r.draw, model.PolicyTiers()), Priority: []int{0, 499, 500, 501, 1000}[r.draw(5)], Subject: r.selection()}
	if r.one(4) {
		s.Subject = model.PolicySelection{Selector: &model.Selector{}}
	}
	s.Ingress, s.Egress = r.rules(s.Tier), r.rules(s.Tier)
	if r.one(6) {
		s.Mode = model.ModeShadow
	}
	if !r.one(3) { // else what is left out
		s.Isolates = []model.PolicyDirection{}
		for _, d := range model.PolicyDirections() {
			if r.one(2) {
				s.Isolates = append(s.Isolates, d)
			}
		}
	}
	if len(s.Ingress)+len(s.Egress)+len(s.Isolates) == 0 {
		s.Isolates = []model.PolicyDirection{pick(r.draw, model.PolicyDirections())}
	}
	for !r.take(&s) {
		s.Priority = r.draw(model.MaxPolicyPriority + 1)
	}
	if s.Priority%2 == 1 { // without a draw, so that seeds keep their meaning
		s.OnChange = model.OnChangeKeep
	}
	return s
}

// take records the tier, priority and direction of a policy. It records nothing and returns false
// if another policy prevents that.
func (r *Random) take(s *model.PolicySpec) bool {
	var places [][3]string
	for _, d := range model.PolicyDirections() {
		if allows(s.Rules(d)) != 1 {
			places = append(places, [3]string{string(s.Tier), fmt.Sprint(s.Priority), string(d)})
		}
	}
	for _, p := range places {
		if r.mixed[p] {
			return false
		}
	}
	for _, p := range places {
		r.mixed[p] = true
	}
	return true
}

// one returns true once in n times, on average.
func (r *Random) one(n int) bool { return r.draw(n) == 0 }

func pick[T any](draw Draw, all []T) T { return all[draw(len(all))] }

func (r *Random) rules(tier model.PolicyTier) []model.PolicyRule {
	actions := []model.PolicyAction{model.ActionAllow}
	if !r.one(2) {
		actions = append(actions, model.ActionDeny, model.ActionPass, model.ActionReject)
	}
	if tier == model.TierBaseline {
		actions = slices.DeleteFunc(actions, func(a model.PolicyAction) bool { return a == model.ActionPass })
	}
	rules := make([]model.PolicyRule, r.draw(4))
	for i := range rules {
		rules[i].Action = pick(r.draw, actions)
		for range r.draw(3) {
			rules[i].Peers = append(rules[i].Peers, r.peer())
		}
		for range r.draw(3) {
			if p := pick(r.draw, choices()); !slices.Contains(rules[i].Ports, p) {
				rules[i].Ports = append(rules[i].Ports, p)
			}
		}
	}
	return rules
}

func (r *Random) peer() model.PolicyPeer {
	if !r.one(3) {
		return model.PolicyPeer{PolicySelection: r.selection()}
	}
	p := model.PolicyPeer{CIDR: pick(r.draw, r.prefixes)}
	for _, e := range r.prefixes {
		if p.CIDR.Contains(e.Addr()) && e.Bits() > p.CIDR.Bits() && !slices.Contains(p.Except, e) && len(p.Except) < 5 && r.one(4) {
			p.Except = append(p.Except, e)
		}
	}
	return p
}

// selection returns a selection that is not the zero value.
func (r *Random) selection() (s model.PolicySelection) {
	if len(r.networks) > 0 && r.one(4) {
		s.Networks = []string{pick(r.draw, r.networks)}
	}
	if len(r.groups) > 0 && r.one(4) {
		s.PortGroup = pick(r.draw, r.groups)
	}
	if !r.one(4) || s.PortGroup == "" && len(s.Networks) == 0 {
		s.Selector = r.selector()
	}
	return s
}

func (r *Random) selector() *model.Selector {
	s := &model.Selector{}
	for range r.draw(3) {
		l := pick(r.draw, r.labels)
		t := model.Requirement{Key: l.Key, Operator: pick(r.draw, []model.SelectorOperator{model.SelectIn, model.SelectIn, model.SelectNotIn, model.SelectExists, model.SelectDoesNotExist})}
		if t.Operator == model.SelectIn || t.Operator == model.SelectNotIn {
			t.Values = l.Values
			if r.one(3) {
				t.Values = append(slices.Clone(t.Values), "other")
			}
		}
		s.MatchExpressions = append(s.MatchExpressions, t)
	}
	return s
}
