package nameserver

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// newHeadlessBed has a headless service of the router r with four backends: web and Web.2 in
// blue, leaf in green, which is draining, and secret in red, which nobody of the router reaches.
// Web calls its port metrics 9100; the others have none of that name.
func newHeadlessBed(t testing.TB) *bed {
	b := newBed(t)
	b.put(model.KindService, "peers", model.ServiceSpec{Headless: true, Routers: []string{"r"}, Ports: []model.ServicePort{
		{Name: "sql", Port: 5432, TargetPort: model.TargetPort{Number: 15432}}, {Name: "metrics", Port: 80, TargetPort: model.TargetPort{Name: "metrics"}},
	}, Backends: model.ServiceBackends{Endpoints: []model.ServiceEndpoint{{Port: "web"}, {Port: "Web.2"}, {Port: "leaf", State: model.EndpointDraining}, {Port: "secret"}}}})
	return b
}

// listing asks with the backends of headless services that are in a set.
func (b *bed) listing(listed ...string) *Lists {
	return NewLists(b.topo, func(o *topology.Service, be topology.Backend) bool {
		return Declared(o, be) && slices.Contains(listed, be.Name)
	})
}

// TestHeadless: the name of a headless service has the addresses of the backends that are ready
// (P-DNS-08), in the asker's routing domain; so have the names of its ports, and of its backends. A
// name whose records are all gone goes on existing.
func TestHeadless(t *testing.T) {
	b := newHeadlessBed(t)
	web, _ := b.topo.Port("web")
	two, _ := b.topo.Port("Web.2")
	secret, _ := b.topo.Port("secret")
	dash := strings.ReplaceAll(two.Addresses[0].String(), ".", "-")
	first, second, six := web.Addresses[0].String(), two.Addresses[0].String(), two.Addresses[1].String()
	all := []string{"web", "Web.2", "leaf", "secret"}
	for _, tt := range []struct {
		listed           []string
		from, name, kind string
		want             string
	}{
		{all, "blue", "peers.blue.example.", "A", "NOERROR " + first + ", " + second},
		{all, "green", "Peers.green.internal.", "AAAA", "NOERROR " + web.Addresses[1].String() + ", " + six},
		{[]string{"Web.2"}, "blue", "peers.blue.example.", "A", "NOERROR " + second},
		{nil, "blue", "peers.blue.example.", "A", "NOERROR"},
		{nil, "blue", "_sql._tcp.peers.blue.example.", "SRV", "NOERROR"},
		{nil, "blue", "web.peers.blue.example.", "A", "NOERROR"},
		{all, "red", "peers.blue.example.", "A", "NXDOMAIN"},
		{all, "blue", "_sql._tcp.peers.blue.example.", "SRV", "NOERROR 0 0 15432 " + dash + ".peers.blue.example., 0 0 15432 web.peers.blue.example."},
		{all, "blue", "_sql._tcp.peers.blue.example.", "A", "NOERROR"},
		{all, "blue", "_metrics._tcp.peers.blue.example.", "SRV", "NOERROR 0 0 9100 web.peers.blue.example."},
		{all, "blue", "_tcp.peers.blue.example.", "SRV", "NOERROR"},
		{all, "blue", "_udp.peers.blue.example.", "SRV", "NXDOMAIN"},
		{all, "blue", "web.peers.blue.example.", "A", "NOERROR " + first},
		{all, "blue", dash + ".peers.blue.example.", "AAAA", "NOERROR " + six},
		{all, "blue", strings.ReplaceAll(two.Addresses[1].StringExpanded(), ":", "-") + ".peers.blue.example.", "A", "NOERROR " + second},
		{all, "blue", "leaf.peers.blue.example.", "A", "NOERROR"},
		{all, "blue", "secret.peers.blue.example.", "A", "NXDOMAIN"},
		{all, "blue", strings.ReplaceAll(secret.Addresses[0].String(), ".", "-") + ".peers.blue.example.", "A", "NOERROR " + first}, // the address is web's here
		{all, "blue", "hidden.peers.blue.example.", "A", "NXDOMAIN"},
		{all, "blue", "x.web.peers.blue.example.", "A", "NXDOMAIN"},
		{all, "blue", "web.db.blue.example.", "A", "NXDOMAIN"}, // db is not headless
	} {
		b.lists = b.listing(tt.listed...)
		if got := b.says(tt.from, tt.name, tt.kind); got != tt.want {
			t.Errorf("%s asks %s %s with %v: %s, want %s", tt.from, tt.kind, tt.name, tt.listed, got, tt.want)
		}
	}
	b.lists = b.listing(all...)
	if m := b.ask("blue", new(dns.Msg).SetQuestion("_metrics._tcp.peers.blue.example.", dns.TypeSRV)); len(m.Extra) != 2 || m.Extra[0].Header().Name != "web.peers.blue.example." {
		t.Errorf("beside the name of the server: %v", m.Extra)
	}
}

