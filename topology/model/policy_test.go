package model

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// decodePolicy decodes the JSON of a policy's spec, and returns the result of Normal and
// the mistakes that it reported.
func decodePolicy(t *testing.T, text string) (PolicySpec, []string) {
	t.Helper()
	spec := KindPolicy.NewSpec()
	if err := json.Unmarshal([]byte(text), spec); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	var problems []string
	normal := Deref(spec).Normal(func(k ProblemKind, field, message, fix string) {
		if k != Invalid || fix == "" {
			t.Errorf("%s: %s: a %s problem with the cure %q", field, message, k, fix)
		}
		problems = append(problems, field+": "+message)
	})
	return normal.(PolicySpec), problems
}

// TestPolicyNormal: defaults become explicit, and stay so.
func TestPolicyNormal(t *testing.T) {
	for text, want := range map[string]string{
		`{"subject":{"selector":{}},"ingress":[{}]}`: `{"tier":"application","priority":500,"subject":{"selector":{}},"isolates":["ingress"],"ingress":[{"action":"allow"}]}`,
		`{"subject":{"selector":{}},"ingress":[{}],"egress":[{"action":"DENY"}],"priority":0,"isolates":null}`: `{"tier":"application","priority":0,"subject":{"selector":{}},"isolates":["ingress","egress"],` +
			`"ingress":[{"action":"allow"}],"egress":[{"action":"deny"}]}`,
		`{"subject":{"selector":{}},"ingress":[{"peers":[],"ports":[]}],"isolates":[]}`:                    `{"tier":"application","priority":500,"subject":{"selector":{}},"isolates":[],"ingress":[{"action":"allow"}]}`,
		`{"subject":{"networks":["blue"]},"isolates":["EGRESS","ingress"]}`:                                `{"tier":"application","priority":500,"subject":{"networks":["blue"]},"isolates":["ingress","egress"]}`,
		`{"tier":"Admin","subject":{"portGroup":"g"},"ingress":[{"action":"pass","ports":["TCP/80-80"]}]}`: `{"tier":"admin","priority":500,"subject":{"portGroup":"g"},"isolates":[],"ingress":[{"action":"pass","ports":["tcp/80"]}]}`,
		`{"tier":"baseline","subject":{"selector":{}},"egress":[{}]}`:                                      `{"tier":"baseline","priority":500,"subject":{"selector":{}},"isolates":[],"egress":[{"action":"allow"}]}`,
	} {
		spec, problems := decodePolicy(t, text)
		got, err := json.Marshal(spec)
		if err != nil || string(got) != want || problems != nil {
			t.Errorf("%s: %s, %v %v, want %s", text, got, err, problems, want)
		}
		again, _ := decodePolicy(t, string(got))
		if d := cmp.Diff(spec, again, cmpopts.EquateComparable(netip.Prefix{})); d != "" {
			t.Errorf("%s (-once +twice):\n%s", text, d)
		}
	}
}

// many returns n texts, joined by commas, with their numbers from 1.
func many(n int, format string) string {
	parts := make([]string, n)
	for i := range parts {
		parts[i] = fmt.Sprintf(format, i+1)
	}
	return strings.Join(parts, ",")
}

