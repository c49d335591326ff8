package integration

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/sdnctl/sdnctl/integration/lab"
	"github.com/sdnctl/sdnctl/integration/traffic"
)

// TestPolicyCounters: what switches count of a policy is what was sent: connections that a
// rule lets in, what a rule denies, and what is denied by default, summed over nodes.
func TestPolicyCounters(t *testing.T) {
	newPolicyBed(t).part("counters", policyCounters)
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
