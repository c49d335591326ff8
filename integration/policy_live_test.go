package integration

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sdnctl/sdnctl/integration/traffic"
)

// kinds are those of streams.
func kinds() []traffic.Kind { return []traffic.Kind{traffic.Echo, traffic.Upload, traffic.Download} }

// streams starts streams of every kind from one host to another, half of them in each family.
func (b *policyBed) streams(from, to string) (all []stream) {
	b.t.Helper()
	for i, kind := range kinds() {
		all = append(all, b.stream(from, to, (i+len(to))%2 == 0, kind))
	}
	return all
}

// cut fails the test unless the last change has stopped streams at once.
func (b *policyBed) cut(since time.Time, streams ...stream) {
	b.t.Helper()
	for _, s := range streams {
		last, err := s.Silent(b.ctx, 400*time.Millisecond)
		if err != nil {
			b.t.Error(err)
		} else if took := last.Sub(since); took > 5*time.Second {
			b.t.Errorf("%s: cut after %v", s.Name, took)
		} else {
			b.t.Logf("%s: cut after %v", s.Name, took.Round(time.Millisecond))
		}
	}
}

// kept fails the test unless streams continue and have lost nothing.
func (b *policyBed) kept(streams ...stream) {
	b.t.Helper()
	b.goOn(streams...)
	for _, s := range streams {
		b.lossless(s)
	}
}

// goOn fails the test unless streams continue.
func (b *policyBed) goOn(streams ...stream) {
	b.t.Helper()
	for _, s := range streams {
		b.must(s.Flowing(b.ctx, 50))
	}
}

// heal fails the test unless streams that were stopped continue. Those do on which the client
// sends: its packets are checked again, and then those of the server are replies.
func (b *policyBed) heal(streams ...stream) {
	b.t.Helper()
	for _, s := range streams {
		if s.Kind != traffic.Download {
			b.must(s.Flowing(b.ctx, 20))
		}
	}
}

// stop ends streams.
func stop(streams ...stream) {
	for _, s := range streams {
		s.Stop()
	}
}

// webAllows returns a policy that allows two peers to connect to the ports of web.
const webAllows = `
{kind: Policy, name: web, spec: {subject: {selector: {matchLabels: {app: web}}}, ingress: [{peers: [{selector: {matchLabels: {app: %s}}}], ports: [tcp/80]}, {peers: [{selector: {matchLabels: {app: db}}}], ports: [tcp/80, icmp]}]}}
`

// TestPolicyLive: live connections while policies change, sdnd restarts or others change flows,
// and faults of other implementations, by their rows in the table of pitfalls.
func TestPolicyLive(t *testing.T) {
	t.Parallel()
	b := newPolicyBed(t)
	b.part("without policies", openStreams)
	b.part("a rule goes", func(t *testing.T, b *policyBed) {
		b.policies(fmt.Sprintf(webAllows, "lb"))
		gone, stay := append(b.streams("blue4", "blue1"), b.streams("pods2", "pods4")...), b.streams("green1", "green2")
		since := time.Now()
		b.apply(fmt.Sprintf(webAllows, "nobody"))
		b.cut(since, gone...)
		b.kept(stay...)
		b.part("and comes back", func(t *testing.T, b *policyBed) {
			b.apply(fmt.Sprintf(webAllows, "lb"))
			b.heal(gone...)
		})
		stop(append(gone, stay...)...)
	})
	b.part("a policy comes, P-POL-17", func(t *testing.T, b *policyBed) {
		// blue2 is db, pods2 lb.
		client, server, gone := append(b.streams("blue2", "blue1"), b.stream("pods2", "green4", false, traffic.Download)), b.streams("green1", "pods4"), b.streams("blue4", "blue3")
		since := time.Now()
		b.policies(`
{kind: Policy, name: db, spec: {subject: {selector: {matchLabels: {app: db}}}, isolates: [ingress]}}
---
{kind: Policy, name: lb, spec: {subject: {selector: {matchLabels: {app: lb}}}, isolates: [ingress]}}
---
{kind: Policy, name: web, spec: {subject: {selector: {matchLabels: {app: web}}}, ingress: [{peers: [{selector: {matchLabels: {app: db}}}], ports: [tcp/80]}]}}
`)
		b.cut(since, gone...)
		// A node may check packets before the sender's node marks them with the sender's
		// identity, for as long as it takes to update both nodes.
		b.goOn(append(client, server...)...)
		for _, s := range append(client, server...) {
			if r := s.Report(); r.Lost > 5 || r.Err != nil {
				t.Errorf("lost too much: %v", r)
			}
			t.Log(s.Report())
		}
		stop(append(append(gone, client...), server...)...)
	})
	b.part("a port is relabelled, P-POL-05", func(t *testing.T, b *policyBed) {
		b.policies(fmt.Sprintf(webAllows, "lb"))
		gone, stay := b.streams("pods2", "green2"), b.streams("green1", "blue3")
		since := time.Now()
		changes := b.changes(func() { b.sdnctl("port", "set", "pods2", "--label", "app=other", "--wait") }, "node1", "node2", "node3")
		b.cut(since, gone...)
		b.kept(stay...)
		if n := changes["node1"]; n == 0 || n > 4 || changes["node2"]+changes["node3"] > 0 {
			t.Errorf("changes of flows: %v, want at most 4, on the port's node alone", changes)
		}
		b.sdnctl("port", "set", "pods2", "--label", "app=lb", "--wait")
		b.heal(gone...)
		stop(append(gone, stay...)...)
	})
	b.part("sdnd restarts", func(t *testing.T, b *policyBed) {
		b.policies(fmt.Sprintf(webAllows, "lb"))
		all := append(b.streams("blue4", "blue1"), b.streams("pods2", "pods4")...)
		before := b.flowSet("node1")
		for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
			b.must(b.Controller.Stop(b.ctx, signal))
			for _, s := range all {
				b.must(s.Flowing(b.ctx, 20))
			}
			b.must(b.Controller.Start(b.ctx))
			b.settle()
			if n := b.flowMods(); n != 0 {
				t.Errorf("%d flow-mods were sent", n)
			}
		}
		if after := b.flowSet("node1"); strings.Join(after, "\n") != strings.Join(before, "\n") {
			t.Error("the flows are others")
		}
		b.kept(all...)
		stop(all...)
		b.asPolicies()
	})
	b.part("the ends of ranges, P-POL-04", rangesOfPorts)
	b.part("neighbours are not judged, P-POL-13", neighbours)
	b.part("the gateway answers, P-POL-15", gatewayPings)
	b.part("fragments, P-SVC-21", fragments)
	b.part("another policy of the same name, P-POL-20", replacedPolicy)
	b.part("what others do to flows of policies is undone", tamperedPolicy)
	b.part("a new port begins at once, P-POL-08", newPort)
	b.part("an address has another port, P-POL-07", reusedAddress)
	b.part("sdnd restarts with 10,000 flows of policies", manyRules)
	b.part("ovs-vswitchd restarts", switchRestarts)
	b.verify()
}