// TestHeadlessMany: an answer has as many backends as fit, never marked as cut, and each has its
// turn to come first.
func TestHeadlessMany(t *testing.T) {
	b := newBed(t)
	const n = 400
	endpoints := make([]model.ServiceEndpoint, n)
	b.put(topology.KindNetwork, "many", topology.NetworkSpec{Subnets: prefixes("10.9.0.0/16"), DNS: model.DNS{Enabled: true}})
	for i := range endpoints {
		endpoints[i].Port = fmt.Sprintf("p%03d", i)
		b.put(topology.KindPort, endpoints[i].Port, topology.PortSpec{Network: "many"})
	}
	b.put(model.KindService, "peers", model.ServiceSpec{Headless: true, Networks: []string{"many"}, Ports: []model.ServicePort{{Name: "sql", Port: 5432}}, Backends: model.ServiceBackends{Endpoints: endpoints}})
	calls := 0
	b.lists = NewLists(b.topo, func(*topology.Service, topology.Backend) bool { calls++; return true })
	first := map[string]bool{}
	for id := range uint16(n) {
		for _, kind := range []uint16{dns.TypeA, dns.TypeSRV} {
			name := "peers.many.internal."
			if kind == dns.TypeSRV {
				name = "_sql._tcp." + name
			}
			q := new(dns.Msg).SetQuestion(name, kind)
			q.Id = id
			q.SetEdns0(4096, false)
			m := b.ask("many", q)
			if least := map[uint16]int{dns.TypeA: 60, dns.TypeSRV: 15}[kind]; m.Truncated || m.Rcode != dns.RcodeSuccess || len(m.Answer) < least {
				t.Fatalf("%s: %d records, want %d: %v", name, len(m.Answer), least, m.MsgHdr)
			}
			if a, ok := m.Answer[0].(*dns.A); ok {
				first[a.A.String()] = true
			}
		}
	}
	if len(first) != n || calls != n {
		t.Errorf("%d of %d backends came first in %d answers each; they were looked at %d times", len(first), n, n, calls)
	}
}

// TestHeadlessExport: other servers get all backends that are not draining, and their names.
func TestHeadlessExport(t *testing.T) {
	b := newHeadlessBed(t)
	file := MasterFile(Export(b.topo, b.network("blue"), nil))
	var got []string
	for _, l := range lines(readBack(t, file)) {
		if strings.Contains(l, "peers") {
			got = append(got, l)
		}
	}
	want := []string{
		"10-0-0-3.peers.blue.example. 5 IN A 10.0.0.3",
		"10-0-0-3.peers.blue.example. 5 IN AAAA fd00:1::3",
		"_metrics._tcp.peers.blue.example. 5 IN SRV 0 0 9100 web.peers.blue.example.",
		"_sql._tcp.peers.blue.example. 5 IN SRV 0 0 15432 10-0-0-3.peers.blue.example.",
		"_sql._tcp.peers.blue.example. 5 IN SRV 0 0 15432 web.peers.blue.example.",
		"peers.blue.example. 5 IN A 10.0.0.2",
		"peers.blue.example. 5 IN A 10.0.0.3",
		"peers.blue.example. 5 IN AAAA fd00:1::2",
		"peers.blue.example. 5 IN AAAA fd00:1::3",
		"web.peers.blue.example. 5 IN A 10.0.0.2",
		"web.peers.blue.example. 5 IN AAAA fd00:1::2",
	}
	if !slices.Equal(got, want) {
		t.Errorf("%s", strings.Join(got, "\n"))
	}
	check(t, "blue.example", file)
}

// TestDashed: what backendLabel writes of an address reads back.
func TestDashed(t *testing.T) {
	for _, text := range []string{"10.0.0.3", "fd00:1::3", "fd00::", "2001:db8:1:2:3:4:5:6"} {
		a := netip.MustParseAddr(text)
		label := backendLabel(&topology.Port{Meta: topology.Meta{Name: "A.b"}, Addresses: []netip.Addr{a}})
		if got := dashed(label); got != a {
			t.Errorf("%s is %s, which reads as %s", a, label, got)
		}
	}
	for _, bad := range []string{"", "-", "web", "1-2-3", "10.0.0.3"} {
		if a := dashed(bad); a.IsValid() && bad != "10.0.0.3" {
			t.Errorf("%q reads as %s", bad, a)
		}
	}
}
