package integration

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sdnctl/sdnctl/integration/lab"
	"github.com/sdnctl/sdnctl/integration/policymodel"
	"github.com/sdnctl/sdnctl/integration/traffic"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// TestPolicyActions: the actions of policies other than allow and deny, and their modes.
func TestPolicyActions(t *testing.T) {
	t.Parallel()
	b := newPolicyBed(t)
	b.part("reject", rejected)
	b.part("named ports, P-POL-01", namedPorts)
	b.part("shadow", shadowed)
	b.part("connections are kept", keptConnections)
	b.part("sdnd is killed in a change", killedInChange)
	b.part("denied attempts", deniedAttempts)
	b.verify()
}

// rejected: a rejected client gets an answer at once from the address that it contacted, on any
// node. So does one whose connection was established before.
func rejected(t *testing.T, b *policyBed) {
	b.policies(`
{kind: Policy, name: web, spec: {subject: {selector: {matchLabels: {app: web}}}, ingress: [{peers: [{selector: {matchLabels: {app: lb}}}], ports: [tcp/80]}, {action: reject}]}}
---
{kind: Policy, name: lb, spec: {subject: {selector: {matchLabels: {app: lb}}}, egress: [{action: reject, peers: [{networks: [green]}]}], ingress: [], isolates: [ingress]}}
`)
	b.asPolicies()
	streams := append(b.streams("blue4", "blue1"), b.streams("pods2", "pods1")...)
	b.apply(`
{kind: Policy, name: web, spec: {subject: {selector: {matchLabels: {app: web}}}, ingress: [{action: reject}]}}
`)
	b.revalidated()
	for _, s := range streams {
		if s.Kind == traffic.Download {
			continue // its client sends nothing that could be answered
		}
		if _, err := s.Silent(b.ctx, 400*time.Millisecond); err != nil {
			t.Error(err)
		}
		if r := s.Report(); !errors.Is(r.Err, syscall.ECONNRESET) {
			t.Errorf("%s: not reset: %v", s.Name, r)
		}
	}
	stop(streams...)
	b.verify()
}

// namedPorts: a rule with a port's name allows on each port the number that this port has for the
// name, and not the numbers of other ports.
func namedPorts(t *testing.T, b *policyBed) {
	b.policies(`
{kind: Policy, name: web, spec: {subject: {selector: {matchLabels: {app: web}}}, ingress: [{ports: [tcp/http, udp/dns]}]}}
---
{kind: Policy, name: db, spec: {subject: {selector: {matchLabels: {app: db}}}, egress: [{peers: [{networks: [blue]}, {cidr: 10.9.0.0/16}], ports: [tcp/http]}, {ports: [udp/http]}]}}
`)
	b.asPolicies()
	changes := b.changes(func() {
		b.sdnctl("port", "set", "pods4", "--named-port", "http=tcp/8007", "--wait")
	}, "node1", "node2", "node3")
	b.revalidated()
	b.asPolicies()
	if changes["node3"] == 0 || changes["node1"]+changes["node2"] > 0 {
		t.Errorf("changes of flows: %v, want some on the port's node alone", changes)
	}
	b.sdnctl("port", "set", "pods4", "--named-port", "http=tcp/80", "--wait")
	b.verify()
}

// shadowPolicy returns a policy in shadow mode that would allow lb to connect to port 80 of web,
// and deny everything else.
const shadowPolicy = `
{kind: Policy, name: web, spec: {mode: %s, subject: {selector: {matchLabels: {app: web}}}, isolates: [ingress], ingress: [
  {action: deny, peers: [{networks: [green]}], ports: [tcp/80]}, {peers: [{selector: {matchLabels: {app: lb}}}], ports: [tcp/80]},
  {peers: [{selector: {matchLabels: {app: nobody}}}]}]}}
`

// wouldDecide returns the number of exchanges that the rules of a policy in shadow mode, or its
// isolation, would decide if it were in force, according to the naive evaluator.
func (b *policyBed) wouldDecide(policy string) map[string]uint64 {
	b.t.Helper()
	s := b.declared()
	p, ok := s.Policy(policy)
	if !ok {
		b.t.Fatalf("no policy %s", policy)
	}
	spec := p.Spec
	spec.Mode = model.ModeEnforce
	r, err := topology.Plan(s, []topology.Op{{Verb: topology.Put, Ref: p.Ref(), Labels: p.Labels, Spec: spec}}, time.Time{})
	b.must(err)
	all := map[string]uint64{}
	for _, e := range b.exchanges() {
		from, _ := r.Next.Port(e.From.Name)
		to, _ := r.Next.Port(e.to.Name)
		src, _ := e.From.Address(e.To)
		v := policymodel.Judge(r.Next, policymodel.End{Port: from, Addr: src}, policymodel.End{Port: to, Addr: e.To}, what(e.Probe))
		if by, decides := strings.CutPrefix(v.By, p.Ref().String()+" "); decides {
			all[by]++
		}
	}
	return all
}

// shadowed: a policy in shadow mode denies nothing. Its counters have the packets that it would
// decide about, which are those that it does decide about once it is in force.
func shadowed(t *testing.T, b *policyBed) {
	allowed, forbidden := b.streams("blue4", "blue1"), b.streams("pods3", "pods4")
	b.policies(fmt.Sprintf(shadowPolicy, "shadow"))
	b.asPolicies()
	b.goOn(append(allowed, forbidden...)...)
	want := b.wouldDecide("web")
	for rule, n := range map[string]uint64{"ingress rule 1": want["ingress rule 1"], "ingress rule 2": want["ingress rule 2"], "isolates ingress": want["isolates ingress"]} {
		if n == 0 {
			t.Errorf("%s would decide nothing", rule)
		}
	}
	b.must(lab.PollFor(b.ctx, 10*time.Second, "the counters", func(ctx context.Context) error {
		c, err := b.api.PolicyCounters(ctx, "web")
		if err != nil {
			return err
		}
		deny, allow, nothing, rest := c.Rules[0], c.Rules[1], c.Rules[2], c.Defaults[0]
		if !c.Complete || c.Mode != model.ModeShadow || allow.Connections != nil || deny.Packets < want["ingress rule 1"] || allow.Packets < want["ingress rule 2"] || rest.Packets < want["isolates ingress"] || nothing.Packets > 0 {
			return fmt.Errorf("%+v, want at least %v", c, want)
		}
		return nil
	}))
	// No packet of the allowed ones may be in flight when the policy comes into force: the first
	// packet of a download afterwards would be one of the server.
	pause := func(paused bool) {
		for _, s := range allowed {
			s.Pause(paused)
		}
	}
	pause(true)
	_, err := allowed[2].Silent(b.ctx, 100*time.Millisecond)
	b.must(err)
	since := time.Now()
	b.apply(fmt.Sprintf(shadowPolicy, "enforce"))
	b.cut(since, forbidden...)
	pause(false)
	b.goOn(allowed...)
	b.asPolicies()
	b.apply(fmt.Sprintf(shadowPolicy, "shadow"))
	b.heal(forbidden...)
	stop(append(allowed, forbidden...)...)
	b.verify()
}
