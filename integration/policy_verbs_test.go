package integration

import (
	"errors"
	"syscall"
	"testing"
	"time"

	"github.com/sdnctl/sdnctl/integration/traffic"
)

// TestPolicyActions: what policies do beside allowing and denying.
func TestPolicyActions(t *testing.T) {
	b := newPolicyBed(t)
	b.part("reject", rejected)
	b.part("named ports, P-POL-01", namedPorts)
	b.verify()
}

// rejected: who is rejected learns it at once, wherever it is, from the address to which it
// spoke; and so does who had been connected before.
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
			continue // its client says nothing that could be answered
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

// namedPorts: a name opens on each port what that port calls so, and the numbers of others
// nowhere.
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
