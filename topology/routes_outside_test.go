package topology

import (
	"strings"
	"testing"
	"time"

	"github.com/sdnctl/sdnctl/topology/model"
)

// TestRoutesOutsideIPv6 has which IPv6 next hops on an uplink are accepted.
func TestRoutesOutsideIPv6(t *testing.T) {
	s := floatingBase(t)
	uplink := dualOp("ext", "192.0.2.0/24", "2001:db8::/64", "192.0.2.64/26", "192.0.2.9/32", "2001:db8::40/122")
	for text, want := range map[string]string{
		"2001:db8:e::/48=2001:db8::8,2001:db8::9":  "",
		"::/0=2001:db8::8":                         "",
		"2001:db8:e::/48=2001:db8::8,2001:db8::48": "2001:db8::48 of router/six is one of the addresses of uplink/ext",
		"2001:db8:e::/48=2001:db8:2::8":            "is in no network of the router",
		"2001:db8:e::/48=2001:db8::8,fd00::8":      "are in its networks and outside",
		"2001:db8::/96=2001:db8::8":                "lies in subnet 2001:db8::/64 of uplink/ext",
		"2001:db8:e::/48=fe80::8":                  "is no address of a next hop",
	} {
		r, err := model.ParseRoute(text)
		if err != nil {
			t.Fatal(err)
		}
		router := Op{Verb: Put, Ref: Ref{Kind: KindRouter, Name: "six"}, Spec: RouterSpec{Networks: []string{"six"}, Egress: &model.RouterEgress{Uplink: "ext"}, Routes: []model.Route{r}}}
		switch _, err := Plan(s, []Op{uplink, router}, time.Time{}); {
		case want == "" && err != nil:
			t.Errorf("%s: %v", text, err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}
