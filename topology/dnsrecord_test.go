package topology

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/sdnctl/sdnctl/topology/model"
)

// TestPlanRecords: records need their network, which stays while it has some, and a name that is
// another name for something has no other records.
func TestPlanRecords(t *testing.T) {
	record := func(object, network, name string, kind model.DNSRecordType, value string) Op {
		return Op{Verb: Put, Ref: Ref{Kind: model.KindDNSRecord, Name: object}, Spec: model.DNSRecordSpec{Network: network, Name: name, Type: kind, Values: []string{value}}}
	}
	network := func(name string) Op {
		return Op{Verb: Put, Ref: Ref{Kind: KindNetwork, Name: name}, Spec: NetworkSpec{CIDR: netip.MustParsePrefix("10.0.0.0/24")}}
	}
	s := NewSnapshot()
	apply := func(want string, ops ...Op) {
		t.Helper()
		r, err := Plan(s, ops, time.Time{})
		switch {
		case want == "" && err == nil:
			s = r.Next
		case want == "" || err == nil || !strings.Contains(err.Error(), want):
			t.Errorf("%v, want %q", err, want)
		}
	}
	apply(`there is no network "blue"`, record("mail", "blue", "mail", model.RecordA, "192.0.2.1"))
	apply("", network("blue"), record("mail", "blue", "mail", model.RecordA, "192.0.2.1"))
	apply("", network("red"), record("mail-red", "red", "mail", model.RecordCNAME, "www"))
	apply("", record("mail6", "blue", "mail", model.RecordAAAA, "2001:db8::1"))
	apply("has no other records", record("alias", "blue", "Mail", model.RecordCNAME, "www"))
	apply("has no other records", record("more", "red", "mail", model.RecordTXT, "hello"))
	apply("", record("mail-red", "red", "mail", model.RecordCNAME, "www2"))
	apply("dnsrecord/mail and dnsrecord/mail6", Op{Verb: Delete, Ref: Ref{Kind: KindNetwork, Name: "blue"}})
	apply("", Op{Verb: Delete, Ref: Ref{Kind: KindNetwork, Name: "red"}}, Op{Verb: Delete, Ref: Ref{Kind: model.KindDNSRecord, Name: "mail-red"}})
	apply("", record("mail", "blue", "post", model.RecordA, "192.0.2.1"), Op{Verb: Delete, Ref: Ref{Kind: model.KindDNSRecord, Name: "mail6"}}, record("alias", "blue", "mail", model.RecordCNAME, "post"))
	n, _ := s.Network("blue")
	spec := n.Spec
	spec.DNS.Enabled = true
	apply("", Op{Verb: Put, Ref: n.Ref(), Spec: spec})
	n, _ = s.Network("blue")
	names := func(name string) (all []string) {
		for r := range s.NamesFor(n).Records(name, "blue.internal") {
			all = append(all, r.Name)
		}
		return all
	}
	if a, b := names("mail"), names("post"); len(a) != 1 || a[0] != "alias" || len(b) != 1 || b[0] != "mail" {
		t.Errorf("mail: %v; post: %v", a, b)
	}
}
