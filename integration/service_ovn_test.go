package integration

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/sdnctl/sdnctl/integration/bench"
	"github.com/sdnctl/sdnctl/integration/lab"
)

// balancing is a service of ours or a load balancer of OVN, with the same containers: web1 and
// near on node1, web2 and web3 on node2. web1, web2 and web3 answer on port 8080.
type balancing struct {
	name  string
	vip   string
	hosts map[string]*lab.Container
	// set replaces the backends; clients keep theirs if affine.
	set func(affine bool, backends ...string)
	// lossy says that a few connections may get no answer. The first for which OVN 23.03 has the
	// switch learn a flow (affinity, hairpin) gets none with Open vSwitch 3.1.
	lossy bool
}

// TestOVNServices: OVN's load balancers and our services do the same in the same scenarios: which
// backends get connections, refusal without backends, backends that come back, affinity, and a
// backend that reaches itself.
func TestOVNServices(t *testing.T) {
	t.Parallel()
	if why := bench.OVNMissing(); why != "" {
		t.Skipf("no load balancers of OVN to compare with: %s", why)
	}
	b := newServiceBed(t)
	env, err := bench.NewEnv("..", os.Getenv(binVar), true)
	b.must(err)
	defer env.Close()
	ovn, err := bench.NewOVNBalancers(b.ctx, env)
	b.must(err)
	defer func() { b.must(ovn.Stop()) }()
	sides := []balancing{
		{name: "ours", vip: service4 + ":80", hosts: b.hosts, set: func(affine bool, backends ...string) {
			list := make([]string, len(backends))
			for i, name := range backends {
				list[i] = "{port: " + name + "}"
			}
			s := serviceWeb("{endpoints: [" + strings.Join(list, ", ") + "]}")
			if affine {
				s = strings.Replace(s, "routers: [r]", "sessionAffinity: ClientIP, routers: [r]", 1)
			}
			b.apply(s)
			b.revalidated()
		}},
		{name: "OVN", lossy: true, vip: "172.20.0.1:80", hosts: map[string]*lab.Container{}},
	}
	theirs := &sides[1]
	for i, name := range []string{"web1", "web2", "web3", "near"} {
		c, err := ovn.Container(b.ctx, []int{0, 1, 1, 0}[i], "ovn-"+name)
		b.must(err)
		theirs.hosts[name] = c
		b.serve(c)
	}
	theirs.set = func(affine bool, backends ...string) {
		var all, options []string
		for _, name := range backends {
			all = append(all, netip.AddrPortFrom(theirs.hosts[name].IP.Addr(), 8080).String())
		}
		if affine {
			options = []string{"affinity_timeout=60"}
		}
		b.must(ovn.Balance(b.ctx, theirs.vip, all, options...))
		b.revalidated()
	}
	for _, s := range []struct {
		name     string
		affine   bool
		client   string
		backends []string
	}{
		{"three backends on two nodes", false, "near", []string{"web1", "web2", "web3"}},
		{"one less", false, "near", []string{"web1", "web3"}},
		{"only one on the other node", false, "near", []string{"web2"}},
		{"none", false, "near", nil},
		{"there are some again", false, "near", []string{"web2", "web3"}},
		{"a backend is a client of all", false, "web1", []string{"web1", "web2"}},
		{"a backend reaches itself", false, "web1", []string{"web1"}},
		{"affinity", true, "near", []string{"web1", "web2", "web3"}},
	} {
		got := map[string]string{}
		for _, side := range sides {
			side.set(s.affine, s.backends...)
			got[side.name] = b.outcome(side, s.client, s.affine)
		}
		t.Logf("%s: %s", s.name, got["ours"])
		want := strings.Join(s.backends, " ")
		switch {
		case s.backends == nil:
			want = "refused"
		case s.affine:
			want = "one backend"
		}
		if got["ours"] != want || got["OVN"] != want {
			t.Errorf("%s: ours %q, OVN %q, want %q", s.name, got["ours"], got["OVN"], want)
		}
	}
}

// outcome makes many connections and says which backends answer, or that all are refused.
func (b *serviceBed) outcome(side balancing, client string, affine bool) string {
	seen := map[string]bool{}
	lost := 0
	for i := range 40 {
		if affine && i == 1 {
			b.revalidated() // the datapath follows up to half a second after what is learned
		}
		who, _, err := b.whoAnswers(side.hosts[client], "tcp", side.vip)
		switch {
		case errors.Is(err, syscall.ECONNREFUSED):
			who = "refused"
		case err != nil && side.lossy && lost < 3:
			lost++
			continue
		case err != nil:
			return fmt.Sprint(side.name, ": ", err)
		}
		seen[strings.TrimPrefix(who, "ovn-")] = true
	}
	if affine && len(seen) == 1 && !seen["refused"] {
		return "one backend"
	}
	return strings.Join(slices.Sorted(maps.Keys(seen)), " ")
}
