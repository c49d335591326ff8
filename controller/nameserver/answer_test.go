package nameserver

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// bed is a topology, and a network whose ports ask.
type bed struct {
	t    testing.TB
	topo *topology.Snapshot
	// lists are the backends of headless services; nil for none.
	lists *Lists
}

func prefixes(all ...string) (s []topology.Subnet) {
	for _, p := range all {
		s = append(s, topology.Subnet{Prefix: netip.MustParsePrefix(p)})
	}
	return s
}

func addrs(all ...string) (s []netip.Addr) {
	for _, a := range all {
		s = append(s, netip.MustParseAddr(a))
	}
	return s
}

// newBed has two tenants with the same names and addresses: networks blue and green, which a
// router joins, and red alone. Services of blue's router, and of green alone.
func newBed(t testing.TB) *bed {
	b := &bed{t: t, topo: topology.NewSnapshot()}
	b.put(topology.KindNetwork, "blue", topology.NetworkSpec{Subnets: prefixes("10.0.0.0/24", "fd00:1::/64"), DNS: model.DNS{Enabled: true, Domain: "blue.example"}})
	b.put(topology.KindNetwork, "green", topology.NetworkSpec{Subnets: prefixes("10.1.0.0/24"), DNS: model.DNS{Enabled: true}})
	b.put(topology.KindNetwork, "red", topology.NetworkSpec{Subnets: prefixes("10.0.0.0/24"), DNS: model.DNS{Enabled: true, Domain: "blue.example"}})
	b.put(topology.KindNetwork, "quiet", topology.NetworkSpec{Subnets: prefixes("10.2.0.0/24")})
	b.put(topology.KindRouter, "r", topology.RouterSpec{Networks: []string{"blue", "green", "quiet"}})
	named := map[string]model.PolicyPort{"metrics": {Protocol: model.ProtocolTCP, First: 9100, Last: 9100}}
	b.put(topology.KindPort, "web", topology.PortSpec{Network: "blue", NamedPorts: named})
	b.put(topology.KindPort, "Web.2", topology.PortSpec{Network: "blue"})
	b.put(topology.KindPort, "leaf", topology.PortSpec{Network: "green"})
	b.put(topology.KindPort, "secret", topology.PortSpec{Network: "red"})
	b.put(topology.KindPort, "hidden", topology.PortSpec{Network: "quiet"})
	b.put(topology.KindService, "db", model.ServiceSpec{Addresses: addrs("10.96.0.10", "fd00:96::10"), Routers: []string{"r"}, Ports: []model.ServicePort{{Name: "sql", Port: 5432}, {Name: "info", Protocol: model.ProtocolUDP, Port: 53}}})
	b.put(topology.KindService, "own", model.ServiceSpec{Addresses: addrs("10.96.0.11"), Networks: []string{"green"}, Ports: []model.ServicePort{{Port: 80}}})
	return b
}

func (b *bed) do(op topology.Op) {
	b.t.Helper()
	r, err := topology.Plan(b.topo, []topology.Op{op}, time.Time{})
	if err != nil {
		b.t.Fatal(err)
	}
	b.topo = r.Next
}

func (b *bed) put(k topology.Kind, name string, s topology.Spec) {
	b.t.Helper()
	b.do(topology.Op{Verb: topology.Put, Ref: topology.Ref{Kind: k, Name: name}, Spec: s})
}

func (b *bed) delete(k topology.Kind, name string) {
	b.t.Helper()
	b.do(topology.Op{Verb: topology.Delete, Ref: topology.Ref{Kind: k, Name: name}})
}

// raw asks a message from a network.
func (b *bed) raw(network string, message []byte) Result {
	b.t.Helper()
	n, ok := b.topo.Network(network)
	if !ok {
		b.t.Fatalf("no network %s", network)
	}
	return Answer(Asker{Topo: b.topo, Network: n, Gateways: addrs("10.0.0.1", "fd00:1::1"), MaxSize: 1400, Lists: b.lists}, message)
}

func (b *bed) ask(network string, q *dns.Msg) *dns.Msg {
	b.t.Helper()
	message, err := q.Pack()
	if err != nil {
		b.t.Fatal(err)
	}
	r := b.raw(network, message)
	m := new(dns.Msg)
	if err := m.Unpack(r.Reply); err != nil {
		b.t.Fatalf("%s: %v", r.What, err)
	}
	if m.Id != q.Id || !m.Response || len(m.Question) > 0 && m.Question[0] != q.Question[0] {
		b.t.Errorf("%v answers %v", m, q)
	}
	return m
}

