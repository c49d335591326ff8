package integration

import (
	"context"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/integration/lab"
	"github.com/sdnctl/sdnctl/integration/policymodel"
	"github.com/sdnctl/sdnctl/integration/traffic"
	"github.com/sdnctl/sdnctl/topology/model"
)

// TestPolicyCounters: the counters of a policy, summed over nodes, equal the connections that a
// rule allows, the packets that a rule denies, and those that are denied by default. A watch of
// denials reports each denied connection with the rule that denies it.
func TestPolicyCounters(t *testing.T) {
	t.Parallel()
	b := newPolicyBed(t)
	b.part("counters", policyCounters)
	b.part("denials", policyDenials)
}

func policyCounters(_ *testing.T, b *policyBed) {
	b.policies(`
{kind: Policy, name: web, spec: {subject: {selector: {matchLabels: {app: web}}}, isolates: [ingress], ingress: [
  {action: deny, peers: [{networks: [green]}], ports: [tcp/80]}, {peers: [{selector: {matchLabels: {app: lb}}}], ports: [tcp/80]}]}}
`)
	var allowed, denied, byDefault []exchange
	for _, e := range b.exchanges() {
		switch {
		case e.Protocol != traffic.TCP || e.to.Name != "blue1" && e.to.Name != "blue3" && e.to.Name != "pods4":
		case e.Port == 8007 && e.From.Name == "pods3":
			byDefault = append(byDefault, e)
		case e.Port == 80 && e.From.Name == "green3":
			denied = append(denied, e)
		case e.Port == 80 && (e.From.Name == "blue4" || e.From.Name == "pods2"):
			allowed = append(allowed, e)
		}
	}
	none := func(exchange) traffic.Verdict { return traffic.Timeout }
	b.verdicts(allowed, connected)
	b.verdicts(denied, none)
	b.verdicts(byDefault, none)
	b.must(lab.PollFor(b.ctx, 10*time.Second, "the counters", func(ctx context.Context) error {
		c, err := b.api.PolicyCounters(ctx, "web")
		if err != nil {
			return err
		}
		deny, allow, rest := c.Rules[0], c.Rules[1], c.Defaults[0]
		if !c.Complete || len(c.Nodes) != 3 || deny.Connections != nil || allow.Connections == nil ||
			int(*allow.Connections) < len(allowed) || allow.Packets < 2**allow.Connections ||
			int(deny.Packets) < len(denied) || int(rest.Packets) < len(byDefault) {
			return fmt.Errorf("%+v for %d allowed, %d denied by a rule and %d by default", c, len(allowed), len(denied), len(byDefault))
		}
		return nil
	}))
}

// policyDenials: each denied connection is reported once, in both directions and families, and
// no allowed one. A few may be missing, as where a busy machine loses all packets of a connection.
// The samples change no verdict and are not reported as drift, and sdnd sends no flows because
// of them.
func policyDenials(t *testing.T, b *policyBed) {
	// Hosts must know their neighbours' MACs, as otherwise they may not send the packets that
	// would be denied. The test uses pings only: the ends of TCP connections from before the
	// policy would be denied and reported, too.
	b.verdicts(slices.DeleteFunc(b.exchanges(), func(e exchange) bool { return e.Protocol != traffic.ICMP }), connected)
	b.policies(`
{kind: Policy, name: web, spec: {subject: {selector: {matchLabels: {app: web}}}, isolates: [ingress], ingress: [
  {action: deny, peers: [{networks: [green]}], ports: [tcp/80]}, {peers: [{selector: {matchLabels: {app: lb}}}], ports: [tcp/80]}]}}
---
{kind: Policy, name: out, spec: {tier: admin, logDenials: true, subject: {selector: {matchLabels: {app: db}}}, egress: [{action: deny, ports: [udp/53]}]}}
`)
	none := b.flowMods()
	type got struct {
		denials api.PolicyDenials
		err     error
	}
	watch := func(policy string) chan got {
		answer := make(chan got, 1)
		go func() {
			d, err := b.api.PolicyDenials(b.ctx, policy, 8*time.Second)
			answer <- got{d, err}
		}()
		return answer
	}
	web, out := watch("web"), watch("out")
	sampled := func(ctx context.Context) error {
		for _, n := range b.joined {
			if flows, err := n.OFCtl(ctx, "dump-flows", "br-int", "table=89"); err != nil || !strings.Contains(flows, "learn(") {
				return fmt.Errorf("%s does not sample (%w)", n.Name, err)
			}
		}
		return nil
	}
	b.must(lab.PollFor(b.ctx, 20*time.Second, "the samples", sampled))
	b.revalidated()
	for range 2 { // packets that a busy machine loses are not denied
		b.verdicts(b.connections(), b.judge())
	}
	b.verify()
	for policy, answer := range map[string]chan got{"web": web, "out": out} {
		r := <-answer
		b.must(r.err)
		if len(r.denials.Nodes) != 3 || !r.denials.Complete {
			t.Errorf("%s: %+v", policy, r.denials.Nodes)
		}
		seen := map[string]int{}
		for _, d := range r.denials.Denials {
			if d.What.Protocol == model.ProtocolTCP && d.What.First >= 32768 {
				continue // the end of a connection from before the policy
			}
			rule := "default"
			if d.Rule != nil {
				rule = fmt.Sprint(*d.Rule + 1)
			}
			seen[fmt.Sprintf("%s %s %s to %s %s %v", d.Direction, rule, d.SourcePort, d.DestinationPort, d.What, strings.Contains(d.Source, ":"))]++
		}
		want, missing := b.denied(policy), 0
		for _, w := range slices.Sorted(maps.Keys(want)) {
			switch seen[w] {
			case 0:
				t.Logf("%s: %s: not seen", policy, w)
				missing++
			case 1:
			default:
				t.Errorf("%s: %s: seen %d times", policy, w, seen[w])
			}
			delete(seen, w)
		}
		if missing > len(want)/10 {
			t.Errorf("%s: %d of %d denials were not seen", policy, missing, len(want))
		}
		for _, s := range slices.Sorted(maps.Keys(seen)) {
			t.Errorf("%s: %s: seen, and not denied", policy, s)
		}
		t.Logf("%s: %d of %d denials were seen", policy, len(want)-missing, len(want))
	}
	if n := b.flowMods(); n != none {
		t.Errorf("%d flow-mods were sent, %d before", n, none)
	}
	b.deniedInLog(t, "out")
}

