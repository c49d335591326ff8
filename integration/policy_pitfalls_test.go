package integration

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/integration/traffic"
)

// to returns exchanges of one protocol with a host's ports, in both families.
func (b *policyBed) to(from, to string, p traffic.Protocol, ports ...uint16) (all []exchange) {
	h := b.host(to)
	for _, a := range h.Addresses() {
		for _, port := range ports {
			all = append(all, exchange{traffic.Probe{From: b.host(from), To: a, Protocol: p, Port: port}, h})
		}
	}
	return all
}

func rangesOfPorts(t *testing.T, b *policyBed) {
	b.policies(`
{kind: Policy, name: range, spec: {subject: {selector: {matchLabels: {app: web}}}, ingress: [{ports: [tcp/8000-8010, udp/1-6999, udp/65535]}]}}
`)
	all := slices.Concat(
		b.to("blue4", "blue1", traffic.TCP, 1, 7999, 8000, 8003, 8004, 8007, 8008, 8010, 8011, 65535),
		b.to("blue4", "blue1", traffic.UDP, 1, 53, 4096, 6999, 7000, 7001, 65534, 65535),
	)
	judge := b.judge()
	b.verdicts(all, func(e exchange) traffic.Verdict {
		served := slices.ContainsFunc(services(), func(s traffic.Probe) bool { return s.Protocol == e.Protocol && s.Port == e.Port })
		if v := judge(e); v != traffic.Connected || served {
			return v
		}
		return traffic.Refused // by the host, which the packet has reached
	})
}

func neighbours(t *testing.T, b *policyBed) {
	b.policies(`
{kind: Policy, name: all, spec: {subject: {selector: {}}, ingress: [{ports: [tcp/80]}], egress: [{ports: [tcp/80]}]}}
`)
	all := slices.Concat(b.to("blue4", "blue1", traffic.TCP, 80), b.to("blue1", "blue2", traffic.TCP, 80), b.to("green1", "pods4", traffic.TCP, 80))
	for range 3 {
		for _, h := range b.hosts {
			b.must(h.ForgetNeighbours(b.ctx))
		}
		b.verdicts(all, connected)
	}
	// A neighbour entry is confirmed by unicast solicitations (RFC 4861, 7.3).
	for _, name := range []string{"blue1", "blue4"} {
		_, err := b.host(name).Exec(b.ctx, "sysctl", "-q", "-w", "net.ipv6.neigh.eth0.base_reachable_time_ms=500", "net.ipv6.neigh.eth0.delay_first_probe_time=1",
			"net.ipv4.neigh.eth0.base_reachable_time_ms=500", "net.ipv4.neigh.eth0.delay_first_probe_time=1")
		b.must(err)
	}
	s := b.stream("blue4", "blue1", true, traffic.Upload)
	b.must(s.Flowing(b.ctx, 1200))
	b.lossless(s)
	s.Stop()
}

func gatewayPings(t *testing.T, b *policyBed) {
	b.policies(`
{kind: Policy, name: all, spec: {tier: admin, subject: {selector: {}}, ingress: [{action: deny}], egress: [{action: deny}]}}
`)
	b.verdicts(b.exchanges(), func(exchange) traffic.Verdict { return traffic.Timeout })
	var all []exchange
	for _, h := range b.hosts {
		for _, gateway := range []netip.Addr{h.Gateway, h.Gateway6} {
			all = append(all, exchange{traffic.Probe{From: h, To: gateway, Protocol: traffic.ICMP}, h})
		}
	}
	b.verdicts(all, connected)
}

func fragments(t *testing.T, b *policyBed) {
	b.policies(`
{kind: Policy, name: web, spec: {subject: {selector: {matchLabels: {app: web}}}, ingress: [{peers: [{selector: {matchLabels: {app: lb}}}], ports: [udp/53]}]}}
`)
	large := func(from, to string, six bool) bool {
		for _, a := range b.host(to).Addresses() {
			if a.Is6() == six {
				return b.largeDatagram(b.host(from), netip.AddrPortFrom(a, 53))
			}
		}
		t.Fatalf("%s has no such address", to)
		return false
	}
	for _, six := range []bool{false, true} {
		for _, pair := range [][2]string{{"blue4", "blue1"}, {"pods2", "pods1"}, {"pods2", "green2"}} {
			if !large(pair[0], pair[1], six) {
				t.Errorf("%s to %s, IPv6 %t: a large datagram is lost", pair[0], pair[1], six)
			}
		}
		if large("green1", "blue1", six) {
			t.Errorf("IPv6 %t: a large datagram passes that is denied", six)
		}
	}
}

