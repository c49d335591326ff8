package nameserver

import (
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// exportBed has names of every kind.
func exportBed(t *testing.T) *bed {
	b := newBed(t)
	b.record("mail", "mail", model.RecordA, "192.0.2.25")
	b.record("mx", "@", model.RecordMX, "10 mail", "20 mx.example.com.")
	b.record("sip", "_sip._udp", model.RecordSRV, "0 5 5060 web")
	b.record("txt", "web", model.RecordTXT, `v=spf1 "quoted"; back\slash`, strings.Repeat("x", 300))
	b.record("www", "www", model.RecordCNAME, "web")
	b.record("shadowed", "db", model.RecordCNAME, "web")
	b.put(model.KindPort, "DB", topology.PortSpec{Network: "blue"})   // a service has the name
	b.put(model.KindPort, "a..b", topology.PortSpec{Network: "blue"}) // no name of DNS
	return b
}

// network returns one of the topology.
func (b *bed) network(name string) *topology.Network {
	n, ok := b.topo.Network(name)
	if !ok {
		b.t.Fatal("no network", name)
	}
	return n
}

// lines returns records as text, each with single spaces.
func lines(all []dns.RR) (out []string) {
	for _, rr := range all {
		out = append(out, strings.Join(strings.Fields(rr.String()), " "))
	}
	return out
}

// readBack reads a file of a zone.
func readBack(t *testing.T, file string) (all []dns.RR) {
	t.Helper()
	p := dns.NewZoneParser(strings.NewReader(file), "", "")
	for rr, ok := p.Next(); ok; rr, ok = p.Next() {
		all = append(all, rr)
	}
	if err := p.Err(); err != nil {
		t.Fatalf("%v\n%s", err, file)
	}
	return all
}

// check has BIND read a zone, which must have the number of records.
func check(t *testing.T, origin, file string) {
	t.Helper()
	tool, err := exec.LookPath("named-checkzone")
	if err != nil {
		t.Skip("named-checkzone is not installed (bind9-utils)")
	}
	path := filepath.Join(t.TempDir(), "zone")
	if err := os.WriteFile(path, []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), tool, "-i", "local", "-k", "ignore", origin, path).CombinedOutput()
	if err != nil || !strings.HasSuffix(strings.TrimSpace(string(out)), "OK") {
		t.Errorf("%v: %s", err, out)
	}
}

// TestExport: a zone has what sdnd answers the network's ports with, and nothing of other routing
// domains, of names that are others' or of none; whoever reads files of zones reads the same.
func TestExport(t *testing.T) {
	b := exportBed(t)
	got := Export(b.topo, b.network("blue"), []string{"ns1.example.com.", "ns2.example.com."})
	long := `"` + strings.Repeat("x", 255) + `" "` + strings.Repeat("x", 45) + `"`
	want := []string{
		"blue.example. 5 IN SOA ns1.example.com. hostmaster.blue.example. " + fmt.Sprint(b.topo.Revision()) + " 60 30 86400 5",
		"blue.example. 5 IN NS ns1.example.com.",
		"blue.example. 5 IN NS ns2.example.com.",
		"_info._udp.db.blue.example. 5 IN SRV 0 0 53 db.blue.example.",
		"_metrics._tcp.web.blue.example. 5 IN SRV 0 0 9100 web.blue.example.",
		"_sip._udp.blue.example. 5 IN SRV 0 5 5060 web.blue.example.",
		"_sql._tcp.db.blue.example. 5 IN SRV 0 0 5432 db.blue.example.",
		"blue.example. 5 IN MX 10 mail.blue.example.",
		"blue.example. 5 IN MX 20 mx.example.com.",
		"db.blue.example. 5 IN A 10.96.0.10",
		"db.blue.example. 5 IN AAAA fd00:96::10",
		"mail.blue.example. 5 IN A 192.0.2.25",
		"web.2.blue.example. 5 IN A 10.0.0.3",
		"web.2.blue.example. 5 IN AAAA fd00:1::3",
		"web.blue.example. 5 IN A 10.0.0.2",
		`web.blue.example. 5 IN TXT "v=spf1 \"quoted\"; back\\slash"`,
		"web.blue.example. 5 IN TXT " + long,
		"web.blue.example. 5 IN AAAA fd00:1::2",
		"www.blue.example. 5 IN CNAME web.blue.example.",
	}
	if d := cmp.Diff(want, lines(got)); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
	file := MasterFile(got)
	if d := cmp.Diff(lines(got), lines(readBack(t, file))); d != "" {
		t.Errorf("read back (-want +got)\n%s", d)
	}
	for _, rr := range got[3:] {
		h := rr.Header()
		if answer := b.answers("blue", h.Name, dns.TypeToString[h.Rrtype]); !strings.Contains(answer, strings.ReplaceAll(rr.String(), "\t", " ")) {
			t.Errorf("%s is not answered: %s", rr, answer)
		}
	}
	check(t, "blue.example", file)
	if got := lines(Export(b.topo, b.network("red"), nil)); len(got) != 3 || got[1] != "blue.example. 5 IN NS localhost." || got[2] != "secret.blue.example. 5 IN A 10.0.0.2" {
		t.Errorf("red, which has the same domain: %q", got)
	}
	check(t, "green.internal", MasterFile(Export(b.topo, b.network("green"), nil)))
}

