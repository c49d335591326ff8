package prober_test

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/sdnctl/sdnctl/integration/lab"
	"github.com/sdnctl/sdnctl/integration/ovstest"
	"github.com/sdnctl/sdnctl/integration/prober"
)

// TestProbe: no loss is reported if there is none, and each if there is one.
func TestProbe(t *testing.T) {
	l := ovstest.Lab(t, 1)
	n := l.Nodes[0]
	flow := func(args ...string) {
		t.Helper()
		if _, err := n.OFCtl(t.Context(), args...); err != nil {
			t.Fatal(err)
		}
	}
	flow("add-flow", "br-int", "priority=1,actions=normal")
	container := func(name, ip string) *lab.Container {
		t.Helper()
		c, err := l.AddContainer(t.Context(), lab.Container{Name: name, Node: "node1", IP: netip.MustParsePrefix(ip)})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	a, b := container("a", "10.0.0.1/24"), container("b", "10.0.0.2/24")
	if _, err := a.Reaches(t.Context(), b.IP.Addr()); err != nil {
		t.Fatal(err)
	}
	probe := func(harm func(*prober.Probe)) prober.Report {
		t.Helper()
		p, err := prober.Start(a, b, b.IP.Addr())
		if err != nil {
			t.Fatal(err)
		}
		flowing := func() {
			t.Helper()
			if err := p.Flowing(t.Context(), 200); err != nil {
				t.Error(err)
			}
		}
		flowing()
		harm(p)
		flowing()
		r, err := p.Stop(t.Context())
		if err != nil {
			t.Error(err)
		}
		t.Log(r)
		return r
	}
	if r := probe(func(*prober.Probe) {}); r.Lost != 0 || r.Sent < 400 || len(r.Delays) != r.Sent || slices.Min(r.Delays) <= 0 || r.Longest() != 0 {
		t.Errorf("nothing happened, and yet: %v", r)
	}
	r := probe(func(p *prober.Probe) {
		flow("add-flow", "br-int", "priority=2,udp,actions=drop")
		for before := p.Sent(); p.Sent() < before+50; time.Sleep(prober.Every) {
		}
		flow("--strict", "del-flows", "br-int", "priority=2,udp")
	})
	if r.Lost < 40 || r.Lost >= r.Sent || len(r.Gaps) != 1 || r.Gaps[0].Lost != r.Lost || r.Longest() < 40*prober.Every {
		t.Errorf("of a short interruption it says: %v", r)
	}
}
