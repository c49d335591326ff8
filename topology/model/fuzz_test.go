package model

import (
	"encoding"
	"encoding/json"
	"net/netip"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

var addrs = cmpopts.EquateComparable(netip.Addr{}, netip.Prefix{})

// FuzzSpec: every spec that can be decoded has a normal form. That of a spec without
// mistakes is stable, and is read from the store as it was written; and Normal never
// modifies its argument.
func FuzzSpec(f *testing.F) {
	for i, texts := range [...][]string{
		{`{"tunnelIP":"::ffff:192.168.0.1","tunnelCheck":"auto","datapathID":"0xa1"}`},
		{
			`{"subnets":[{"cidr":"10.0.0.7/24","gateway":"10.0.0.1/24","reserved":["10.0.0.1-10.0.0.9"]},{"cidr":"fd00::/64"}]}`,
			`{"mode":"segmented","cidr":"10.0.0.0/16","containersPerNode":250,"maxNodes":4,"blocks":[{"node":"n1","cidr":"10.0.1.0/24"},{"node":"n2","cidr":"10.0.2.0/24","gatewayMAC":"02:00:00:00:00:01"}]}`,
			`{"cidr":"10.0.0.0/24","dhcp":{"enabled":true,"leaseTime":"24h","dns":["10.0.0.53","fd00::53"],"domain":"Blue.example.","search":["a","b.c"],"ntp":["10.0.0.1"],"routes":[{"cidr":"10.5.0.0/16","via":"10.0.0.9"}],"bootServer":"10.0.0.5","bootFile":"x","options":[{"number":150,"value":"ip:10.0.0.5"},{"number":43,"value":"hex:0104"}]}}`,
			`{"subnets":[{"cidr":"fd00::/64"}],"ra":"slaac"}`,
			`{"mode":"segmented","subnets":[{"cidr":"fd00::/48"},{"cidr":"10.0.0.0/16"}],"containersPerNode":1,"maxNodes":65536}`,
		},
		{`{"networks":["a","b"]}`},
		{`{"network":"n","ips":["fd00::7","10.0.0.7"],"mac":"020000000103","addresses":[{"prefix":"10.0.0.1/32"},{"prefix":"10.5.0.1/24","mac":"02:00:00:00:00:01"}],"portSecurity":"strict"}`},
		{`{"selector":{"matchLabels":{"a":"b"},"matchExpressions":[{"key":"c","operator":"In","values":["d"]}]}}`, `{"ports":["a"]}`},
		{`{"subject":{"selector":{}},"ingress":[{"peers":[{"cidr":"10.0.0.0/8","except":["10.1.0.0/16"]},{"portGroup":"g","networks":["n"]}],"ports":["tcp/80-90","icmp/8"],"action":"deny"}]}`},
	} {
		for _, text := range texts {
			f.Add(uint8(i), []byte(text))
		}
	}
	f.Fuzz(func(t *testing.T, kind uint8, data []byte) {
		k := Kinds()[int(kind)%numKinds]
		decode := func(data []byte) (Spec, error) {
			spec := k.NewSpec()
			err := json.Unmarshal(data, spec)
			return Deref(spec), err
		}
		in, err := decode(data)
		if err != nil {
			return
		}
		var problems []string
		once := in.Normal(func(_ ProblemKind, field, message, fix string) {
			if field == "" || message == "" || fix == "" {
				t.Errorf("incomplete: %q, %q, %q", field, message, fix)
			}
			problems = append(problems, field+": "+message)
		})
		if again, err := decode(data); err != nil || cmp.Diff(again, in, addrs) != "" {
			t.Fatalf("Normal changed what it was given: %v (-given +now):\n%s", err, cmp.Diff(again, in, addrs))
		}
		for field, ref := range once.References() {
			if field == "" || ref.Kind.Order() < 0 {
				t.Errorf("%q refers to %v", field, ref)
			}
		}
		if once.Kind() != k || once.Writer() < NodeItself || len(problems) > 0 {
			return
		}
		twice := once.Normal(func(_ ProblemKind, field, message, _ string) {
			t.Errorf("the normal form is refused: %s: %s", field, message)
		})
		if d := cmp.Diff(once, twice, addrs); d != "" {
			t.Errorf("the normal form of the normal form is another (-once +twice):\n%s", d)
		}
		stored, err := json.Marshal(once)
		if err != nil {
			t.Fatal(err)
		}
		read, err := decode(stored)
		if d := cmp.Diff(once, read, addrs, cmpopts.EquateEmpty()); err != nil || d != "" {
			t.Errorf("%s is read back as another: %v (-written +read):\n%s", stored, err, d)
		}
	})
}

// FuzzTexts: a text that a value accepts is written in one form, which it reads as the same
// value. A text that it refuses gets an error that says so.
func FuzzTexts(f *testing.F) {
	for i, texts := range [...][]string{
		{"02:00:00:00:01:03", "0200.0000.0103", "02-00-00-00-01-03", "020000000103"},
		{"0xa1", "00:00:4e:7c:25:b0:1a:4f", "ffffffffffffffff"},
		{"10.0.0.1/24", "fd00::1", "::ffff:10.0.0.1", "fe80::1%eth0"},
		{"10.0.0.1-10.0.0.9", "10.0.0.0/28", "fd00::-fd00::9"},
		{"tcp", "tcp/80", "udp/1-65535", "icmp/255", "icmpv6", "SCTP/ 7"},
		{"port/web1", "a/b/c", "/"},
	} {
		for _, text := range texts {
			f.Add(uint8(i), text)
		}
	}
	f.Fuzz(func(t *testing.T, which uint8, text string) {
		values := []func() encoding.TextUnmarshaler{
			func() encoding.TextUnmarshaler { return new(MAC) },
			func() encoding.TextUnmarshaler { return new(DatapathID) },
			func() encoding.TextUnmarshaler { return new(Gateway) },
			func() encoding.TextUnmarshaler { return new(AddrRange) },
			func() encoding.TextUnmarshaler { return new(PolicyPort) },
			func() encoding.TextUnmarshaler { return new(Ref) },
		}
		newValue := values[int(which)%len(values)]
		v := newValue()
		if err := SetText(v, text); err != nil {
			if err.Error() == "" {
				t.Error("refused without a word")
			}
			return
		}
		write := func(v encoding.TextUnmarshaler) string {
			b, err := v.(encoding.TextMarshaler).MarshalText()
			if err != nil {
				t.Fatalf("%T of %q cannot be written: %v", v, text, err)
			}
			return string(b)
		}
		first, again := write(v), newValue()
		if err := SetText(again, first); err != nil || write(again) != first {
			t.Errorf("%T of %q is written as %q and read as %q (%v)", v, text, first, write(again), err)
		}
	})
}

// FuzzSelector: a selector that is read is written as one that reads the same and
// matches the same labels.
func FuzzSelector(f *testing.F) {
	for _, s := range []string{"", "app=web", "a==b,!c,d!=e,f", " a = b ", "a=", "a!="} {
		f.Add(s, "a", "b")
	}
	f.Fuzz(func(t *testing.T, text, key, value string) {
		s, err := ParseSelector(text)
		if err != nil {
			return
		}
		again, err := ParseSelector(s.String())
		if err != nil || !slices.EqualFunc(s.Terms(), again.Terms(), func(a, b Requirement) bool { return cmp.Equal(a, b) }) {
			t.Fatalf("%q is written as %q and read as %q (%v)", text, s, again, err)
		}
		labels := map[string]string{key: value}
		if s.Matches(labels) != again.Matches(labels) {
			t.Errorf("%q and %q do not match the same of %v", text, s, labels)
		}
		// Each term is true or false by itself, and all must be true.
		want := true
		for _, r := range s.Terms() {
			had, ok := labels[r.Key]
			switch holds := ok && slices.Contains(r.Values, had); r.Operator {
			case SelectIn:
				want = want && holds
			case SelectNotIn:
				want = want && !holds
			case SelectExists:
				want = want && ok
			case SelectDoesNotExist:
				want = want && !ok
			default:
				t.Fatalf("%q has the operator %q", text, r.Operator)
			}
		}
		if s.Matches(labels) != want {
			t.Errorf("%q matches %v: %t", text, labels, !want)
		}
	})
}
