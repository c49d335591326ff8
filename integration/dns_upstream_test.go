package integration

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/integration/lab"
)

// TestUpstreamUnreachable: a network says which of its upstream name servers do not answer, and
// what to do; that is over when one answers, and others have nothing to do with it.
func TestUpstreamUnreachable(t *testing.T) {
	t.Parallel()
	needs(t, "dig")
	b := newBed(t, 2)
	b.join("node1", "node2")
	at := func(node string) string { return b.node(node).Addr.String() }
	b.apply(nodes(2) + fmt.Sprintf(`
{kind: Network, name: blue, spec: {cidr: 10.7.0.0/24, dns: {enabled: true, upstream: [%s, %s]}}}
---
{kind: Network, name: red, spec: {cidr: 10.7.0.0/24, dns: {enabled: true}}}
---
{kind: Port, name: web, spec: {network: blue, node: node1}}
`, at("node1"), at("node2")))
	web := b.plug("web", "node1")
	b.bound("web")
	has := func(what, reason string, words ...string) {
		t.Helper()
		b.must(lab.PollFor(b.ctx, time.Minute, what, func(context.Context) error {
			n, err := b.api.Network(b.ctx, "blue")
			if err != nil {
				return err
			}
			i := slices.IndexFunc(n.Status.Conditions, func(c api.Condition) bool { return strings.HasPrefix(c.Reason, "Upstream") })
			switch {
			case reason == "" && i < 0:
				return nil
			case i < 0 || n.Status.Conditions[i].Reason != reason:
				return fmt.Errorf("%+v", n.Status.Conditions)
			}
			c := n.Status.Conditions[i]
			for _, w := range words {
				if !strings.Contains(c.Message+c.Action, w) {
					return fmt.Errorf("no %q in %+v", w, c)
				}
			}
			return nil
		}))
	}
	ask := func(want string) error {
		return lab.PollFor(b.ctx, 20*time.Second, want, func(context.Context) error {
			if out, _ := web.Exec(b.ctx, "dig", "@10.7.0.1", "+tries=1", "+time=6", "TXT", "outside.test"); !strings.Contains(out, want) {
				return errors.New(out)
			}
			return nil
		})
	}
	has("both are away", "UpstreamsUnreachable", at("node1")+" (connection refused)", at("node2")+" (connection refused)", "dig @"+at("node1"), "--dns-upstream")
	b.must(ask("status: SERVFAIL"))
	stop := b.nameServer("node2")
	has("one answers", "UpstreamUnreachable", at("node1")+" (connection refused)")
	b.must(ask("by node2"))
	stop()
	b.must(ask("status: SERVFAIL")) // sdnd checks servers that do not answer ports
	has("none does again", "UpstreamsUnreachable")
	b.nameServer("node1")
	b.nameServer("node2")
	has("both answer", "")
	if n, err := b.api.Network(b.ctx, "red"); err != nil || len(n.Status.Conditions) > 0 {
		t.Errorf("red: %+v, %v", n.Status.Conditions, err)
	}
}

// nameServer runs a name server at a node's own address until stop, or the end of the test.
func (b *bed) nameServer(node string) (stop func()) {
	b.t.Helper()
	n := b.node(node)
	var c net.PacketConn
	b.must(n.Inside(func() (err error) {
		c, err = net.ListenPacket("udp", net.JoinHostPort(n.Addr.String(), "53"))
		return err
	}))
	srv := &dns.Server{PacketConn: c, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		m := new(dns.Msg).SetReply(q)
		if q.Question[0].Qtype == dns.TypeTXT {
			m.Answer = []dns.RR{&dns.TXT{Hdr: dns.RR_Header{Name: q.Question[0].Name, Rrtype: dns.TypeTXT, Class: dns.ClassINET}, Txt: []string{"by " + node}}}
		}
		_ = w.WriteMsg(m) // who asked asks again
	})}
	started, ended := make(chan struct{}), make(chan error, 1)
	srv.NotifyStartedFunc = func() { close(started) }
	go func() { ended <- srv.ActivateAndServe() }()
	<-started
	over := false
	stop = func() {
		if !over {
			over = true
			_ = srv.Shutdown() // it runs
			<-ended
		}
	}
	b.t.Cleanup(stop)
	return stop
}