// deniedInLog waits until sdnd's log has most of the connections that a policy denies; at most
// 50 are logged at a time. The test fails if one is logged twice or was not denied.
func (b *policyBed) deniedInLog(t *testing.T, policy string) {
	want := b.denied(policy)
	line := regexp.MustCompile(`"policy denied a connection" .*policy=(\S+) direction=(\S+) rule=(\S+) .* source=(\S+) source_port=(\S+) destination=\S+ destination_port=(\S+) what=(\S+)`)
	var logged map[string]int
	err := lab.PollFor(b.ctx, 15*time.Second, "the log to have what is denied", func(context.Context) error {
		text, err := os.ReadFile(b.Controller.LogFile)
		if err != nil {
			return err
		}
		logged = map[string]int{}
		for _, m := range line.FindAllStringSubmatch(string(text), -1) {
			if m[1] != policy {
				return fmt.Errorf("policy %s is logged", m[1])
			}
			logged[fmt.Sprintf("%s %s %s to %s %s %v", m[2], m[3], m[5], m[6], m[7], strings.Contains(m[4], ":"))]++
		}
		if len(logged) < len(want)/2 {
			return fmt.Errorf("%d of %d denials are there", len(logged), len(want))
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	for _, l := range slices.Sorted(maps.Keys(logged)) {
		if logged[l] != 1 || !want[l] {
			t.Errorf("%s: logged %d times; denied: %v", l, logged[l], want[l])
		}
	}
}

// connections returns all exchanges of protocols that the connection tracker knows.
func (b *policyBed) connections() []exchange {
	return slices.DeleteFunc(b.exchanges(), func(e exchange) bool { return e.Protocol == traffic.SCTP })
}

// denied returns the connections that a policy denies, in the notation of policyDenials.
func (b *policyBed) denied(policy string) map[string]bool {
	b.t.Helper()
	s := b.declared()
	all := map[string]bool{}
	for _, e := range b.connections() {
		from, _ := s.Port(e.From.Name)
		to, _ := s.Port(e.to.Name)
		src, _ := e.From.Address(e.To)
		v := policymodel.Judge(s, policymodel.End{Port: from, Addr: src}, policymodel.End{Port: to, Addr: e.To}, what(e.Probe))
		by := strings.Fields(v.By) // "policy/web ingress rule 1", "policy/web isolates ingress"
		if v.Allowed || by[0] != "policy/"+policy {
			continue
		}
		direction, rule := by[1], by[len(by)-1]
		if direction == "isolates" {
			direction, rule = by[2], "default"
		}
		all[fmt.Sprintf("%s %s %s to %s %s %v", direction, rule, from.Name, to.Name, what(e.Probe), e.To.Is6())] = true
	}
	return all
}