// says asks for records, and returns the code and the values of the answer.
func (b *bed) says(network, name, kind string) string {
	b.t.Helper()
	m := b.ask(network, new(dns.Msg).SetQuestion(name, dns.StringToType[kind]))
	var all []string
	for _, rr := range m.Answer {
		if rr.Header().Name != name || rr.Header().Ttl != TTL {
			b.t.Errorf("%s: answered with %v", name, rr)
		}
		all = append(all, strings.TrimPrefix(rr.String(), rr.Header().String()))
	}
	if negative := len(m.Ns) == 1 && m.Ns[0].(*dns.SOA).Minttl == TTL && m.Ns[0].Header().Ttl == TTL; negative != (len(all) == 0 && m.Rcode != dns.RcodeRefused) {
		b.t.Errorf("%s %s: %v", name, kind, m)
	}
	slices.Sort(all)
	return strings.TrimSpace(dns.RcodeToString[m.Rcode] + " " + strings.Join(all, ", "))
}

// TestNames: what each network's ports get to know. A name of one that has no record of the
// type is no error (P-DNS-03), and names in any case are the same (P-DNS-02); names of
// other routing domains do not exist; services have their names where they can be used; addresses of networks have names or none, and nobody
// else is asked for them (P-DNS-06).
func TestNames(t *testing.T) {
	b := newBed(t)
	web, _ := b.topo.Port("web")
	two, _ := b.topo.Port("Web.2")
	four, six := web.Addresses[0].String(), web.Addresses[1].String()
	reverse := func(a string) string { r, _ := dns.ReverseAddr(a); return r }
	for _, tt := range []struct{ from, name, kind, want string }{
		{"blue", "web.blue.example.", "A", "NOERROR " + four},
		{"blue", "web.blue.example.", "AAAA", "NOERROR " + six},
		{"blue", "WeB.Blue.EXAMPLE.", "A", "NOERROR " + four},
		{"blue", "web.blue.example.", "TXT", "NOERROR"},
		{"green", "web.blue.example.", "A", "NOERROR " + four},
		{"red", "web.blue.example.", "A", "NXDOMAIN"},
		{"red", "secret.blue.example.", "AAAA", "NOERROR"},
		{"blue", "secret.blue.example.", "A", "NXDOMAIN"},
		{"blue", "leaf.green.internal.", "AAAA", "NOERROR"},
		{"blue", "leaf.blue.example.", "A", "NXDOMAIN"},
		{"red", "leaf.green.internal.", "A", "REFUSED"},
		{"blue", "hidden.quiet.internal.", "A", "REFUSED"},
		{"blue", "web.2.blue.example.", "A", "NOERROR " + two.Addresses[0].String()},
		{"blue", "2.blue.example.", "A", "NOERROR"}, // web.2 is below it
		{"blue", "3.blue.example.", "A", "NXDOMAIN"},
		{"blue", "x.web.blue.example.", "A", "NXDOMAIN"},
		{"blue", "outside.example.", "A", "REFUSED"},
		{"blue", "outside.example.blue.example.", "A", "NXDOMAIN"},
		{"blue", "db.blue.example.", "A", "NOERROR 10.96.0.10"},
		{"green", "db.green.internal.", "AAAA", "NOERROR fd00:96::10"},
		{"red", "db.blue.example.", "A", "NXDOMAIN"},
		{"green", "own.green.internal.", "A", "NOERROR 10.96.0.11"},
		{"green", "own.blue.example.", "A", "NXDOMAIN"},
		{"blue", "own.green.internal.", "A", "NXDOMAIN"},
		{"blue", "_sql._tcp.db.blue.example.", "SRV", "NOERROR 0 0 5432 db.blue.example."},
		{"blue", "_SQL._TCP.DB.blue.example.", "SRV", "NOERROR 0 0 5432 db.blue.example."},
		{"blue", "_sql._udp.db.blue.example.", "SRV", "NXDOMAIN"},
		{"blue", "_sql._tcp.db.blue.example.", "A", "NOERROR"},
		{"blue", "_tcp.db.blue.example.", "SRV", "NOERROR"},
		{"blue", "_metrics._tcp.web.blue.example.", "SRV", "NOERROR 0 0 9100 web.blue.example."},
		{"blue", "_other._tcp.web.blue.example.", "SRV", "NXDOMAIN"},
		{"blue", "blue.example.", "A", "NOERROR 10.0.0.1"},
		{"blue", "blue.example.", "NS", "NOERROR blue.example."},
		{"blue", reverse(four), "PTR", "NOERROR web.blue.example."},
		{"blue", reverse(six), "PTR", "NOERROR web.blue.example."},
		{"green", reverse(two.Addresses[0].String()), "PTR", "NOERROR web.2.blue.example."},
		{"blue", reverse("10.0.0.200"), "PTR", "NXDOMAIN"},
		{"blue", reverse("10.2.0.2"), "PTR", "NXDOMAIN"}, // of a network without DNS
		{"blue", reverse("10.96.0.10"), "PTR", "NOERROR db.blue.example."},
		{"red", reverse("10.96.0.10"), "PTR", "REFUSED"},
		{"blue", reverse("192.0.2.1"), "PTR", "REFUSED"},
		{"blue", "0.0.10.in-addr.arpa.", "PTR", "REFUSED"},
		{"blue", ".", "NS", "REFUSED"},
		{"blue", "blue.example.", "AXFR", "REFUSED"},
	} {
		if got := b.says(tt.from, tt.name, tt.kind); got != tt.want {
			t.Errorf("%s asks for %s %s: %s, want %s", tt.from, tt.name, tt.kind, got, tt.want)
		}
	}
}

