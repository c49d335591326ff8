package integration

import (
	"fmt"
	"net/netip"
	"strings"
	"syscall"
	"testing"

	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/integration/traffic"
	"github.com/sdnctl/sdnctl/topology/model"
)

// manyRules: a restart of sdnd sends nothing to a switch that has 10,000 flows of policies,
// and the connections lose nothing.
func manyRules(t *testing.T, b *policyBed) {
	b.policies(fmt.Sprintf(webAllows, "lb"))
	const policies, peers = 20, 500
	var r api.ApplyRequest
	for i := range policies {
		rules := make([]model.PolicyRule, peers/model.MaxPolicyPeers)
		for j := range peers {
			r := &rules[j/model.MaxPolicyPeers]
			r.Action = model.ActionAllow
			// Every second address, so that no two form a prefix.
			a := netip.AddrFrom4([4]byte{192, byte(i), byte(j >> 7), byte(j << 1)})
			r.Peers = append(r.Peers, model.PolicyPeer{CIDR: netip.PrefixFrom(a, 32)})
		}
		r.Objects = append(r.Objects, object(b.bed, fmt.Sprintf("many%d", i), model.PolicySpec{
			Tier: model.TierApplication, Priority: model.DefaultPolicyPriority,
			Subject: model.PolicySelection{Selector: &model.Selector{MatchLabels: map[string]string{"app": "web"}}},
			Ingress: rules,
		}))
	}
	b.confirmed(must2(b.api.Apply(b.ctx, r)))
	all := append(b.streams("blue4", "blue1"), b.streams("pods2", "pods4")...)
	before := b.flowSet("node1")
	of := 0
	for _, f := range before {
		if strings.Contains(f, "table=87") {
			of++
		}
	}
	if of < policies*peers {
		t.Fatalf("%d flows of rules, want %d", of, policies*peers)
	}
	b.must(b.Controller.Stop(b.ctx, syscall.SIGKILL))
	b.must(b.Controller.Start(b.ctx))
	b.settle()
	if n := b.flowMods(); n != 0 {
		t.Errorf("%d flow-mods were sent", n)
	}
	if after := b.flowSet("node1"); strings.Join(after, "\n") != strings.Join(before, "\n") {
		t.Error("the flows are others")
	}
	b.goOn(all...)
	for _, s := range all {
		if r := s.Report(); r.Err != nil {
			t.Errorf("%v", r)
		}
	}
	stop(all...)
}

// switchRestarts: a node whose ovs-vswitchd restarts forwards nothing until it has its flows
// again, and gets those of policies together with the others. So denied connections are never
// answered. Allowed connections continue, although the connection tracker has lost its entries.
func switchRestarts(t *testing.T, b *policyBed) {
	b.policies(fmt.Sprintf(webAllows, "lb"))
	stay := append(b.streams("blue4", "blue1"), b.stream("pods2", "green2", true, traffic.Echo))
	var denied []traffic.Probe
	for _, from := range []string{"pods1", "blue3", "blue1"} {
		for _, e := range append(b.to(from, "green2", traffic.UDP, 53), b.to(from, "pods1", traffic.TCP, 80)...) {
			if e.From != e.to {
				denied = append(denied, e.Probe)
			}
		}
	}
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
		done := make(chan error, 1)
		go func() { done <- b.node("node1").RestartVSwitchd(b.ctx, signal) }()
		rounds, restarted := 0, false
		for !restarted || rounds < 3 {
			got, err := traffic.Ask(b.ctx, denied, traffic.Patience(0))
			b.must(err)
			for i, v := range got {
				if v == traffic.Connected {
					t.Errorf("after %v: %v: %v", signal, denied[i], v)
				}
			}
			if restarted {
				rounds++
				continue
			}
			select {
			case err := <-done:
				b.must(err)
				b.settle()
				restarted = true
			default:
			}
		}
		b.goOn(stay...)
	}
	stop(stay...)
	b.asPolicies()
}

// reusedAddress: policies apply to a port by its own labels even if it has the address and the
// interface of a deleted port, whether one change replaced that port or two did.
func reusedAddress(t *testing.T, b *policyBed) {
	b.policies(`
{kind: Policy, name: web, spec: {subject: {selector: {matchLabels: {app: web}}}, ingress: [{peers: [{selector: {matchLabels: {app: lb}}}], ports: [tcp/80]}]}}
---
{kind: Policy, name: db, spec: {subject: {selector: {matchLabels: {app: db}}}, ingress: [{peers: [{selector: {matchLabels: {app: web}}}], ports: [tcp/8007]}]}}
`)
	old := b.host("blue3")
	port := func(name, app string) api.Object {
		o, err := api.NewObject(name, map[string]string{"app": app}, model.PortSpec{Network: "blue", Node: old.Node, IPs: old.Addresses(), InterfaceID: "blue3"})
		b.must(err)
		return o
	}
	remove := func(name string) []api.Key { return []api.Key{{Kind: api.KindPort, Name: name}} }
	try := func(app string) {
		t.Helper()
		b.revalidated()
		b.verdicts(append(b.to("blue4", "blue3", traffic.TCP, 80, 8007), b.to("blue1", "blue3", traffic.TCP, 80, 8007)...), func(e exchange) traffic.Verdict {
			if app == "web" && e.From.Name == "blue4" && e.Port == 80 || app == "db" && e.From.Name == "blue1" && e.Port == 8007 {
				return traffic.Connected
			}
			return traffic.Timeout
		})
	}
	try("web")
	b.confirmed(must2(b.api.Apply(b.ctx, api.ApplyRequest{Delete: remove("blue3"), Objects: []api.Object{port("successor", "db")}})))
	b.bound("successor")
	try("db")
	b.confirmed(must2(b.api.Apply(b.ctx, api.ApplyRequest{Delete: remove("successor")})))
	b.confirmed(must2(b.api.Apply(b.ctx, api.ApplyRequest{Objects: []api.Object{port("blue3", "web")}})))
	b.bound("blue3")
	try("web")
}
