package nameserver

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// record declares records in the domain of blue.
func (b *bed) record(object, name string, kind model.DNSRecordType, values ...string) {
	b.t.Helper()
	b.put(model.KindDNSRecord, object, model.DNSRecordSpec{Network: "blue", Name: name, Type: kind, Values: values})
}

// answers asks for records, and returns the code and all records of the answer.
func (b *bed) answers(network, name, kind string) string {
	b.t.Helper()
	m := b.ask(network, new(dns.Msg).SetQuestion(name, dns.StringToType[kind]))
	all := []string{dns.RcodeToString[m.Rcode]}
	for _, rr := range m.Answer {
		all = append(all, strings.ReplaceAll(rr.String(), "\t", " "))
	}
	return strings.Join(all, "\n")
}

// TestDeclaredRecords: records of all types, under names of their own and beside those of ports and
// services.
func TestDeclaredRecords(t *testing.T) {
	b := newBed(t)
	b.record("mail", "mail", model.RecordA, "192.0.2.25", "192.0.2.26")
	b.record("mail6", "Mail", model.RecordAAAA, "2001:db8::25")
	b.record("mx", "@", model.RecordMX, "10 mail", "20 mx.example.com.")
	b.record("sip", "_sip._udp", model.RecordSRV, "0 5 5060 web")
	b.record("spf", "web", model.RecordTXT, `v=spf1 "quoted" back\slash`)
	b.record("long", "long.text", model.RecordTXT, strings.Repeat("x", 300))
	b.record("web6", "web", model.RecordA, "192.0.2.80")
	b.put(model.KindDNSRecord, "slow", model.DNSRecordSpec{Network: "blue", Name: "slow", Type: model.RecordA, Values: []string{"192.0.2.1"}, TTL: model.Duration(5 * time.Minute)})
	for _, tt := range []struct{ network, name, kind, want string }{
		{"blue", "mail.blue.example.", "A", "NOERROR\nmail.blue.example. 5 IN A 192.0.2.25\nmail.blue.example. 5 IN A 192.0.2.26"},
		{"blue", "MAIL.blue.example.", "AAAA", "NOERROR\nMAIL.blue.example. 5 IN AAAA 2001:db8::25"},
		{"green", "mail.blue.example.", "TXT", "NOERROR"},
		{"red", "mail.blue.example.", "A", "NXDOMAIN"},
		{"blue", "blue.example.", "MX", "NOERROR\nblue.example. 5 IN MX 10 mail.blue.example.\nblue.example. 5 IN MX 20 mx.example.com."},
		{"blue", "blue.example.", "A", "NOERROR\nblue.example. 5 IN A 10.0.0.1"},
		{"blue", "_sip._udp.blue.example.", "SRV", "NOERROR\n_sip._udp.blue.example. 5 IN SRV 0 5 5060 web.blue.example."},
		{"blue", "_udp.blue.example.", "SRV", "NOERROR"},
		{"blue", "web.blue.example.", "TXT", `NOERROR` + "\n" + `web.blue.example. 5 IN TXT "v=spf1 \"quoted\" back\\slash"`},
		{"blue", "web.blue.example.", "A", "NOERROR\nweb.blue.example. 5 IN A 10.0.0.2\nweb.blue.example. 5 IN A 192.0.2.80"},
		{"blue", "text.blue.example.", "A", "NOERROR"}, // between others
		{"blue", "text2.blue.example.", "A", "NXDOMAIN"},
		{"blue", "long.text.blue.example.", "TXT", `NOERROR` + "\n" + `long.text.blue.example. 5 IN TXT "` + strings.Repeat("x", 255) + `" "` + strings.Repeat("x", 45) + `"`},
		{"blue", "slow.blue.example.", "A", "NOERROR\nslow.blue.example. 300 IN A 192.0.2.1"},
	} {
		if d := cmp.Diff(tt.want, b.answers(tt.network, tt.name, tt.kind)); d != "" {
			t.Errorf("%s %s from %s (-want +got)\n%s", tt.name, tt.kind, tt.network, d)
		}
	}
	b.delete(model.KindDNSRecord, "slow")
	if got := b.answers("blue", "slow.blue.example.", "A"); got != "NXDOMAIN" {
		t.Errorf("a record that is gone: %s", got)
	}
}

