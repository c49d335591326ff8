package integration

import (
	"net/netip"
	"testing"
	"time"

	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/integration/policymodel"
	"github.com/sdnctl/sdnctl/integration/traffic"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// declared returns the declared topology, for an evaluator that does not use sdnd's compiler.
func (b *policyBed) declared() *topology.Snapshot {
	b.t.Helper()
	var ops []topology.Op
	for _, k := range api.Kinds() {
		list, err := b.api.Objects(b.ctx, k, api.ListOptions{})
		b.must(err)
		for _, o := range list.Items {
			spec, problems := o.DecodeSpec()
			if len(problems) > 0 {
				b.t.Fatalf("%s: %v", o.Ref(), problems)
			}
			ops = append(ops, topology.Op{Verb: topology.Put, Ref: topology.Ref{Kind: k.Model(), Name: o.Name}, Labels: o.Labels, Spec: spec})
		}
	}
	r, err := topology.Plan(topology.NewSnapshot(), ops, time.Time{})
	b.must(err)
	return r.Next
}

// what returns the protocol and port of a probe in the form of policies.
func what(p traffic.Probe) model.PolicyPort {
	switch {
	case p.Protocol == traffic.ICMP && p.To.Is6():
		return model.PolicyPort{Protocol: model.ProtocolICMPv6, First: 128, Last: 128}
	case p.Protocol == traffic.ICMP:
		return model.PolicyPort{Protocol: model.ProtocolICMP, First: 8, Last: 8}
	}
	return model.PolicyPort{Protocol: model.PolicyProtocol(p.Protocol.String()), First: p.Port, Last: p.Port}
}

// judge returns the verdict of the declared policies about an exchange.
func (b *policyBed) judge() func(exchange) traffic.Verdict {
	s := b.declared()
	end := func(h *traffic.Host, other netip.Addr) policymodel.End {
		p, _ := s.Port(h.Name)
		a, _ := h.Address(other)
		return policymodel.End{Port: p, Addr: a}
	}
	verdict := func(e exchange, asks bool) policymodel.Verdict {
		from, to, asked := end(e.From, e.To), end(e.to, e.To), what(e.Probe)
		if !asks {
			from, to, asked.First, asked.Last = to, from, portOfSCTP, portOfSCTP
		}
		return policymodel.Judge(s, from, to, asked)
	}
	return func(e exchange) traffic.Verdict {
		// The connection tracker does not know SCTP, so answers are checked like requests.
		v := verdict(e, true)
		if e.Protocol == traffic.SCTP && v.Allowed {
			v = verdict(e, false)
		}
		switch {
		case v.Rejected:
			return traffic.Refused
		case !v.Allowed:
			return traffic.Timeout
		}
		return traffic.Connected
	}
}

// portOfSCTP represents the ports of SCTP clients here, which no rule names.
const portOfSCTP = 40000

// policies declares policies, which are deleted at the end of the part of the test.
func (b *policyBed) policies(yaml string) {
	b.t.Helper()
	b.apply(yaml)
	b.t.Cleanup(b.noPolicies)
	b.revalidated()
}

// noPolicies deletes all policies.
func (b *policyBed) noPolicies() {
	b.t.Helper()
	list, err := b.api.Objects(b.ctx, api.KindPolicy, api.ListOptions{})
	b.must(err)
	var r api.ApplyRequest
	for _, o := range list.Items {
		r.Delete = append(r.Delete, api.Key{Kind: o.Kind, Name: o.Name})
	}
	b.confirmed(must2(b.api.Apply(b.ctx, r)))
	b.revalidated()
}

// asPolicies returns the verdicts of the declared policies about exchanges.
func (b *policyBed) asPolicies() {
	b.t.Helper()
	want := b.judge()
	all := b.exchanges()
	count := map[traffic.Verdict]int{}
	for _, e := range all {
		count[want(e)]++
	}
	b.t.Logf("%d are to be connected, %d are not", count[traffic.Connected], count[traffic.Timeout])
	b.verdicts(all, want)
}

// TestPolicyVerdicts: packets get the verdicts of a naive evaluator that knows only the declared
// topology.
func TestPolicyVerdicts(t *testing.T) {
	t.Parallel()
	b := newPolicyBed(t)
	b.part("without policies", openBed)
	for _, tt := range []struct{ name, policies string }{
		{"one port of one application", `
{kind: Policy, name: web, spec: {subject: {selector: {matchLabels: {app: web}}}, ingress: [{peers: [{selector: {matchLabels: {app: lb}}}], ports: [tcp/80]}]}}
`},
		{"ingress isolated, P-POL-14", `
{kind: Policy, name: web, spec: {subject: {selector: {matchLabels: {app: web}}}, isolates: [ingress]}}
`},
		{"egress isolated", `
{kind: Policy, name: web, spec: {subject: {selector: {matchLabels: {app: web}}}, isolates: [egress]}}
`},
		{"both directions", `
{kind: Policy, name: web, spec: {subject: {selector: {matchLabels: {app: web}}}, ingress: [{peers: [{selector: {}}], ports: [tcp/80, icmp]}], egress: [{peers: [{selector: {matchLabels: {app: db}}}], ports: [udp/53]}]}}
---
{kind: Policy, name: db, spec: {subject: {selector: {matchLabels: {app: db}}}, ingress: [{peers: [{selector: {matchLabels: {tier: front}}}, {networks: [blue]}], ports: [udp, sctp/3868]}]}}
`},
		{"everything denied, but to one", `
{kind: Policy, name: all, spec: {tier: baseline, subject: {selector: {}}, isolates: [ingress, egress]}}
---
{kind: Policy, name: lb, spec: {subject: {selector: {matchLabels: {app: lb}}}, ingress: [{}], egress: [{}]}}
`},
		{"tiers and priorities", `
{kind: Policy, name: first, spec: {tier: admin, priority: 10, subject: {networks: [green]}, ingress: [{action: deny, peers: [{networks: [pods]}], ports: [tcp/80]}, {action: pass, peers: [{networks: [pods]}]}, {action: allow, ports: [tcp/8007, icmp]}, {action: deny, ports: [udp/53]}]}}
---
{kind: Policy, name: second, spec: {priority: 20, subject: {selector: {}}, ingress: [{action: deny, peers: [{selector: {matchLabels: {app: lb}}}], ports: [sctp]}, {action: allow, peers: [{selector: {matchLabels: {app: web}}}, {cidr: 10.7.0.0/24}, {cidr: "fd00:7::/64"}]}], isolates: []}}
---
{kind: Policy, name: last, spec: {tier: baseline, subject: {networks: [green]}, isolates: [ingress]}}
`},
		{"addresses with exceptions, P-POL-02", `
{kind: Policy, name: hole, spec: {subject: {networks: [blue, pods]}, ingress: [{peers: [{cidr: 10.8.0.0/24}, {cidr: "fd00:8::/64"}], ports: [tcp/8007]}, {peers: [{cidr: 0.0.0.0/0, except: [10.8.0.0/24]}, {cidr: "::/0", except: ["fd00:8::/64", "fd00:7::4/126"]}]}]}}
`},
		{"anything and one of it, P-POL-03", `
{kind: Policy, name: web, spec: {subject: {selector: {matchLabels: {app: web}}}, ingress: [{ports: [tcp, tcp/80]}]}}
`},
		{"sctp, P-POL-16", `
{kind: Policy, name: web, spec: {subject: {networks: [blue]}, ingress: [{ports: [sctp/3868]}]}}
---
{kind: Policy, name: db, spec: {subject: {networks: [green]}, ingress: [{ports: [tcp/3868]}]}}
`},
		{"selectors, P-POL-18", `
{kind: Policy, name: a, spec: {subject: {networks: [blue]}, ingress: [{peers: [{selector: {matchExpressions: [{key: app, operator: NotIn, values: [web]}]}}], ports: [tcp/80]}, {peers: [{selector: {matchExpressions: [{key: app, operator: DoesNotExist}]}}], ports: [tcp/8007]}, {peers: [{selector: {}}], ports: [udp/53]}, {peers: [{selector: {matchExpressions: [{key: tier, operator: Exists}, {key: app, operator: In, values: [db, lb]}]}}], ports: [icmp]}]}}
`},
	} {
		b.part(tt.name, func(t *testing.T, b *policyBed) {
			b.policies(tt.policies)
			b.asPolicies()
			b.verify()
		})
	}
	b.part("random", randomPolicies)
	b.part("none is left", func(t *testing.T, b *policyBed) {
		b.verdicts(b.exchanges(), connected)
		b.verify()
	})
}
