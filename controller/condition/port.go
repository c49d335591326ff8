package condition

// PortFacts is what is known of a port.
type PortFacts struct {
	Name string
	// Node is where the port is pinned to or bound; "" for neither.
	Node string
	// InterfaceID is the interface id that binds it; "" for one that names its
	// interface.
	InterfaceID string
	Bound       bool
	// Unbound says why it is not bound, in words.
	Unbound string
}

// Port returns what is wrong with a port, in the order of the table of reasons.
func Port(f PortFacts) []Condition {
	var l list
	if !f.Bound {
		l.add(NotBound, f.Unbound, plugIn(f))
	}
	return l
}

// plugIn is how the port gets an interface.
func plugIn(f PortFacts) string {
	if f.InterfaceID == "" {
		return "add the interface to the bridge, on " + f.Node
	}
	return "on its node: ovs-vsctl set interface NAME external_ids:iface-id=" + f.InterfaceID
}