// TestNamesFollowChanges: names come and go with the commit that changes a port, a router
// or a network (P-DNS-05, P-DNS-07).
func TestNamesFollowChanges(t *testing.T) {
	b := newBed(t)
	see := func(what, from, name, want string) {
		t.Helper()
		if got := b.says(from, name, "A"); !strings.HasPrefix(got+" ", want+" ") {
			t.Errorf("%s: %s asks for %s: %s, want %s", what, from, name, got, want)
		}
	}
	see("before", "blue", "new.blue.example.", "NXDOMAIN")
	b.put(topology.KindPort, "new", topology.PortSpec{Network: "blue"})
	see("a port is created", "blue", "new.blue.example.", "NOERROR")
	b.delete(topology.KindPort, "new")
	see("it is deleted", "blue", "new.blue.example.", "NXDOMAIN")
	b.put(topology.KindRouter, "r", topology.RouterSpec{Networks: []string{"blue", "quiet"}})
	see("the router leaves a network out", "blue", "leaf.green.internal.", "REFUSED")
	see("the router leaves a network out", "green", "leaf.green.internal.", "NOERROR")
	see("the router leaves a network out", "green", "web.blue.example.", "REFUSED")
	b.put(topology.KindRouter, "r", topology.RouterSpec{Networks: []string{"blue", "green"}})
	see("the router joins it again", "blue", "leaf.green.internal.", "NOERROR")
	b.put(topology.KindNetwork, "green", topology.NetworkSpec{Subnets: prefixes("10.1.0.0/24"), DNS: model.DNS{Enabled: true, Domain: "leaves.example"}})
	see("another domain", "blue", "leaf.leaves.example.", "NOERROR")
	see("another domain", "blue", "leaf.green.internal.", "REFUSED")
	b.put(topology.KindNetwork, "green", topology.NetworkSpec{Subnets: prefixes("10.1.0.0/24")})
	see("no DNS any more", "blue", "leaf.leaves.example.", "REFUSED")
	b.put(topology.KindNetwork, "quiet", topology.NetworkSpec{Subnets: prefixes("10.2.0.0/24"), DNS: model.DNS{Enabled: true, Domain: "web.blue.example"}})
	b.put(topology.KindRouter, "r", topology.RouterSpec{Networks: []string{"blue", "green", "quiet"}})
	see("a domain below another one", "blue", "hidden.web.blue.example.", "NOERROR")
	b.delete(topology.KindService, "db")
	b.delete(topology.KindRouter, "r")
	see("no router", "blue", "hidden.web.blue.example.", "NXDOMAIN")
}

