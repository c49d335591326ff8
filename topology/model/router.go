package model

import (
	"encoding/json"
	"fmt"
	"iter"
)

// RouterSpec is what the user asks of a router.
type RouterSpec struct {
	Networks []string `json:"networks" doc:"Names of the networks it joins" example:"[\"blue\",\"green\"]"`
}

// Kind returns KindRouter.
func (RouterSpec) Kind() Kind { return KindRouter }

// Writer returns Operator.
func (RouterSpec) Writer() Role { return Operator }

// References yields the networks that the router joins.
func (s RouterSpec) References() iter.Seq2[string, Ref] {
	return func(yield func(string, Ref) bool) {
		for i, n := range s.Networks {
			if !yield(fmt.Sprintf("spec.networks[%d]", i), Ref{Kind: KindNetwork, Name: n}) {
				return
			}
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
	return s
}
