package integration

import (
	"context"
	"fmt"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/sdnctl/sdnctl/integration/lab"
)

// resolver is an upstream name server: it knows outside.test, and remembers nothing.
func resolver(b *bed, at *lab.Outside) {
	c, err := at.ListenPacket("udp", ":53")
	b.must(err)
	srv := &dns.Server{PacketConn: c, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		m := new(dns.Msg).SetReply(q)
		m.RecursionAvailable = true
		if name := q.Question[0].Name; strings.EqualFold(name, "outside.test.") {
			m.Answer = []dns.RR{&dns.TXT{Hdr: dns.RR_Header{Name: name, Rrtype: dns.TypeTXT, Class: dns.ClassINET}, Txt: []string{"asked by " + w.RemoteAddr().(*net.UDPAddr).IP.String()}}}
		} else {
			m.Rcode = dns.RcodeNameError
		}
		_ = w.WriteMsg(m) // dig asks again
	})}
	ended := make(chan error, 1)
	go func() { ended <- srv.ActivateAndServe() }()
	b.t.Cleanup(func() { _ = srv.Shutdown(); <-ended })
}

// TestDNSWhileAway: while sdnd is away the switch itself sends what ports ask their gateway to an
// upstream server by the router's egress, by both families, in stretched networks and in blocks,
// whatever policies say; when sdnd is back it answers. A network without upstream servers gets
// no answer meanwhile, nor does who asks from outside at any time.
func TestDNSWhileAway(t *testing.T) {
	t.Parallel()
	needs(t, "dig")
	b := &outsideBed{bed: newBed(t, 2, withIPv6)}
	var err error
	b.outside, err = b.AddOutside(b.ctx, 1300)
	b.must(err)
	for _, name := range []string{"node1", "node2"} {
		b.must(b.node(name).RouteOutside(b.ctx))
		b.joinUplink(name)
	}
	resolver(b.bed, b.outside)
	b.apply(nodes(2) + `
{kind: Uplink, name: wan, spec: {}}
---
{kind: Network, name: blue, spec: {subnets: [{cidr: 10.1.0.0/24}, {cidr: "fd00:0:0:1::/64"}], dns: {enabled: true, domain: blue.example, upstream: [203.0.113.10, "2001:db8:113::10"]}}}
---
{kind: Network, name: pods, spec: {mode: segmented, cidr: 10.244.0.0/16, containersPerNode: 20, maxNodes: 10, dns: {enabled: true, upstream: [203.0.113.10]}}}
---
{kind: Network, name: red, spec: {cidr: 10.1.0.0/24, dns: {enabled: true}}}
---
{kind: Router, name: r, spec: {networks: [blue, pods], egress: {uplink: wan}}}
---
{kind: Router, name: s, spec: {networks: [red], egress: {uplink: wan}}}
---
{kind: Port, name: web, spec: {network: blue, node: node1, ips: [10.1.0.11, "fd00:0:0:1::11"]}}
---
{kind: Port, name: job, spec: {network: pods, node: node2}}
---
{kind: Port, name: none, spec: {network: red, node: node1}}
---
{kind: Policy, name: deny, spec: {subject: {selector: {}}, isolates: [ingress, egress]}}
`)
	web, job, none := b.plug("web", "node1"), b.plug("job", "node2"), b.plug("none", "node1")
	b.bound("web", "job", "none")
	gateway := func(port string) string {
		p, err := b.api.Port(b.ctx, port)
		b.must(err)
		return p.Status.Gateway
	}
	atJob := gateway("job")
	dig := func(c *lab.Container, args ...string) string {
		out, _ := c.Exec(b.ctx, append([]string{"dig", "+tries=1", "+time=1"}, args...)...)
		return out
	}
	answers := func(what string, c *lab.Container, want string, args ...string) {
		t.Helper()
		err := lab.PollFor(b.ctx, 20*time.Second, what, func(context.Context) error {
			if out := dig(c, args...); !strings.Contains(out, want) {
				return fmt.Errorf("no %q in %s", want, out)
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	}
	own := []string{"@10.1.0.1", "web.blue.example"}
	answers("sdnd to answer", web, "10.1.0.11", own...)

	b.must(b.Controller.Stop(b.ctx, syscall.SIGKILL))
	ask := []string{"TXT", "outside.test"}
	by := func(node string) string { return `"asked by ` + b.node(node).Addr.String() + `"` }
	answers("the upstream server to answer by IPv4", web, by("node1"), append(ask, "@10.1.0.1")...)
	answers("the upstream server to answer by IPv6", web, `"asked by `, append(ask, "@fd00:0:0:1::1")...)
	answers("the upstream server to answer a port of a block", job, by("node2"), append(ask, "@"+atJob)...)
	answers("the upstream server to answer for a name of ours", web, "status: NXDOMAIN", own...)
	if out := dig(web, append(ask, "@10.1.0.1")...); !strings.Contains(out, "SERVER: 10.1.0.1#53") {
		t.Errorf("not from the gateway: %s", out)
	}
	if out := dig(none, append(ask, "@10.1.0.1")...); strings.Contains(out, "status:") {
		t.Errorf("a network without upstream servers is answered: %s", out)
	}
	if out, err := web.Exec(b.ctx, "ping", "-c1", "-W1", "203.0.113.10"); err == nil {
		t.Errorf("the port reaches more than names: %s", out)
	}

	b.must(b.Controller.Start(b.ctx))
	b.settle()
	if n := b.flowMods(); n != 0 {
		t.Errorf("a restart sent %d flow-mods", n)
	}
	answers("sdnd to answer again", web, "10.1.0.11", own...)

	// P-DNS-12: a question to a server of a port's own choice reaches that, also one for a name of ours.
	b.sdnctl("policy", "delete", "deny", "--wait")
	answers("the server that the port asks", web, by("node1"), append(ask, "@203.0.113.10")...)
	answers("the server that the port asks", web, "status: NXDOMAIN", "@203.0.113.10", "web.blue.example")
	// Who asks the gateway from outside gets no answer, though packets for it arrive at the node.
	b.must(b.Controller.Command(b.ctx, "ip", "route", "add", "10.1.0.0/24", "via", b.node("node1").Addr.String()).Run()) // in the hub, which routes
	for _, to := range []string{"@10.1.0.1", "@" + b.node("node1").Addr.String()} {
		if out, _ := b.outside.Exec(b.ctx, "dig", to, "+tries=1", "+time=1", "web.blue.example"); strings.Contains(out, "status:") {
			t.Errorf("answered outside: %s", out)
		}
	}
}
