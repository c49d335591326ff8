package integration

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sdnctl/sdnctl/integration/lab"
	"github.com/sdnctl/sdnctl/integration/traffic"
)

// policyBed is a bed for policies: three nodes, two stretched networks and a segmented
// one, of both families, joined by a router. Each network has two ports on node1 and
// one on node2 and node3 each, and each port a host with every service.
type policyBed struct {
	*bed
	hosts []*traffic.Host
}

// policyLabels are those of the ports.
func policyLabels() map[string]string {
	return map[string]string{
		"blue1": "app: web", "blue2": "app: db", "blue3": "app: web, tier: back", "blue4": "app: lb",
		"green1": "app: db, tier: back", "green2": "app: web", "green3": "app: lb, tier: front", "green4": "",
		"pods1": "app: web, tier: front", "pods2": "app: lb", "pods3": "app: db", "pods4": "app: web",
	}
}

// policyNames are the named ports of the ports. Hosts also serve some of the numbers that a name
// has on other ports.
func policyNames() map[string]string {
	return map[string]string{
		"blue1": "http: tcp/80", "blue3": "http: tcp/8007", "green2": "http: tcp/80", "pods1": "http: tcp/8007, dns: udp/53", "pods4": "http: tcp/80", "green4": "http: udp/53",
	}
}

// services are those of every host.
func services() []traffic.Probe {
	return []traffic.Probe{
		{Protocol: traffic.TCP, Port: 80}, {Protocol: traffic.TCP, Port: 8007}, {Protocol: traffic.UDP, Port: 53},
		{Protocol: traffic.ICMP}, {Protocol: traffic.SCTP, Port: 3868},
	}
}

func newPolicyBed(t *testing.T) *policyBed {
	t.Helper()
	b := &policyBed{bed: newBed(t, 3)}
	b.join("node1", "node2", "node3")
	var objects strings.Builder
	objects.WriteString(nodes(3) + `
{kind: Network, name: blue, spec: {subnets: [{cidr: 10.7.0.0/24}, {cidr: "fd00:7::/64"}]}}
---
{kind: Network, name: green, spec: {subnets: [{cidr: 10.8.0.0/24}, {cidr: "fd00:8::/64"}]}}
---
{kind: Network, name: pods, spec: {mode: segmented, containersPerNode: 20, maxNodes: 100, subnets: [{cidr: 10.9.0.0/16}, {cidr: "fd00:9::/48"}]}}
---
{kind: Router, name: r, spec: {networks: [blue, green, pods]}}
`)
	where := map[string]string{}
	for _, network := range []string{"blue", "green", "pods"} {
		for i, node := range []string{"node1", "node1", "node2", "node3"} {
			name := fmt.Sprintf("%s%d", network, i+1)
			where[name] = node
			fmt.Fprintf(&objects, "---\n{kind: Port, name: %s, labels: {%s}, spec: {network: %s, node: %s, namedPorts: {%s}}}\n", name, policyLabels()[name], network, node, policyNames()[name])
		}
	}
	b.apply(objects.String())
	names := make([]string, 0, len(where))
	for name := range where {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		h, err := traffic.NewHost(b.plug(name, where[name]))
		b.must(err)
		t.Cleanup(func() {
			if err := h.Close(); err != nil {
				t.Error(err)
			}
		})
		for _, s := range services() {
			b.must(h.Serve(s.Protocol, s.Port))
		}
		b.hosts = append(b.hosts, h)
	}
	b.bound(names...)
	return b
}

// host returns a host by name.
func (b *policyBed) host(name string) *traffic.Host {
	b.t.Helper()
	i := slices.IndexFunc(b.hosts, func(h *traffic.Host) bool { return h.Name == name })
	if i < 0 {
		b.t.Fatalf("no host %s", name)
	}
	return b.hosts[i]
}

// part runs a part of the test as a subtest, and deletes all policies at its end.
func (b *policyBed) part(name string, f func(t *testing.T, b *policyBed)) {
	b.run(name, func(t *testing.T, inner *bed) {
		f(t, &policyBed{bed: inner, hosts: b.hosts})
	})
}

// exchange is a probe and the host that it is sent to.
type exchange struct {
	traffic.Probe
	to *traffic.Host
}

// exchanges returns the exchanges of each host with each service of each other host, in both
// families.
func (b *policyBed) exchanges() (all []exchange) {
	for _, from := range b.hosts {
		for _, to := range b.hosts {
			for _, a := range to.Addresses() {
				for _, p := range services() {
					if from != to {
						p.From, p.To = from, a
						all = append(all, exchange{p, to})
					}
				}
			}
		}
	}
	return all
}

