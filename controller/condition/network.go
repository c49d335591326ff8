package condition

import (
	"fmt"
	"strings"
)

// NetworkFacts is what is known of a network.
type NetworkFacts struct {
	Name string
	// MTU is that of its containers' interfaces, in bytes.
	MTU int
	// Small are nodes that have ports of it and whose underlay cannot carry its
	// packets, sorted by name.
	Small []Underlay
}

// Underlay is what carries a node's tunnel.
type Underlay struct {
	Node string
	// MTU is that of the interface with the tunnel address, in bytes; Overhead is
	// how much of it VXLAN takes.
	MTU, Overhead int
}

// maxSmall is how many nodes are named.
const maxSmall = 5

// Network returns what is wrong with a network, in the order of the table of
// reasons.
func Network(f NetworkFacts) []Condition {
	if len(f.Small) == 0 {
		return nil
	}
	fits := f.MTU
	for _, u := range f.Small {
		fits = min(fits, u.MTU-u.Overhead)
	}
	var nodes []string
	for _, u := range f.Small[:min(len(f.Small), maxSmall)] {
		nodes = append(nodes, fmt.Sprintf("%s (%d)", u.Node, u.MTU))
	}
	if more := len(f.Small) - len(nodes); more > 0 {
		nodes = append(nodes, fmt.Sprintf("%d more", more))
	}
	var l list
	l.add(UnderlayMTUTooSmall,
		fmt.Sprintf("its MTU is %d, which with VXLAN is more than the underlay carries of %s; packets above %d bytes are lost between nodes", f.MTU, strings.Join(nodes, ", "), fits),
		fmt.Sprintf("sdnctl network set %s --mtu %d, and the same in its containers; or raise the MTU of the underlay, then run 'sdnctl node join' again on those nodes", f.Name, fits))
	return l
}
