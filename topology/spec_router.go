package topology

import (
	"fmt"
	"slices"
)

// normalRouter checks a router's spec by itself and returns it in the form in
// which it is stored.
func normalRouter(s RouterSpec, bad reporter) RouterSpec {
	s.Networks = slices.Clone(s.Networks)
	if len(s.Networks) > MaxRouterNetworks {
		bad(Invalid, "spec.networks", fmt.Sprintf("%d networks, at most %d are allowed", len(s.Networks), MaxRouterNetworks), "split them over several routers")
	}
	seen := make(map[string]bool, len(s.Networks))
	for i, n := range s.Networks {
		field := fmt.Sprintf("spec.networks[%d]", i)
		if n == "" {
			bad(Invalid, field, "the name of the network is empty", "name a network or remove the entry")
		} else if seen[n] {
			bad(Invalid, field, fmt.Sprintf("network %q is listed twice", n), "list it once")
		}
		seen[n] = true
	}
	if len(s.Networks) == 0 {
		s.Networks = nil
	}
	return s
}
