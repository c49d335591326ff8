package condition

import (
	"fmt"
	"strings"
)

// FloatingFacts is what is known of a floating address.
type FloatingFacts struct {
	Name, Address string
	// Uplink and Bridge are the uplink's name, and the bridge to which it leads.
	Uplink, Bridge string
	// Ports are those that the address leads to. Port is the first of them that has an interface,
	// Node where that is, and Network and Router are the port's; "" if there is none.
	Ports                       []string
	Port, Node, Network, Router string
	// Leaves says that the router leaves by the uplink, HasBridge that the node has a port to its
	// bridge, Severed that the bridge is gone.
	Leaves, HasBridge, Severed bool
	// Elsewhere are the ports that have no interface on Node, or another router than Port.
	Elsewhere []string
}

// FloatingIP returns what is wrong with a floating address, in the order of the table of reasons.
func FloatingIP(f FloatingFacts) []Condition {
	var l list
	if f.Node == "" {
		l.add(FloatingIPNotPlaced,
			fmt.Sprintf("%s has no interface on the node where it belongs, so nobody answers for %s", strings.Join(f.Ports, ", "), f.Address),
			fmt.Sprintf("sdnctl port show %s; plug in its interface", f.Ports[0]))
		return l
	}
	switch {
	case f.Leaves:
	case f.Router == "":
		l.add(FloatingIPNoRouter,
			fmt.Sprintf("no router joins network %s of %s, so what comes for %s cannot get there", f.Network, f.Port, f.Address),
			fmt.Sprintf("sdnctl router create NAME --network %s --egress %s", f.Network, f.Uplink))
	default:
		l.add(FloatingIPNoRouter,
			fmt.Sprintf("router %s of %s does not leave by uplink %s, so no answer could", f.Router, f.Port, f.Uplink),
			fmt.Sprintf("sdnctl router set %s --egress %s", f.Router, f.Uplink))
	}
	switch {
	case f.Severed:
		l.add(FloatingIPNoBridge,
			fmt.Sprintf("%s is on %s, where the bridge %s of uplink %s is gone, so nobody answers for %s", f.Port, f.Node, f.Bridge, f.Uplink, f.Address),
			fmt.Sprintf("on %s: make the bridge %s again, then: sdnctl node join %s --controller ADDRESS --uplink bridge:%s, beside the flags that it joined with", f.Node, f.Bridge, f.Node, f.Bridge))
	case !f.HasBridge:
		l.add(FloatingIPNoBridge,
			fmt.Sprintf("%s is on %s, which has no port to the bridge %s of uplink %s, so nobody answers for %s", f.Port, f.Node, f.Bridge, f.Uplink, f.Address),
			fmt.Sprintf("on %s: sdnctl node join %s --controller ADDRESS --uplink bridge:%s, beside the flags that it joined with", f.Node, f.Node, f.Bridge))
	}
	if len(f.Elsewhere) > 0 {
		named := f.Elsewhere[:min(len(f.Elsewhere), maxNamed)]
		l.add(FloatingIPPartial,
			fmt.Sprintf("it is on %s, where %s is; what is forwarded to %s is dropped, which has no interface there, or another router", f.Node, f.Port, strings.Join(named, ", ")),
			"have an address of its own lead to each node's ports, or move the ports to one node")
	}
	return l
}
