package model

import (
	"fmt"
	"iter"
)

// PortGroupSpec is the declared part of a port group: the ports that a selector picks, or
// those that are listed.
type PortGroupSpec struct {
	Selector *Selector `json:"selector,omitempty" doc:"Picks the ports by their labels, also those that come later. An empty one picks all"`
	Ports    []string  `json:"ports,omitempty" doc:"Names of the ports, instead of a selector" example:"[\"web1\",\"web2\"]"`
}

// MaxGroupPorts is how many ports a port group may list.
const MaxGroupPorts = 4096

// Kind returns KindPortGroup.
func (PortGroupSpec) Kind() Kind { return KindPortGroup }

// Writer returns Operator.
func (PortGroupSpec) Writer() Role { return Operator }

// References yields the ports that are listed.
func (s PortGroupSpec) References() iter.Seq2[string, Ref] {
	return func(yield func(string, Ref) bool) {
		for i, p := range s.Ports {
			if !yield(fmt.Sprintf("spec.ports[%d]", i), Ref{KindPort, p}) {
				return
			}
		}
	}
}

// Normal implements Spec.
func (s PortGroupSpec) Normal(bad Reporter) Spec {
	s.Ports = cloned(s.Ports)
	switch {
	case s.Selector != nil && len(s.Ports) > 0:
		bad(Invalid, "spec", "has both a selector and ports", "give one of the two")
	case s.Selector == nil && len(s.Ports) == 0:
		bad(Invalid, "spec", "has neither a selector nor ports", "give spec.selector, such as matchLabels: {app: web}, or list spec.ports")
	}
	if s.Selector != nil {
		selector := s.Selector.normal("spec.selector", bad)
		s.Selector = &selector
	}
	if n := len(s.Ports); n > MaxGroupPorts {
		bad(Invalid, "spec.ports", fmt.Sprintf("%d ports, at most %d are allowed", n, MaxGroupPorts), "use a selector")
	}
	checkListed(s.Ports, KindPort, "spec.ports", bad)
	return s
}
