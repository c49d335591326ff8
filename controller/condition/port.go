package condition

import (
	"fmt"
	"strings"
)

// PortFacts is what is known of a port.
type PortFacts struct {
	Name string
	// Node is where the port is pinned to or bound; "" for neither.
	Node string
	// Interface is the one it is bound to, or was last.
	Interface string
	// InterfaceID is the interface id that binds it; "" for one that names its
	// interface.
	InterfaceID string
	Bound       bool
	// Unbound says why it is not bound, in words.
	Unbound string
	// Rivals are the other interfaces that claim the port where it may be, the one
	// that gets it next first.
	Rivals []Place
	// Candidate claims it on another node than the one that it is pinned to; the
	// zero Place if none does. That is how a migration begins, and nothing wrong.
	Candidate Place
}

// Place is an interface of a node's bridge.
type Place struct{ Node, Interface string }

// String returns "INTERFACE on NODE".
func (p Place) String() string { return p.Interface + " on " + p.Node }

// Port returns what is wrong with a port, in the order of the table of reasons.
func Port(f PortFacts) []Condition {
	var l list
	if !f.Bound {
		l.add(NotBound, f.Unbound, plugIn(f))
	}
	if f.Bound && len(f.Rivals) > 0 {
		claimConflict(&l, f)
	}
	return l
}

// maxRivals is how many rivals are listed.
const maxRivals = 4

// claimConflict says who claims a port.
func claimConflict(l *list, f PortFacts) {
	var rivals []string
	for _, r := range f.Rivals[:min(len(f.Rivals), maxRivals)] {
		rivals = append(rivals, r.String())
	}
	if more := len(f.Rivals) - len(rivals); more > 0 {
		rivals = append(rivals, fmt.Sprintf("%d more", more))
	}
	first := f.Rivals[0]
	action := "remove the one that is not the port; if that is " + first.String() + ", on " + first.Node + ": ovs-vsctl remove interface " + first.Interface + " external_ids iface-id"
	if f.InterfaceID == "" {
		action = "name the interface in full, or rename one"
	}
	l.add(ClaimConflict,
		fmt.Sprintf("interface %s has the port, and %s claims it too", Place{f.Node, f.Interface}, strings.Join(rivals, ", ")),
		action)
}

// plugIn is how the port gets an interface.
func plugIn(f PortFacts) string {
	if f.InterfaceID == "" {
		return "add the interface to the bridge, on " + f.Node
	}
	return "on its node: ovs-vsctl set interface NAME external_ids:iface-id=" + f.InterfaceID
}
