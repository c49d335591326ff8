package model

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestNormalRecords: records as people write them, as they are stored, and what is wrong with them.
func TestNormalRecords(t *testing.T) {
	long := strings.Repeat("x", 1025)
	for _, tt := range []struct{ in, want, problem string }{
		{`{"network":"blue","name":"Mail.","type":"a","values":["192.0.2.25"," ::ffff:192.0.2.26"]}`, `{"network":"blue","name":"mail","type":"A","values":["192.0.2.25","192.0.2.26"]}`, ""},
		{`{"network":"blue","name":"_sip._TCP","type":"SRV","values":["0  5 5060 Sip.Example.Com."],"ttl":"5m"}`, `{"network":"blue","name":"_sip._tcp","type":"SRV","values":["0 5 5060 sip.example.com"],"ttl":"5m"}`, ""},
		{`{"network":"blue","name":"@","type":"TXT","values":["v=spf1 -all"]}`, `{"network":"blue","name":"@","type":"TXT","values":["v=spf1 -all"]}`, ""},
		{`{"name":"a","type":"A","values":["192.0.2.1"]}`, "", "spec.network: is missing"},
		{`{"network":"blue","type":"A","values":["192.0.2.1"]}`, "", "spec.name: is missing"},
		{`{"network":"blue","name":"*.dev","type":"A","values":["192.0.2.1"]}`, "", `spec.name: "*.dev" is a wildcard, which is not supported`},
		{`{"network":"blue","name":"a b","type":"A","values":["192.0.2.1"]}`, "", `spec.name: "a b" is not a name in a domain`},
		{`{"network":"blue","name":"` + long + `","type":"A","values":["192.0.2.1"]}`, "", "spec.name: 1025 characters, at most 142 are allowed"},
		{`{"network":"blue","name":"a","type":"PTR","values":["b"]}`, "", `spec.type: "PTR" is not a type of records`},
		{`{"network":"blue","name":"a","type":"A","values":["2001:db8::1"]}`, "", `spec.values[0]: "2001:db8::1" is not the value of a record of type A`},
		{`{"network":"blue","name":"a","type":"AAAA","values":["fe80::1%eth0"]}`, "", `spec.values[0]: "fe80::1%eth0" is not the value of a record of type AAAA`},
		{`{"network":"blue","name":"a","type":"MX","values":["mail"]}`, "", `spec.values[0]: "mail" is not the value of a record of type MX`},
		{`{"network":"blue","name":"a","type":"SRV","values":["0 5 99999 sip"]}`, "", `spec.values[0]: "0 5 99999 sip" is not the value of a record of type SRV`},
		{`{"network":"blue","name":"a","type":"CNAME","values":["b","c"]}`, "", "spec.values: a name can be another name for one thing only (CNAME)"},
		{`{"network":"blue","name":"@","type":"CNAME","values":["b"]}`, "", "spec.name: the domain itself cannot be another name for something else"},
		{`{"network":"blue","name":"a","type":"TXT","values":["` + long + `"]}`, "", `spec.values[0]: "` + long + `" is not the value of a record of type TXT`},
		{`{"network":"blue","name":"a","type":"A","values":[]}`, "", "spec.values: is missing"},
		{`{"network":"blue","name":"a","type":"A","values":["192.0.2.1","192.0.2.1"]}`, "", `spec.values[1]: "192.0.2.1" is there twice`},
		{`{"network":"blue","name":"a","type":"A","values":["192.0.2.1"],"ttl":"25h"}`, "", "spec.ttl: 25h is out of range"},
	} {
		out, problems := normal(t, KindDNSRecord, tt.in)
		if tt.problem != "" {
			if len(problems) != 1 || problems[0] != tt.problem {
				t.Errorf("%s: %q, want %q", tt.in, problems, tt.problem)
			}
			continue
		}
		got, err := json.Marshal(out)
		if err != nil || len(problems) > 0 {
			t.Errorf("%s: %v, %q", tt.in, err, problems)
		}
		if d := cmp.Diff(tt.want, string(got)); d != "" {
			t.Errorf("%s (-want +got)\n%s", tt.in, d)
		}
	}
}
