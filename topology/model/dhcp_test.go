package model

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

// TestDHCPProblems: what DHCP cannot carry is refused, with the field.
func TestDHCPProblems(t *testing.T) {
	for _, tt := range []struct{ spec, field string }{
		{`{"cidr":"10.0.0.0/24","dhcp":{"enabled":true,"leaseTime":"24h","domain":"Blue.Example.","options":[{"number":150,"value":"ip:10.0.0.5"}]}}`, ""},
		{`{"cidr":"10.0.0.0/24","dhcp":{"leaseTime":"9s"}}`, "spec.dhcp.leaseTime"},
		{`{"cidr":"fd00::/64","dhcp":{"enabled":true}}`, "spec.dhcp.enabled"},
		{`{"cidr":"10.0.0.0/24","dhcp":{"dns":["10.0.0.1","10.0.0.1"]}}`, "spec.dhcp.dns[1]"},
		{`{"cidr":"10.0.0.0/24","dhcp":{"ntp":["224.0.0.1"]}}`, "spec.dhcp.ntp[0]"},
		{`{"cidr":"10.0.0.0/24","dhcp":{"domain":"a b"}}`, "spec.dhcp.domain"},
		{`{"cidr":"10.0.0.0/24","dhcp":{"search":["a..b"]}}`, "spec.dhcp.search[0]"},
		{`{"cidr":"10.0.0.0/24","dhcp":{"routes":[{"cidr":"0.0.0.0/0","via":"10.0.0.9"}]}}`, "spec.dhcp.routes[0].cidr"},
		{`{"cidr":"10.0.0.0/24","dhcp":{"routes":[{"cidr":"10.5.0.0/16","via":"fd00::1"}]}}`, "spec.dhcp.routes[0].via"},
		{`{"cidr":"10.0.0.0/24","dhcp":{"bootServer":"fd00::1"}}`, "spec.dhcp.bootServer"},
		{`{"cidr":"10.0.0.0/24","dhcp":{"bootFile":"a b"}}`, "spec.dhcp.bootFile"},
		{`{"cidr":"10.0.0.0/24","dhcp":{"options":[{"number":51,"value":"hex:00"}]}}`, "spec.dhcp.options[0].number"},
		{`{"cidr":"10.0.0.0/24","dhcp":{"options":[{"number":255,"value":"hex:00"}]}}`, "spec.dhcp.options[0].number"},
		{`{"cidr":"10.0.0.0/24","dhcp":{"options":[{"number":43,"value":"00"}]}}`, "spec.dhcp.options[0].value"},
		{`{"cidr":"10.0.0.0/24","dhcp":{"options":[{"number":43,"value":"ip:x"}]}}`, "spec.dhcp.options[0].value"},
		{`{"cidr":"10.0.0.0/24","dhcp":{"options":[{"number":43,"value":"text:` + strings.Repeat("x", 190) + `"}]}}`, "spec.dhcp"},
		{`{"cidr":"10.0.0.0/24","ra":"managed"}`, "spec.ra"},
		{`{"cidr":"fd00::/64","ra":"sometimes"}`, "spec.ra"},
		{`{"cidr":"fd00::/64","ra":"OFF"}`, ""},
		{`{"cidr":"fd00::/64","multicast":"OFF"}`, ""},
		{`{"cidr":"fd00::/64","multicast":"Flood"}`, ""},
		{`{"cidr":"fd00::/64","multicast":"Snoop"}`, ""},
		{`{"cidr":"fd00::/64","multicast":"some"}`, "spec.multicast"},
		{`{"cidr":"fd00::/64","multicast":"flood","floodLimit":50,"floodBurst":100000}`, ""},
		{`{"cidr":"fd00::/64","multicast":"flood","floodLimit":"100000"}`, ""},
		{`{"cidr":"fd00::/64","multicast":"flood","floodLimit":"Off"}`, ""},
		{`{"cidr":"fd00::/64","floodLimit":null,"floodBurst":1}`, ""},
		{`{"cidr":"fd00::/64","multicast":"flood","floodLimit":"off","floodBurst":5}`, "spec.floodBurst"},
		{`{"cidr":"fd00::/64","floodBurst":-1}`, "spec.floodBurst"},
		{`{"cidr":"fd00::/64","floodBurst":100001}`, "spec.floodBurst"},
	} {
		var s NetworkSpec
		if err := json.Unmarshal([]byte(tt.spec), &s); err != nil {
			t.Fatal(err)
		}
		var fields []string
		s.Normal(func(_ ProblemKind, field, _, _ string) { fields = append(fields, field) })
		if got := strings.Join(fields, " "); got != tt.field {
			t.Errorf("%s: problems %q, want %q", tt.spec, got, tt.field)
		}
	}
}

// TestFloodLimit: a limit is a number of packets a second, or off, in JSON and in text; a mistake's message says what to
// write, and nobody but an admin may do without a limit.
func TestFloodLimit(t *testing.T) {
	for text, want := range map[string]FloodLimit{`1000`: 1000, `"250"`: 250, `"off"`: FloodUnlimited, `"OFF"`: FloodUnlimited, `""`: 0, `null`: 0} {
		var s NetworkSpec
		if err := json.Unmarshal([]byte(`{"floodLimit":`+text+`}`), &s); err != nil || s.FloodLimit != want {
			t.Errorf("%s: %d, %v", text, s.FloodLimit, err)
		}
		again, err := json.Marshal(s)
		var back NetworkSpec
		if err != nil || json.Unmarshal(again, &back) != nil || back.FloodLimit != want {
			t.Errorf("%s: written as %s, %v", text, again, err)
		}
	}
	for _, text := range []string{`0`, `-1`, `100001`, `1.5`, `"some"`, `true`, `{}`} {
		var s NetworkSpec
		err := json.Unmarshal([]byte(`{"floodLimit":`+text+`}`), &s)
		var bad *ValueError
		if !errors.As(err, &bad) || !strings.Contains(bad.Fix, "1 to 100000") {
			t.Errorf("%s: %v", text, err)
		}
	}
	for _, tt := range []struct {
		spec        NetworkSpec
		rate, burst int
		writer      Role
	}{
		{NetworkSpec{}, 0, 0, Operator},
		{NetworkSpec{Multicast: MulticastFlood}, 1000, 1000, Operator},
		{NetworkSpec{Multicast: MulticastSnoop, FloodLimit: 50}, 50, 50, Operator},
		{NetworkSpec{Multicast: MulticastFlood, FloodBurst: 7}, 1000, 7, Operator},
		{NetworkSpec{Multicast: MulticastFlood, FloodLimit: FloodUnlimited}, 0, 0, Admin},
	} {
		rate, burst, ok := tt.spec.Floods()
		if rate != tt.rate || burst != tt.burst || ok != (tt.rate > 0) || tt.spec.Writer() != tt.writer {
			t.Errorf("%+v: %d a second, %d at once, %v, written by %v", tt.spec, rate, burst, ok, tt.spec.Writer())
		}
	}
}

// TestDuration: a duration has one text, and a mistake's message says what to write.
func TestDuration(t *testing.T) {
	for text, want := range map[string]string{"24h": "24h", "90m": "1h30m", "3600s": "1h", "90s": "1m30s", "61m1s": "1h1m1s", "": "0s", "-1h": "", "1": "", "1.5s": "", "0s": ""} {
		var d Duration
		err := d.UnmarshalText([]byte(text))
		if (err == nil) != (want != "") || err == nil && d.String() != want {
			t.Errorf("%q: %q, %v, want %q", text, d, err, want)
		}
	}
}
