package reconcile

import (
	"github.com/sdnctl/sdnctl/topology"
)

// byID counts the ports that are bound by external_ids, and so need OVSDB.
type byID struct {
	pinned   map[string]int // by node
	floating int            // those that may be anywhere
}

func (c *byID) count(p *topology.Port, by int) {
	switch {
	case p.Spec.Interface != "":
	case p.Spec.Node == "":
		c.floating += by
	default:
		if c.pinned[p.Spec.Node] += by; c.pinned[p.Spec.Node] == 0 {
			delete(c.pinned, p.Spec.Node)
		}
	}
}

func portRef(name string) topology.Ref { return topology.Ref{Kind: topology.KindPort, Name: name} }