// TestExportReverse: a zone of addresses has the names of those that have one, of ports in all
// networks of the routing domain and of services (P-DNS-11).
func TestExportReverse(t *testing.T) {
	b := exportBed(t)
	for _, tt := range []struct {
		of, origin string
		want       []string
	}{
		{"10.0.0.0/24", "0.0.10.in-addr.arpa.", []string{"2.0.0.10.in-addr.arpa. 5 IN PTR web.blue.example.", "3.0.0.10.in-addr.arpa. 5 IN PTR web.2.blue.example.", "4.0.0.10.in-addr.arpa. 5 IN PTR db.blue.example."}},
		{"10.96.0.0/16", "96.10.in-addr.arpa.", []string{"10.0.96.10.in-addr.arpa. 5 IN PTR db.blue.example."}},
		{"10.1.0.0/24", "0.1.10.in-addr.arpa.", []string{"2.0.1.10.in-addr.arpa. 5 IN PTR leaf.green.internal."}},
		{"10.2.0.0/24", "0.2.10.in-addr.arpa.", nil}, // it has no DNS
	} {
		got, err := ExportReverse(b.topo, b.network("blue"), netip.MustParsePrefix(tt.of), nil)
		if err != nil || len(got) < 2 || got[0].Header().Name != tt.origin {
			t.Fatalf("%s: %v, %v", tt.of, got, err)
		}
		if d := cmp.Diff(tt.want, lines(got[2:])); d != "" {
			t.Errorf("%s (-want +got)\n%s", tt.of, d)
		}
		check(t, tt.origin, MasterFile(got))
	}
	got, err := ExportReverse(b.topo, b.network("blue"), netip.MustParsePrefix("fd00:1::/64"), nil)
	if err != nil || len(got) != 5 || got[0].Header().Name != "0.0.0.0.0.0.0.0.0.0.0.0.1.0.0.0.0.0.d.f.ip6.arpa." && got[0].Header().Name != "0.0.0.0.0.0.0.0.1.0.0.0.0.0.d.f.ip6.arpa." {
		t.Errorf("%v, %v", lines(got), err)
	}
	if answer := b.answers("blue", "5.0.0.10.in-addr.arpa.", "PTR"); answer != "NXDOMAIN" {
		t.Errorf("the address of a port whose name is none of DNS: %s", answer)
	}
	for _, bad := range []string{"10.0.0.0/25", "10.0.0.1/24", "0.0.0.0/0", "10.0.0.1/32", "fd00::/65", "fd00::1/128"} {
		if _, err := ExportReverse(b.topo, b.network("blue"), netip.MustParsePrefix(bad), nil); err == nil {
			t.Errorf("%s is a zone", bad)
		}
	}
}

// TestReverseRange: the name of a zone of addresses leads to its range, and no other name to one.
func TestReverseRange(t *testing.T) {
	for _, text := range []string{"10.0.0.0/8", "10.7.0.0/16", "10.0.0.0/24", "fd00:1::/64", "fd00::/8", "2000::/4", "2001:db8::/36"} {
		of := netip.MustParsePrefix(text)
		name, err := reverseOrigin(of)
		if got, ok := ReverseRange(name); err != nil || !ok || got != of {
			t.Errorf("%s is of %s, which is that of %v, %t", name, text, got, ok)
		}
	}
	for _, name := range []string{".", "arpa.", "in-addr.arpa.", "ip6.arpa.", "x.in-addr.arpa.", "256.in-addr.arpa.", "01.in-addr.arpa.", "1.2.3.4.in-addr.arpa.", "1.1.2.3.4.in-addr.arpa.", "10.ip6.arpa.", "g.ip6.arpa.", "F.ip6.arpa.", strings.Repeat("0.", 32) + "ip6.arpa.", "blue.example.", "10.other.arpa."} {
		if of, ok := ReverseRange(name); ok {
			t.Errorf("%s is of %s", name, of)
		}
	}
}
