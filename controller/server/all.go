package server

import (
	"iter"
	"slices"
	"strings"

	"github.com/sdnctl/sdnctl/topology"
)

// all yields the objects of a kind, sorted by name. network and node, unless "", restrict
// ports to those of the network and those on the node.
func (v view) all(kind topology.Kind, network, node string) iter.Seq[topology.Object] {
	if v.only != "" {
		return v.visible(kind, network, node)
	}
	if kind != topology.KindPort || network == "" && node == "" {
		return v.snap.Objects(kind)
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

// visible does what all does for the view of a node. Its cost depends on what the node
// sees.
func (v view) visible(kind topology.Kind, network, node string) iter.Seq[topology.Object] {
	all := v
	all.only = ""
	switch kind {
	case topology.KindNode:
		return func(yield func(topology.Object) bool) {
			if n, ok := v.snap.Node(v.only); ok {
				yield(n)
			}
		}
	case topology.KindPort:
		var own []*topology.Port
		for p := range v.snap.PortsOnNode(v.only) {
			if (network == "" || p.Spec.Network == network) && (node == "" || node == v.only) {
				own = append(own, p)
			}
		}
		slices.SortFunc(own, func(a, b *topology.Port) int { return strings.Compare(a.Name, b.Name) })
		return objects(slices.Values(own))
	}
	return func(yield func(topology.Object) bool) {
		for o := range all.all(kind, network, node) {
			if v.sees(o) && !yield(o) {
				return
			}
		}
	}
}

// objects yields objects of one type as topology.Objects.
func objects[T topology.Object](seq iter.Seq[T]) iter.Seq[topology.Object] {
	return func(yield func(topology.Object) bool) {
		for o := range seq {
			if !yield(o) {
				return
			}
		}
	}
}
