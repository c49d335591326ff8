package model

import (
	"encoding/json"
	"fmt"
	"iter"
	"strings"
)

// RouterSpec is the declared part of a router.
type RouterSpec struct {
	Networks []string      `json:"networks" doc:"Names of the networks it joins" example:"[\"blue\",\"green\"]"`
	Egress   *RouterEgress `json:"egress,omitempty" doc:"How what is for none of its networks leaves. Without it such packets are dropped"`
	Routes   []Route       `json:"routes,omitempty" doc:"Static routes to addresses that are in none of its networks. The longest prefix decides; the subnets of its networks, and further addresses of their ports, come before any route. A route comes before egress"`
}

// RouterEgress says how packets for none of its networks leave a router.
type RouterEgress struct {
	Uplink string `json:"uplink" doc:"Name of the uplink by which they leave, on the node of the port that sends them" example:"wan"`
	// SNAT "" is SNATNode.
	SNAT SNAT `json:"snat,omitempty" doc:"What becomes of their source address. node: outside they come from an address of the node that they leave: its own by an uplink of the type host, its uplinkAddress by one of the type bridge" enum:"node" default:"node" example:"node"`
	// IPv6 "" is IPv6Translated.
	IPv6 IPv6Egress `json:"ipv6,omitempty" doc:"What becomes of the source address of IPv6. translated: as snat says. routed: it stays, and machines outside reach the addresses of the router's ports, as far as policies allow; the router outside needs a route for the IPv6 subnets of the networks, by uplinkAddresses of one or several nodes. By an uplink of the type bridge that has subnet6" enum:"translated,routed" default:"translated" example:"routed"`
}

// IPv6Egress says how IPv6 leaves a router.
type IPv6Egress string

const (
	// IPv6Translated, as stored "", translates it as IPv4.
	IPv6Translated IPv6Egress = "translated"
	// IPv6Routed leaves its addresses as they are.
	IPv6Routed IPv6Egress = "routed"
)

// UnmarshalText reads it in any case.
func (e *IPv6Egress) UnmarshalText(b []byte) error {
	*e = IPv6Egress(strings.ToLower(string(b)))
	return nil
}

// RoutesIPv6 reports whether IPv6 leaves the router by an uplink with the addresses of its ports.
func (s RouterSpec) RoutesIPv6() bool { return s.Egress != nil && s.Egress.IPv6 == IPv6Routed }

// SNAT says how the source address of leaving packets is translated.
type SNAT string

// SNATNode gives them an address of the node.
const SNATNode SNAT = "node"

// UnmarshalText reads it in any case.
func (s *SNAT) UnmarshalText(b []byte) error {
	*s = SNAT(strings.ToLower(string(b)))
	return nil
}

// Kind returns KindRouter.
func (RouterSpec) Kind() Kind { return KindRouter }

// Writer returns Operator.
func (RouterSpec) Writer() Role { return Operator }

// References yields the networks that the router joins, and its uplink.
func (s RouterSpec) References() iter.Seq2[string, Ref] {
	return func(yield func(string, Ref) bool) {
		for i, n := range s.Networks {
			if !yield(fmt.Sprintf("spec.networks[%d]", i), Ref{Kind: KindNetwork, Name: n}) {
				return
			}
		}
		if s.Egress != nil && s.Egress.Uplink != "" {
			yield("spec.egress.uplink", Ref{Kind: KindUplink, Name: s.Egress.Uplink})
		}
	}
}

// MarshalJSON writes the networks of a router that joins none as an empty list.
func (s RouterSpec) MarshalJSON() ([]byte, error) {
	type fields RouterSpec // without this method
	if s.Networks == nil {
		s.Networks = []string{}
	}
	return json.Marshal(fields(s))
}

// Normal implements Spec.
func (s RouterSpec) Normal(bad Reporter) Spec {
	s.Networks = cloned(s.Networks)
	if len(s.Networks) > MaxRouterNetworks {
		bad(Invalid, "spec.networks", fmt.Sprintf("%d networks, at most %d are allowed", len(s.Networks), MaxRouterNetworks), "split them over several routers")
	}
	checkListed(s.Networks, KindNetwork, "spec.networks", bad)
	if s.Egress != nil {
		egress := *s.Egress
		if egress.SNAT == "" {
			egress.SNAT = SNATNode
		}
		if egress.SNAT != SNATNode {
			bad(Invalid, "spec.egress.snat", fmt.Sprintf("%q is not a way to translate sources", egress.SNAT), "write node")
		}
		switch egress.IPv6 {
		case IPv6Translated:
			egress.IPv6 = ""
		case "", IPv6Routed:
		default:
			bad(Invalid, "spec.egress.ipv6", fmt.Sprintf("%q is not a way for IPv6 to leave", egress.IPv6), "write translated or routed")
		}
		if egress.Uplink == "" {
			bad(Invalid, "spec.egress.uplink", "is missing", "name an uplink; 'sdnctl uplink list' shows those that there are")
		}
		s.Egress = &egress
	}
	s.Routes = normalRoutes(s.Routes, bad)
	return s
}