// largeDatagram reports whether a datagram in several fragments is answered.
func (b *policyBed) largeDatagram(from *traffic.Host, to netip.AddrPort) bool {
	network := "udp4"
	if to.Addr().Is6() {
		network = "udp6"
	}
	c, err := from.Dial(b.ctx, network, to.String())
	b.must(err)
	defer c.Close()
	for range 3 {
		_, err = c.Write(make([]byte, 8000))
		b.must(err)
		b.must(c.SetReadDeadline(time.Now().Add(300 * time.Millisecond)))
		if n, err := c.Read(make([]byte, 8001)); err == nil && n == 8000 {
			return true
		}
	}
	return false
}

func replacedPolicy(t *testing.T, b *policyBed) {
	rule := func(peer, port string) string {
		return fmt.Sprintf("{kind: Policy, name: p, spec: {subject: {selector: {matchLabels: {app: web}}}, ingress: [{peers: [{selector: {matchLabels: {app: %s}}}], ports: [%s]}]}}", peer, port)
	}
	b.policies(rule("lb", "tcp/80"))
	b.del(api.KindPolicy, "p")
	b.apply(rule("db", "udp/53"))
	b.revalidated()
	b.asPolicies()
	b.must(b.Controller.Stop(b.ctx, syscall.SIGTERM))
	b.must(b.Controller.Start(b.ctx))
	b.settle()
	b.apply(rule("lb", "tcp/8007"))
	b.apply(rule("db", "tcp/80"))
	b.revalidated()
	b.asPolicies()
	b.verify()
}

func tamperedPolicy(t *testing.T, b *policyBed) {
	b.policies(fmt.Sprintf(webAllows, "lb"))
	kept := b.streams("blue4", "blue1")
	w := b.witness("node1")
	for _, tt := range []struct {
		what string
		args []string
		// done and undone are words of the two events.
		done, undone string
	}{
		{"opened", []string{"add-flow", "br-int", "table=86,priority=65000,actions=resubmit(,90)"}, "event=ADDED", "event=DELETED"},
		{"a part of a rule deleted", []string{"del-flows", "br-int", "table=87,tcp,tcp_dst=80"}, "event=DELETED", "event=ADDED"},
		{"rules deleted", []string{"del-flows", "br-int", "table=87"}, "event=DELETED", "event=ADDED"},
	} {
		before := len(w.matching())
		_, err := b.node("node1").OFCtl(b.ctx, tt.args...)
		b.must(err)
		took, err := undone(b.bed, w, before, []string{tt.done}, []string{tt.undone})
		if err != nil {
			t.Errorf("%s: %v", tt.what, err)
		}
		t.Logf("%s: undone in %v", tt.what, took)
		b.verify()
	}
	b.revalidated()
	b.asPolicies()
	b.heal(kept...) // they were stopped while the rules were missing
	stop(kept...)
	if out := b.sdnctl("drift"); !strings.Contains(out, "ingress") {
		t.Errorf("drift does not name the policies' table:\n%s", tail(out, 8))
	}
}

// newPort plugs in ports that send and are probed at once, before sdnd has bound them.
func newPort(t *testing.T, b *policyBed) {
	b.policies(`
{kind: Policy, name: web, spec: {subject: {selector: {matchLabels: {app: web}}}, ingress: [{peers: [{selector: {matchLabels: {app: lb}}}], ports: [tcp/80]}]}}
`)
	target := b.host("blue1")
	for i := range 3 {
		b.apply("{kind: Port, name: newcomer, labels: {app: web}, spec: {network: blue, node: node2}}")
		c := b.plug("newcomer", "node2")
		h, err := traffic.NewHost(c)
		b.must(err)
		var probes []traffic.Probe
		for _, s := range services() {
			b.must(h.Serve(s.Protocol, s.Port))
			for _, a := range target.Addresses() {
				s.From, s.To = h, a
				probes = append(probes, s)
			}
			for _, a := range h.Addresses() {
				s.From, s.To = b.host("green1"), a
				probes = append(probes, s)
			}
		}
		var bound bool
		for end := time.Now().Add(5 * time.Second); !bound && time.Now().Before(end); {
			p, err := b.api.Port(b.ctx, "newcomer")
			b.must(err)
			bound = p.Status.Bound
			got, err := traffic.Ask(b.ctx, probes, traffic.Patience(0))
			b.must(err)
			for j, v := range got {
				if v == traffic.Connected {
					t.Errorf("round %d: %v: %v", i, probes[j], v)
				}
			}
		}
		b.must(h.Close())
		b.must(c.Remove(b.ctx))
		b.del(api.KindPort, "newcomer")
	}
}
