package integration

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/sdnctl/sdnctl/integration/traffic"
)

// deniedAttempts: a connection attempt that another node denies leaves one entry without a reply
// in the connection tracker of the sender's node, for 30 s if it is TCP and otherwise for a
// minute. It leaves none on the destination's node.
func deniedAttempts(t *testing.T, b *policyBed) {
	b.policies(`
{kind: Policy, name: web, spec: {subject: {selector: {matchLabels: {app: web}}}, isolates: [ingress]}}
---
{kind: Policy, name: lb, spec: {subject: {selector: {matchLabels: {app: lb}}}, isolates: [ingress]}}
`)
	for _, n := range b.joined {
		_, err := n.AppCtl(b.ctx, "dpctl/flush-conntrack")
		b.must(err)
	}
	denied := slices.Concat(b.to("blue4", "blue1", traffic.TCP, 80), b.to("blue4", "blue1", traffic.UDP, 53), b.to("blue4", "blue1", traffic.ICMP, 0))
	b.verdicts(denied, func(exchange) traffic.Verdict { return traffic.Timeout })
	entries := func(node string) (all []string) {
		out, err := b.node(node).AppCtl(b.ctx, "dpctl/dump-conntrack", "-m", "-s")
		b.must(err)
		for _, a := range b.host("blue4").Addresses() {
			for _, line := range strings.Split(string(out), "\n") {
				if strings.Contains(line, "orig=(src="+a.String()+",") && !strings.Contains(line, "type=135") && !strings.Contains(line, "type=136") {
					all = append(all, line)
				}
			}
		}
		return all
	}
	at := entries("node3")
	timeout := regexp.MustCompile(`timeout=(\d+)`)
	for _, e := range at {
		most := 60
		if strings.HasPrefix(e, "tcp,") {
			most = 30
		}
		if m := timeout.FindStringSubmatch(e); len(m) != 2 {
			t.Errorf("no timeout: %s", e)
		} else if seconds, err := strconv.Atoi(m[1]); err != nil || seconds > most {
			t.Errorf("stays for more than %d s: %s", most, e)
		}
	}
	// Each probe is sent three times, from another port each time.
	if n := 3 * len(denied); len(at) != n {
		t.Errorf("%d entries for %d attempts:\n%s", len(at), n, strings.Join(at, "\n"))
	}
	if all := entries("node1"); len(all) > 0 {
		t.Errorf("at the destination's node:\n%s", strings.Join(all, "\n"))
	}
}