// TestPolicyMistakes: each mistake is reported with its field.
func TestPolicyMistakes(t *testing.T) {
	for rest, want := range map[string]string{
		`"subject":{}, "isolates":["ingress"]`:                                                   "spec.subject: selects nothing",
		`"isolates":[]`:                                                                          "spec: does nothing: it has no rules and isolates nothing",
		`"tier":"first","ingress":[{}]`:                                                          `spec.tier: "first" is not a tier`,
		`"mode":"off","ingress":[{}]`:                                                            `spec.mode: "off" is not a mode`,
		`"onChange":"wait","ingress":[{}]`:                                                       `spec.onChange: "wait" is not what can become of connections`,
		`"priority":1001,"ingress":[{}]`:                                                         "spec.priority: 1001 is out of range",
		`"priority":-1,"ingress":[{}]`:                                                           "spec.priority: -1 is out of range",
		`"isolates":["ingress","egress","Ingress"]`:                                              "spec.isolates[2]: ingress is listed twice",
		`"isolates":["ingress","up"]`:                                                            `spec.isolates[1]: "up" is not a direction`,
		`"tier":"baseline","egress":[{},{"action":"pass"}]`:                                      "spec.egress[1].action: no tier comes after the baseline tier, to which pass could leave the decision",
		`"ingress":[{"action":"refuse"}]`:                                                        `spec.ingress[0].action: "refuse" is not an action`,
		`"ingress":[{"ports":["tcp/80","tcp/HTTP","TCP/http"]}]`:                                 "spec.ingress[0].ports[2]: tcp/http is listed twice",
		`"ingress":[{"name":"line\nfeed"}]`:                                                      `spec.ingress[0].name: "line\nfeed" is not the name of a rule`,
		`"ingress":[{"peers":[{}]}]`:                                                             "spec.ingress[0].peers[0]: selects nothing",
		`"ingress":[{"peers":[{"selector":{},"cidr":"10.0.0.0/8"}]}]`:                            "spec.ingress[0].peers[0]: has both a CIDR, which is addresses, and a selection of ports",
		`"ingress":[{"peers":[{"networks":["a"],"cidr":"10.0.0.0/8"}]}]`:                         "spec.ingress[0].peers[0]: has both a CIDR, which is addresses, and a selection of ports",
		`"ingress":[{"peers":[{"networks":["a","a"]}]}]`:                                         `spec.ingress[0].peers[0].networks[1]: network "a" is listed twice`,
		`"ingress":[{"peers":[{"selector":{},"except":["10.0.0.0/8"]}]}]`:                        "spec.ingress[0].peers[0].except: there is no CIDR that they are exceptions of",
		`"ingress":[{"peers":[{"cidr":"10.0.0.1/8"}]}]`:                                          "spec.ingress[0].peers[0].cidr: 10.0.0.1/8 has bits of a host behind its prefix length",
		`"ingress":[{"peers":[{"cidr":"::ffff:10.0.0.0/104"}]}]`:                                 "spec.ingress[0].peers[0].cidr: ::ffff:10.0.0.0/104 is IPv4 mapped into IPv6, which no packet has",
		`"ingress":[{"peers":[{"cidr":"fd00::/8","except":["fd00::1/16"]}]}]`:                    "spec.ingress[0].peers[0].except[0]: fd00::1/16 has bits of a host behind its prefix length",
		`"ingress":[{"peers":[{"cidr":"10.0.0.0/8","except":["11.0.0.0/9"]}]}]`:                  "spec.ingress[0].peers[0].except[0]: 11.0.0.0/9 is not a part of 10.0.0.0/8",
		`"ingress":[{"peers":[{"cidr":"10.0.0.0/8","except":["0.0.0.0/0"]}]}]`:                   "spec.ingress[0].peers[0].except[0]: 0.0.0.0/0 is not a part of 10.0.0.0/8",
		`"ingress":[{"peers":[{"cidr":"0.0.0.0/0","except":["fd00::/8"]}]}]`:                     "spec.ingress[0].peers[0].except[0]: fd00::/8 is not a part of 0.0.0.0/0",
		`"ingress":[{"peers":[{"cidr":"10.0.0.0/8","except":["10.0.0.0/8"]}]}]`:                  "spec.ingress[0].peers[0].except[0]: 10.0.0.0/8 is all of the CIDR, so that no address is left",
		`"ingress":[{"peers":[{"domainNames":["example.com"]}]}]`:                                "spec.ingress[0].peers[0].domainNames: names of domains are not supported yet: no switch can match them, and nothing here follows what they resolve to",
		`"ingress":[{"ports":["tcp/80",""]}]`:                                                    "spec.ingress[0].ports[1]: the port is missing",
		`"ingress":[{"ports":["tcp/80","TCP/80-80"]}]`:                                           "spec.ingress[0].ports[1]: tcp/80 is listed twice",
		`"ingress":[` + strings.TrimSuffix(strings.Repeat("{},", 101), ",") + `]`:                "spec.ingress: 101 rules, at most 100 are allowed",
		`"ingress":[{"action":"deny"}` + strings.Repeat(",{}", 48) + `]`:                         "spec.ingress: 49 rules, at most 48 are allowed where one of them does not allow",
		`"egress":[{"peers":[` + many(101, `{"portGroup":"g%d"}`) + `]}]`:                        "spec.egress[0].peers: 101 peers, at most 100 are allowed",
		`"egress":[{"ports":[` + many(101, `"tcp/%d"`) + `]}]`:                                   "spec.egress[0].ports: 101 ports, at most 100 are allowed",
		`"egress":[{"peers":[{"networks":[` + many(101, `"n%d"`) + `]}]}]`:                       "spec.egress[0].peers[0].networks: 101 networks, at most 100 are allowed",
		`"egress":[{"peers":[{"selector":{"matchExpressions":[{"key":"a","operator":"In"}]}}]}]`: "spec.egress[0].peers[0].selector.matchExpressions[0].values: In without values",
	} {
		if !strings.Contains(rest, `"subject"`) {
			rest = `"subject":{"selector":{}},` + rest
		}
		if _, problems := decodePolicy(t, "{"+rest+"}"); !slices.Equal(problems, []string{want}) {
			t.Errorf("%s: %q, want %q", rest, problems, want)
		}
	}
	// At the limits, it is valid.
	for _, rest := range []string{
		`"ingress":[{}` + strings.Repeat(",{}", 99) + `]`,
		`"ingress":[{"action":"deny"}` + strings.Repeat(",{}", 47) + `],"egress":[{}` + strings.Repeat(",{}", 99) + `]`,
		`"egress":[{"peers":[` + many(100, `{"portGroup":"g%d"}`) + `],"ports":[` + many(100, `"tcp/%d"`) + `]}]`,
	} {
		if _, problems := decodePolicy(t, `{"subject":{"selector":{}},`+rest+`}`); problems != nil {
			t.Errorf("%s: %q", rest, problems)
		}
	}
}