// TestAliases: a name that is another name for something is answered with what that has, also over
// several names; a loop ends; what others know is asked of them.
func TestAliases(t *testing.T) {
	b := newBed(t)
	b.record("www", "www", model.RecordCNAME, "site")
	b.record("site", "site", model.RecordCNAME, "leaf.green.internal")
	b.record("db2", "db2", model.RecordCNAME, "db")
	b.record("loop1", "loop1", model.RecordCNAME, "loop2")
	b.record("loop2", "loop2", model.RecordCNAME, "loop1")
	b.record("out", "out", model.RecordCNAME, "www.example.com")
	b.record("shadowed", "web", model.RecordCNAME, "mail")
	for _, tt := range []struct{ name, kind, want string }{
		{"www.blue.example.", "A", "NOERROR\nwww.blue.example. 5 IN CNAME site.blue.example.\nsite.blue.example. 5 IN CNAME leaf.green.internal.\nleaf.green.internal. 5 IN A 10.1.0.2"},
		{"www.blue.example.", "CNAME", "NOERROR\nwww.blue.example. 5 IN CNAME site.blue.example."},
		{"db2.blue.example.", "AAAA", "NOERROR\ndb2.blue.example. 5 IN CNAME db.blue.example.\ndb.blue.example. 5 IN AAAA fd00:96::10"},
		{"out.blue.example.", "A", "NOERROR\nout.blue.example. 5 IN CNAME www.example.com."},
		{"web.blue.example.", "A", "NOERROR\nweb.blue.example. 5 IN A 10.0.0.2"},
	} {
		if d := cmp.Diff(tt.want, b.answers("blue", tt.name, tt.kind)); d != "" {
			t.Errorf("%s %s (-want +got)\n%s", tt.name, tt.kind, d)
		}
	}
	if got := strings.Count(b.answers("blue", "loop1.blue.example.", "A"), "CNAME"); got < 2 || got > maxAliases+1 {
		t.Errorf("a loop is followed %d times", got)
	}

	n, _ := b.topo.Network("blue")
	spec := n.Spec
	spec.DNS.Upstream = addrs("192.0.2.53")
	b.put(topology.KindNetwork, "blue", spec)
	message, err := new(dns.Msg).SetQuestion("Out.blue.example.", dns.TypeA).Pack()
	if err != nil {
		t.Fatal(err)
	}
	r := b.raw("blue", message)
	asked, upstream := new(dns.Msg), new(dns.Msg)
	if err := asked.Unpack(r.Question); err != nil || !r.Forward || asked.Question[0].Name != "www.example.com." {
		t.Fatalf("asks upstream for %v: %+v", asked.Question, r)
	}
	upstream.SetReply(asked)
	a, err := dns.NewRR("www.example.com. 60 IN A 198.51.100.7")
	if err != nil {
		t.Fatal(err)
	}
	upstream.Answer = []dns.RR{a}
	answer, err := upstream.Pack()
	if err != nil {
		t.Fatal(err)
	}
	whole, err := Behind(message, r.Before, answer, r.Limit)
	if err != nil {
		t.Fatal(err)
	}
	m := new(dns.Msg)
	if err := m.Unpack(whole); err != nil || len(m.Answer) != 2 || m.Question[0].Name != "Out.blue.example." || m.Answer[0].Header().Name != "Out.blue.example." || m.Answer[1].(*dns.A).A.String() != "198.51.100.7" {
		t.Errorf("%v: %v", err, m)
	}
}
