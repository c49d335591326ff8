package integration

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/sdnctl/sdnctl/integration/lab"
	"github.com/sdnctl/sdnctl/integration/traffic"
	"github.com/sdnctl/sdnctl/topology/model"
)

// datagrams is a UDP conversation with an echo service. It uses one socket, so it is one
// connection for the connection tracker.
type datagrams struct {
	name string
	net.Conn
}

// converse starts a conversation with a host in each family, and waits for the first answers.
func (b *policyBed) converse(from, to string) (all []datagrams) {
	b.t.Helper()
	for _, a := range b.host(to).Addresses() {
		network := "udp4"
		if a.Is6() {
			network = "udp6"
		}
		c, err := b.host(from).Dial(b.ctx, network, netip.AddrPortFrom(a, 53).String())
		b.must(err)
		b.t.Cleanup(func() { _ = c.Close() }) // the test may have closed it
		all = append(all, datagrams{fmt.Sprintf("UDP from %s to %s at %v", from, to, a), c})
	}
	b.answered(true, all...)
	return all
}

// answered fails the test unless conversations still get answers, or with want false get none.
func (b *policyBed) answered(want bool, all ...datagrams) {
	b.t.Helper()
	tries := 2
	if want {
		tries = 10 // a busy machine loses some datagrams
	}
	for _, d := range all {
		got := false
		for range tries {
			b.must(d.SetReadDeadline(time.Now().Add(150 * time.Millisecond)))
			if _, err := d.Write([]byte("sdnctl?")); err != nil {
				continue
			}
			if _, err := d.Read(make([]byte, 16)); err == nil {
				got = true
				break
			}
		}
		if got != want {
			b.t.Errorf("%s: answered %t, want %t", d.name, got, want)
		}
	}
}

// keptWeb returns a policy that allows a peer to connect to web, and keeps or cuts connections.
const keptWeb = `
{kind: Policy, name: web, spec: {onChange: %s, subject: {selector: {matchLabels: {app: web}}}, ingress: [{peers: [{selector: {matchLabels: {app: %s}}}], ports: [tcp/80, udp/53]}]}}
`

// keptLb returns a policy that allows lb to connect to a peer, and keeps or cuts connections.
const keptLb = `
{kind: Policy, name: lb, spec: {onChange: %s, subject: {selector: {matchLabels: {app: lb}}}, egress: [{peers: [{selector: {matchLabels: {app: %s}}}], ports: [tcp/80, udp/53]}]}}
`

// keptConnections: a policy that keeps connections keeps those that its rules have allowed, of
// TCP and UDP, in both directions and families, on one node and between nodes. It keeps them
// until an earlier rule denies them or the policy is set to cut. Its rules still decide about new
// connections.
func keptConnections(t *testing.T, b *policyBed) {
	b.policies(fmt.Sprintf(keptWeb, "keep", "lb"))
	far, near := b.streams("blue4", "blue1"), b.streams("pods2", "pods1")
	talk, near53 := b.converse("green3", "pods4"), b.converse("pods2", "pods1")
	b.apply(fmt.Sprintf(keptWeb, "keep", "nobody"))
	b.revalidated()
	denied := func(exchange) traffic.Verdict { return traffic.Timeout }
	b.kept(append(far, near...)...)
	b.answered(true, append(talk, near53...)...)
	b.verdicts(append(b.to("blue4", "blue1", traffic.TCP, 80), b.to("pods2", "pods1", traffic.UDP, 53)...), denied)
	b.must(lab.PollFor(b.ctx, 20*time.Second, "the counters", func(ctx context.Context) error {
		c, err := b.api.PolicyCounters(ctx, "web")
		if err == nil && (len(c.Kept) != 1 || c.Kept[0].Direction != model.Ingress || c.Kept[0].Packets == 0) {
			err = fmt.Errorf("%+v", c)
		}
		return err
	}))
	b.part("an earlier rule denies", func(t *testing.T, b *policyBed) {
		since := time.Now()
		b.apply(`{kind: Policy, name: first, spec: {tier: admin, subject: {networks: [pods]}, ingress: [{action: deny, peers: [{networks: [pods]}]}]}}`)
		b.revalidated()
		b.cut(since, near...)
		b.answered(false, near53...)
		b.goOn(far...)
		b.answered(true, talk...)
		b.del("Policy", "first")
	})
	b.part("the policy cuts", func(t *testing.T, b *policyBed) {
		since := time.Now()
		b.apply(fmt.Sprintf(keptWeb, "cut", "nobody"))
		b.cut(since, far...)
		b.revalidated()
		b.answered(false, talk...)
	})
	b.apply(fmt.Sprintf(keptWeb, "cut", "lb"))
	b.revalidated()
	b.part("egress", func(t *testing.T, b *policyBed) {
		all, talk := append(b.streams("blue4", "blue1"), b.streams("pods2", "pods1")...), b.converse("blue4", "blue1")
		// The policy is created after another policy has allowed the connections.
		b.apply(fmt.Sprintf(keptLb, "keep", "web"))
		b.revalidated()
		b.goOn(all...)
		b.answered(true, talk...)
		b.apply(fmt.Sprintf(keptLb, "keep", "nobody"))
		b.revalidated()
		b.goOn(all...)
		b.answered(true, talk...)
		b.verdicts(append(b.to("blue4", "blue1", traffic.TCP, 80), b.to("pods2", "pods1", traffic.UDP, 53)...), denied)
		since := time.Now()
		b.apply(fmt.Sprintf(keptLb, "cut", "nobody"))
		b.cut(since, all...)
		b.revalidated()
		b.answered(false, talk...)
		b.del("Policy", "lb")
		stop(all...)
	})
	b.part("what a rule passes on is not kept", func(t *testing.T, b *policyBed) {
		b.apply(`
{kind: Policy, name: first, spec: {tier: admin, onChange: keep, subject: {selector: {matchLabels: {app: db}}}, isolates: [ingress], ingress: [{action: pass}]}}
`)
		b.revalidated()
		all := b.streams("blue4", "blue2")
		since := time.Now()
		b.apply(`
{kind: Policy, name: db, spec: {subject: {selector: {matchLabels: {app: db}}}, isolates: [ingress]}}
`)
		b.cut(since, all...)
		stop(all...)
	})
	stop(append(far, near...)...)
	b.verify()
}