// TestPolicyPort: ports in text are read and written as the same, and mistakes say what to
// write instead.
func TestPolicyPort(t *testing.T) {
	for text, want := range map[string]PolicyPort{
		"tcp":            {Protocol: ProtocolTCP, Any: true},
		"udp/53":         {Protocol: ProtocolUDP, First: 53, Last: 53},
		"sctp/1-65535":   {Protocol: ProtocolSCTP, First: 1, Last: 65535},
		"TCP/8000-8010 ": {Protocol: ProtocolTCP, First: 8000, Last: 8010},
		"icmp":           {Protocol: ProtocolICMP, Any: true},
		"icmp/0":         {Protocol: ProtocolICMP},
		"icmpv6/128":     {Protocol: ProtocolICMPv6, First: 128, Last: 128},
		"icmpv6":         {Protocol: ProtocolICMPv6, Any: true},
		"TCP/HTTP":       {Protocol: ProtocolTCP, Name: "http"},
		"udp/dns-2":      {Protocol: ProtocolUDP, Name: "dns-2"},
		"":               {},
	} {
		var got, again PolicyPort
		if err := got.UnmarshalText([]byte(text)); err != nil || got != want {
			t.Errorf("%q: %+v, %v, want %+v", text, got, err, want)
		}
		if err := again.UnmarshalText([]byte(got.String())); err != nil || again != got {
			t.Errorf("%q is written as %q and read as %+v, %v", text, got, again, err)
		}
	}
	for text, want := range map[string]string{
		"80":                   `"80" begins with no protocol that a rule can name (write tcp/80, udp/5000-5010, sctp/3868, icmp, icmp/8 or icmpv6/128)`,
		"tcp/-":                `"-" is neither a port nor a range of ports (give a number from 1 to 65535, or tcp for all ports)`,
		"tcp/a--b":             `"a--b" is not the name of a port (use at most 15 letters, digits and single hyphens between them, with at least one letter, such as http)`,
		"tcp/0123456789abcdef": `"0123456789abcdef" is not the name of a port (use at most 15 letters, digits and single hyphens between them, with at least one letter, such as http)`,
		"tcp/":                 "the port is missing (give a number from 1 to 65535, or tcp for all ports)",
		"tcp/0":                "port 0 is no port that a connection can have (give a number from 1 to 65535, or tcp for all ports)",
		"udp/0-10":             "port 0 is no port that a connection can have (give a number from 1 to 65535, or udp for all ports)",
		"tcp/65536":            `"65536" is neither a port nor a range of ports (give a number from 1 to 65535, or tcp for all ports)`,
		"tcp/1-2-3":            `"1-2-3" is neither a port nor a range of ports (give a number from 1 to 65535, or tcp for all ports)`,
		"tcp/-80":              `"-80" is neither a port nor a range of ports (give a number from 1 to 65535, or tcp for all ports)`,
		"tcp/90-80":            "the range 90-80 ends before it begins (write it as tcp/80-90)",
		"icmp/256":             `"256" is not a type of icmp (give a number from 0 to 255, or icmp for all types)`,
		"icmpv6/1-4":           `"1-4" is not a type of icmpv6 (give a number from 0 to 255, or icmpv6 for all types)`,
		"icmp/echo":            `"echo" is not a type of icmp (give a number from 0 to 255, or icmp for all types)`,
		"igmp":                 `"igmp" begins with no protocol that a rule can name (write tcp/80, udp/5000-5010, sctp/3868, icmp, icmp/8 or icmpv6/128)`,
	} {
		var p PolicyPort
		if err := SetText(&p, text); err == nil || err.Error() != want || p != (PolicyPort{}) {
			t.Errorf("%q: %v, %+v, want %q", text, err, p, want)
		}
	}
}

