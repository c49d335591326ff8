package pipeline

import (
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// effect is what a change of an object does to the flows of nodes.
type effect struct {
	// mark marks the units whose flows may differ, on the nodes that have them.
	mark func(*affected, topology.Change)
	// touch collects the memberships of nodes in domains that may differ.
	touch func(*touches, topology.Change)
}

// effects holds the effect of each kind.
var effects = model.ForEachKind(
	effect{(*affected).node, (*touches).node},
	effect{(*affected).network, noTouch},
	effect{(*affected).uplink, noTouch},
	effect{(*affected).router, (*touches).router},
	effect{(*affected).portChange, (*touches).port},
	effect{(*affected).portGroup, noTouch},
	effect{(*affected).policy, noTouch},
	effect{(*affected).service, noTouch},
	effect{(*affected).floatingChange, noTouch},
	effect{noMark, noTouch}, // see affected.egress
	effect{noMark, noTouch}, // names have no flows
)

// noMark is the mark of kinds whose objects have no flows.
func noMark(*affected, topology.Change) {}

// noTouch is the touch of kinds whose objects put no node into a domain.
func noTouch(*touches, topology.Change) {}