// verdicts makes all exchanges and compares their verdicts with those of want. A lost packet
// makes a Timeout, and a busy machine loses some. So exchanges that should have been answered
// are repeated, fewer in each round.
func (b *policyBed) verdicts(all []exchange, want func(exchange) traffic.Verdict) {
	b.t.Helper()
	begin := time.Now()
	wrong := all
	var text []string
	for round := 0; len(wrong) > 0; round++ {
		probes := make([]traffic.Probe, len(wrong))
		for i, e := range wrong {
			probes[i] = e.Probe
		}
		got, err := traffic.Ask(b.ctx, probes, traffic.Patience(round))
		b.must(err)
		var again []exchange
		for i, e := range wrong {
			switch w := want(e); {
			case got[i] == w:
			case w == traffic.Refused && got[i] == traffic.Timeout && e.Protocol == traffic.SCTP:
				// On another node, the connection that the ICMP error refers to is not known.
			case got[i] == traffic.Timeout && round < 6:
				again = append(again, e)
			default:
				text = append(text, fmt.Sprintf("%v (%s on %s): %v, want %v", e.Probe, e.to.Name, e.to.Node, got[i], w))
			}
		}
		wrong = again
	}
	if len(text) > 0 {
		b.t.Errorf("of %d probes, %d are wrong:\n%s", len(all), len(text), strings.Join(text[:min(len(text), 40)], "\n"))
	}
	b.t.Logf("%d probes in %v", len(all), time.Since(begin).Round(time.Millisecond))
}

// connected is the verdict about all exchanges without policies.
func connected(exchange) traffic.Verdict { return traffic.Connected }

// openBed: without policies every host reaches every service, on one node and across nodes,
// networks and the router.
func openBed(t *testing.T, b *policyBed) {
	all := b.exchanges()
	if n := len(all); n != 12*11*5*2 {
		t.Fatalf("%d exchanges", n)
	}
	b.verdicts(all, connected)
	b.part("what is not served", func(t *testing.T, b *policyBed) {
		var closed []exchange
		for _, e := range all {
			if e.Protocol != traffic.ICMP {
				e.Port++
				closed = append(closed, e)
			}
		}
		b.verdicts(closed, func(exchange) traffic.Verdict { return traffic.Refused })
	})
}

// stream is a stream, and the packets that were dropped before it began; see bed.dropped.
type stream struct {
	*traffic.Stream
	dropped int
}

// stream starts a stream to a host's port 80. It ends with the test.
func (b *policyBed) stream(from, to string, six bool, kind traffic.Kind) stream {
	b.t.Helper()
	h := b.host(to)
	for _, a := range h.Addresses() {
		if a.Is6() == six {
			dropped := b.dropped()
			s, err := traffic.Start(b.ctx, b.host(from), h, netip.AddrPortFrom(a, 80), kind)
			b.must(err)
			b.t.Cleanup(func() { s.Stop() })
			return stream{s, dropped}
		}
	}
	b.t.Fatalf("%s has no such address", to)
	return stream{}
}

// openStreams: without policies, streams lose nothing. There are only a few streams, as two
// processors can carry about ten of them through six switches without loss.
func openStreams(t *testing.T, b *policyBed) {
	streams := []stream{
		b.stream("blue1", "blue2", false, traffic.Echo), b.stream("blue4", "blue3", true, traffic.Upload), b.stream("pods2", "green4", false, traffic.Download),
		b.stream("pods1", "pods4", true, traffic.Echo), b.stream("green3", "pods4", false, traffic.Upload), b.stream("blue4", "green1", true, traffic.Download),
	}
	b.kept(streams...)
	stop(streams...)
}

// lossless fails the test if a stream has ended, or has lost anything, unless the machine was too
// busy for it; see noneLost.
func (b *policyBed) lossless(s stream) {
	b.t.Helper()
	var r traffic.Report
	err := lab.PollFor(b.ctx, 2*time.Second, "nothing to be lost", func(context.Context) error {
		r = s.Report()
		if dropped := b.dropped() - s.dropped; r.Lost > dropped {
			// A segment that was sent again early counts as lost until the other side has said that it had it.
			return fmt.Errorf("%d segments, and at most %d of them because the machine is too slow", r.Lost, dropped)
		}
		return nil
	})
	if err = errors.Join(err, r.Err); err != nil {
		b.t.Errorf("%v: %v", r, err)
	}
	b.t.Log(r)
}