// TestEDNS: an OPT record is answered with one of our own; options are ignored, a later
// version is refused, and the flag DO is copied (P-DNS-01; RFC 6891, 6.1).
func TestEDNS(t *testing.T) {
	b := newBed(t)
	q := func() *dns.Msg { return new(dns.Msg).SetQuestion("web.blue.example.", dns.TypeA) }
	with := func(opts ...dns.EDNS0) *dns.Msg {
		m := q().SetEdns0(512, true)
		m.IsEdns0().Option = opts
		return m
	}
	later := q().SetEdns0(1232, false)
	later.IsEdns0().SetVersion(1)
	twice := with()
	twice.Extra = append(twice.Extra, twice.Extra[0])
	for name, tt := range map[string]struct {
		q     *dns.Msg
		rcode int
		opt   bool
	}{
		"none":           {q(), dns.RcodeSuccess, false},
		"plain":          {with(), dns.RcodeSuccess, true},
		"cookie":         {with(&dns.EDNS0_COOKIE{Code: dns.EDNS0COOKIE, Cookie: "0102030405060708"}), dns.RcodeSuccess, true},
		"unknown option": {with(&dns.EDNS0_LOCAL{Code: 65001, Data: []byte("x")}), dns.RcodeSuccess, true},
		"version 1":      {later, dns.RcodeBadVers, true},
		"two":            {twice, dns.RcodeFormatError, true},
	} {
		m := b.ask("blue", tt.q)
		opt := m.IsEdns0()
		if m.Rcode != tt.rcode || (opt != nil) != tt.opt || (len(m.Answer) == 1) != (tt.rcode == dns.RcodeSuccess) {
			t.Errorf("%s: %v", name, m)
		}
		if opt != nil && (opt.Version() != 0 || len(opt.Option) > 0 || opt.UDPSize() != ownSize || opt.Do() != tt.q.IsEdns0().Do()) {
			t.Errorf("%s: %v", name, opt)
		}
	}
}

// TestErrors: questions that are none.
func TestErrors(t *testing.T) {
	b := newBed(t)
	notify := new(dns.Msg).SetQuestion("blue.example.", dns.TypeSOA)
	notify.Opcode = dns.OpcodeNotify
	two := new(dns.Msg).SetQuestion("blue.example.", dns.TypeSOA)
	two.Question = append(two.Question, two.Question[0])
	chaos := new(dns.Msg).SetQuestion("version.bind.", dns.TypeTXT)
	chaos.Question[0].Qclass = dns.ClassCHAOS
	for name, tt := range map[string]struct {
		q     *dns.Msg
		rcode int
	}{"notify": {notify, dns.RcodeNotImplemented}, "two questions": {two, dns.RcodeFormatError}, "none": {new(dns.Msg), dns.RcodeFormatError}, "chaos": {chaos, dns.RcodeRefused}} {
		if m := b.ask("blue", tt.q); m.Rcode != tt.rcode || len(m.Answer) > 0 {
			t.Errorf("%s: %v", name, m)
		}
	}
	good, err := new(dns.Msg).SetQuestion("web.blue.example.", dns.TypeA).Pack()
	if err != nil {
		t.Fatal(err)
	}
	for n := range len(good) {
		r := b.raw("blue", good[:n])
		m := new(dns.Msg)
		if n < 12 && r.Reply != nil || n > 12 && (m.Unpack(r.Reply) != nil || m.Rcode == dns.RcodeSuccess) {
			t.Errorf("%d bytes: %x, %s", n, r.Reply, r.What)
		}
	}
}

// TestLongAnswers: nobody answers TCP, so an answer that is too long has the records that
// fit, and is not marked as truncated (P-DNS-04).
func TestLongAnswers(t *testing.T) {
	m := func() *dns.Msg {
		m := new(dns.Msg).SetQuestion("many.blue.example.", dns.TypeA)
		for i := range 60 {
			m.Answer = append(m.Answer, addresses("many.blue.example.", dns.TypeA, addrs(fmt.Sprintf("10.0.0.%d", i)))...)
		}
		m.Compress = true
		return m
	}
	for limit, least := range map[int]int{512: 25, 1232: 60} {
		b, err := fit(m(), limit)
		got := new(dns.Msg)
		if err != nil || len(b) > limit || got.Unpack(b) != nil || len(got.Answer) < least || got.Truncated {
			t.Errorf("%d bytes: %d of %d records in %d bytes, truncated %v, %v", limit, len(got.Answer), least, len(b), got.Truncated, err)
		}
	}
	for _, edns := range []bool{false, true} {
		huge := new(dns.Msg).SetQuestion("many.blue.example.", dns.TypeTXT)
		huge.Authoritative = true
		huge.Answer = []dns.RR{&dns.TXT{Hdr: header("many.blue.example.", dns.TypeTXT), Txt: []string{strings.Repeat("x", 255), strings.Repeat("y", 255)}}}
		if edns {
			huge.SetEdns0(512, false)
		}
		b, err := fit(huge, 512)
		got := new(dns.Msg)
		if err != nil || len(b) > 512 || got.Unpack(b) != nil || got.Truncated || got.Rcode != dns.RcodeServerFailure || len(got.Answer) > 0 {
			t.Errorf("one record that does not fit: %v, %v, want SERVFAIL without the mark", got, err)
		}
		if opt := got.IsEdns0(); edns != (opt != nil) || edns && !strings.Contains(got.String(), "there is no TCP") {
			t.Errorf("one record that does not fit: %v, want it to say why to who knows EDNS", got)
		}
	}
}
