package server

import (
	"iter"

	"github.com/sdnctl/sdnctl/topology"
)

// all yields the objects of a kind, sorted by name. network and node, unless
// "", narrow ports to those of the network and those on the node.
func (v view) all(kind topology.Kind, network, node string) iter.Seq[topology.Object] {
	switch kind {
	case topology.KindNode:
		return objects(v.snap.Nodes())
	case topology.KindNetwork:
		return objects(v.snap.Networks())
	case topology.KindRouter:
		return objects(v.snap.Routers())
	}
	ports := v.snap.Ports()
	if network != "" {
		ports = v.snap.PortsOfNetwork(network)
	}
	if node == "" {
		return objects(ports)
	}
	return func(yield func(topology.Object) bool) {
		for p := range ports {
			if v.nodeOf(p) == node && !yield(p) {
				return
			}
		}
	}
}

func objects[T topology.Object](seq iter.Seq[T]) iter.Seq[topology.Object] {
	return func(yield func(topology.Object) bool) {
		for o := range seq {
			if !yield(o) {
				return
			}
		}
	}
}
