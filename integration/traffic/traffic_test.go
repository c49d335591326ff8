package traffic_test

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/sdnctl/sdnctl/integration/lab"
	"github.com/sdnctl/sdnctl/integration/ovstest"
	"github.com/sdnctl/sdnctl/integration/traffic"
)

// bed is a node whose bridge forwards as a switch of one network does, with hosts.
type bed struct {
	t     *testing.T
	node  *lab.Node
	hosts []*traffic.Host
}

func newBed(t *testing.T, hosts int) *bed {
	t.Helper()
	l := ovstest.Lab(t, 1)
	b := &bed{t: t, node: l.Nodes[0]}
	b.flow("add-flow", "br-int", "priority=1,actions=normal")
	for i := 1; i <= hosts; i++ {
		c, err := l.AddContainer(t.Context(), lab.Container{Name: fmt.Sprintf("h%d", i), Node: "node1",
			IP: netip.MustParsePrefix(fmt.Sprintf("10.0.0.%d/24", i)), IP6: netip.MustParsePrefix(fmt.Sprintf("fd00::%d/64", i))})
		b.must(err)
		h, err := traffic.NewHost(c)
		b.must(err)
		t.Cleanup(func() {
			if err := h.Close(); err != nil {
				t.Error(err)
			}
		})
		for _, p := range []traffic.Protocol{traffic.TCP, traffic.UDP, traffic.SCTP} {
			b.must(h.Serve(p, 80))
		}
		b.hosts = append(b.hosts, h)
	}
	return b
}

func (b *bed) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

func (b *bed) flow(args ...string) {
	b.t.Helper()
	_, err := b.node.OFCtl(b.t.Context(), args...)
	b.must(err)
}

// result is the outcome of a probe.
type result struct {
	traffic.Probe
	to  *traffic.Host
	got traffic.Verdict
}

// matrix asks every host for every service of every other and its own, by both
// families, and for one that there is not.
func (b *bed) matrix() (all []result) {
	b.t.Helper()
	var probes []traffic.Probe
	for _, from := range b.hosts {
		for _, to := range b.hosts {
			for _, a := range to.Addresses() {
				for _, p := range []traffic.Protocol{traffic.TCP, traffic.UDP, traffic.ICMP, traffic.SCTP} {
					probes = append(probes, traffic.Probe{From: from, To: a, Protocol: p, Port: 80})
					all = append(all, result{to: to})
				}
				probes = append(probes, traffic.Probe{From: from, To: a, Protocol: traffic.TCP, Port: 81})
				all = append(all, result{to: to})
			}
		}
	}
	begin := time.Now()
	verdicts, err := traffic.Ask(b.t.Context(), probes, traffic.Patience(0))
	b.must(err)
	b.t.Logf("%d probes in %v", len(probes), time.Since(begin).Round(time.Millisecond))
	for i, p := range probes {
		all[i].Probe, all[i].got = p, verdicts[i]
	}
	return all
}

// TestAsk: every verdict, of every protocol and family, and in a time in which tests
// of policies can have many of them.
func TestAsk(t *testing.T) {
	b := newBed(t, 12)
	begin := time.Now()
	check := func(dropped func(r result, six bool) bool) {
		t.Helper()
		silent := 0
		for _, r := range b.matrix() {
			want := traffic.Connected
			switch {
			case r.From != r.to && dropped(r, r.To.Is6()):
				want = traffic.Timeout
				silent++
			case r.Port == 81:
				want = traffic.Refused
			}
			if r.got != want {
				t.Errorf("%v: %v, want %v", r.Probe, r.got, want)
			}
		}
		t.Logf("%d were not to be answered", silent)
	}
	check(func(result, bool) bool { return false })
	// Each flow drops questions of one host, and the answers of the same host.
	for _, match := range []string{"tcp,nw_src=10.0.0.1,nw_dst=10.0.0.2", "udp6,ipv6_src=fd00::2", "icmp6,icmp_type=129,ipv6_dst=fd00::3", "sctp,nw_src=10.0.0.4"} {
		b.flow("add-flow", "br-int", "priority=9,"+match+",actions=drop")
	}
	h := b.hosts
	check(func(r result, six bool) bool {
		is := func(p traffic.Protocol, v6 bool) bool { return r.Protocol == p && six == v6 }
		return is(traffic.TCP, false) && (r.From == h[0] && r.to == h[1] || r.From == h[1] && r.to == h[0]) ||
			is(traffic.UDP, true) && (r.From == h[1] || r.to == h[1]) ||
			is(traffic.ICMP, true) && r.From == h[2] ||
			is(traffic.SCTP, false) && (r.From == h[3] || r.to == h[3])
	})
	if took := time.Since(begin); took > 10*time.Second {
		t.Errorf("two matrices took %v", took)
	}
}

// TestStream: what is cut is seen, on the streams of the kinds that are, and what is
// not cut has lost nothing.
func TestStream(t *testing.T) {
	b := newBed(t, 3)
	var cut, kept []*traffic.Stream
	for _, kind := range []traffic.Kind{traffic.Echo, traffic.Upload, traffic.Download} {
		for _, at := range []string{"10.0.0.2:80", "[fd00::2]:80"} {
			s, err := traffic.Start(t.Context(), b.hosts[0], b.hosts[1], netip.MustParseAddrPort(at), kind)
			b.must(err)
			cut = append(cut, s)
			s, err = traffic.Start(t.Context(), b.hosts[2], b.hosts[1], netip.MustParseAddrPort(at), kind)
			b.must(err)
			kept = append(kept, s)
		}
	}
	before := time.Now()
	b.flow("add-flow", "br-int", "priority=9,tcp,nw_src=10.0.0.1,actions=drop")
	b.flow("add-flow", "br-int", "priority=9,tcp6,ipv6_src=fd00::1,actions=drop")
	for _, s := range cut {
		last, err := s.Silent(t.Context(), 500*time.Millisecond)
		if err != nil {
			t.Error(err)
		} else if took := last.Sub(before); took > 3*time.Second {
			t.Errorf("%s: cut after %v", s.Name, took)
		}
	}
	for _, s := range slices.Concat(cut, kept) {
		r := s.Stop()
		t.Log(r)
		if lost := r.Lost > 0 || r.Err != nil; lost != slices.Contains(cut, s) {
			t.Errorf("lost something: %t: %v", lost, r)
		}
		if slices.Contains(cut, s) && r.Longest < 500*time.Millisecond {
			t.Errorf("%v", r)
		}
	}
}