// TestPolicyWriter: only an admin may write policies of the admin tier.
func TestPolicyWriter(t *testing.T) {
	for tier, want := range map[PolicyTier]Role{TierAdmin: Admin, TierApplication: Operator, TierBaseline: Operator, "": Operator} {
		if got := (PolicySpec{Tier: tier}).Writer(); got != want {
			t.Errorf("tier %q: %v, want %v", tier, got, want)
		}
	}
}

// TestComparePolicies: tiers, then priorities, then those whose rules do not all allow.
func TestComparePolicies(t *testing.T) {
	spec := func(tier PolicyTier, priority int, a PolicyAction) PolicySpec {
		return PolicySpec{Tier: tier, Priority: priority, Ingress: []PolicyRule{{Action: a}}}
	}
	order := []PolicySpec{
		spec(TierAdmin, 900, ActionAllow), spec(TierApplication, 0, ActionAllow),
		spec(TierApplication, 1, ActionDeny), spec(TierApplication, 1, ActionAllow), spec(TierBaseline, 0, ActionDeny),
	}
	for i := range order[1:] {
		if ComparePolicies(order[i], order[i+1], Ingress) >= 0 || ComparePolicies(order[i+1], order[i], Ingress) <= 0 {
			t.Errorf("%+v does not come before %+v", order[i], order[i+1])
		}
	}
	if ComparePolicies(order[2], order[3], Egress) != 0 {
		t.Error("policies without egress rules differ in egress")
	}
}

// TestPeerNode: nodes are a peer of their own, beside neither ports nor addresses.
func TestPeerNode(t *testing.T) {
	cidr := netip.MustParsePrefix("192.0.2.0/24")
	for _, tt := range []struct {
		peer PolicyPeer
		bad  bool
	}{
		{PolicyPeer{Node: true}, false},
		{PolicyPeer{Node: true, CIDR: cidr}, true},
		{PolicyPeer{Node: true, PolicySelection: PolicySelection{PortGroup: "web"}}, true},
		{PolicyPeer{}, true},
	} {
		bad := false
		PolicySpec{Subject: PolicySelection{PortGroup: "web"}, Ingress: []PolicyRule{{Peers: []PolicyPeer{tt.peer}}}}.Normal(func(ProblemKind, string, string, string) { bad = true })
		if bad != tt.bad {
			t.Errorf("%+v: refused %t, want %t", tt.peer, bad, tt.bad)
		}
	}
}
