package condition

import (
	"fmt"
	"strings"
)

// EgressFacts is what is known of an egress address.
type EgressFacts struct {
	Name string
	// Uplink and Bridge are the uplink's name, and the bridge to which it leads. Holder is the node
	// that has the addresses, "" if none does.
	Uplink, Bridge, Holder string
	Nodes                  []EgressNode
	// Networks are those of its ports whose router has no egress, or none in a family of the addresses.
	Networks []EgressNetwork
	// Routed are those whose router routes IPv6, if there are IPv6 addresses.
	Routed []EgressNetwork
}

// EgressNode is a node of an egress address.
type EgressNode struct {
	Name string
	// Reached says that it is reached, Bridge that it has a port to the bridge of the uplink,
	// Addressed that it has an address of its own there, if it needs one.
	Reached, Bridge, Addressed bool
	// Lacks is the family of the address that it lacks, "" if one of any family would do.
	Lacks string
	// Blind are the nodes whose switches cannot find out whether it is reached.
	Blind []string
}

// EgressNetwork is a network with ports that do not leave with an egress address; Router is "" if there is none.
type EgressNetwork struct {
	Name, Router string
	Ports        int
	// Uplink is that of the router if by it packets of a family do not leave, Lacks the family.
	Uplink, Lacks string
}

// unfitNodes says why nodes cannot have addresses on an uplink, and what to do for the first of them.
func unfitNodes(nodes []EgressNode, uplink, bridge string) (unfit []string, cure string) {
	for _, n := range nodes {
		switch {
		case !n.Reached:
			unfit = append(unfit, n.Name+" is not reached")
			cure = orElse(cure, "sdnctl node show "+n.Name)
		case !n.Bridge:
			unfit = append(unfit, fmt.Sprintf("%s has no port to the bridge %s of uplink %s", n.Name, bridge, uplink))
			cure = orElse(cure, fmt.Sprintf("on %s: sdnctl node join %s --controller ADDRESS --uplink bridge:%s, beside the flags that it joined with", n.Name, n.Name, bridge))
		case !n.Addressed:
			what, fix := "uplinkAddress", fmt.Sprintf("sdnctl node set %s --uplink-address ADDRESS", n.Name)
			if n.Lacks != "" {
				what = "uplinkAddress of " + n.Lacks
				fix += ", beside the addresses that it has"
			}
			unfit = append(unfit, fmt.Sprintf("%s has no %s on uplink %s", n.Name, what, uplink))
			cure = orElse(cure, fix)
		}
	}
	return unfit, cure
}

// EgressIP returns what is wrong with an egress address, in the order of the table of reasons.
func EgressIP(f EgressFacts) []Condition {
	var l list
	var blind []string
	unfit, cure := unfitNodes(f.Nodes, f.Uplink, f.Bridge)
	for _, n := range f.Nodes {
		if len(n.Blind) > 0 && n.Reached {
			blind = append(blind, fmt.Sprintf("%s of %s", strings.Join(n.Blind[:min(len(n.Blind), maxNamed)], ", "), n.Name))
		}
	}
	if f.Holder == "" {
		l.add(EgressIPNoNode, strings.Join(unfit, "; ")+": what its ports send to addresses outside is dropped", cure)
	}
	for _, n := range f.Networks {
		message := fmt.Sprintf("no router joins network %s, in which it selects %d of its ports", n.Name, n.Ports)
		fix := fmt.Sprintf("sdnctl router create NAME --network %s --egress %s", n.Name, f.Uplink)
		switch {
		case n.Lacks != "":
			message = fmt.Sprintf("%s does not leave router %s of network %s, in which it selects %d of its ports, as uplink %s does not carry it", n.Lacks, n.Router, n.Name, n.Ports, n.Uplink)
			fix = fmt.Sprintf("sdnctl uplink show %s, and set its subnets; or leave the addresses of %s away: sdnctl egressip set %s --address ADDRESSES", n.Uplink, n.Lacks, f.Name)
		case n.Router != "":
			message = fmt.Sprintf("router %s of network %s, in which it selects %d of its ports, has no egress", n.Router, n.Name, n.Ports)
			fix = fmt.Sprintf("sdnctl router set %s --egress %s", n.Router, f.Uplink)
		}
		l.add(EgressIPNoRouter, message, fix)
		break // one at a time: each has the same cure
	}
	for _, n := range f.Routed {
		l.add(EgressIPRouted, fmt.Sprintf("router %s of network %s, in which it selects %d of its ports, routes IPv6: this leaves with the addresses of the ports themselves", n.Router, n.Name, n.Ports),
			fmt.Sprintf("sdnctl router set %s --egress-ipv6 translated; or leave the IPv6 addresses away: sdnctl egressip set %s --address ADDRESSES", n.Router, f.Name))
		break // one at a time, as above
	}
	if f.Holder != "" && len(unfit) > 0 {
		l.add(EgressIPNodeUnfit, strings.Join(unfit, "; "), cure)
	}
	if len(blind) > 0 {
		l.add(EgressIPUnattended,
			"switches do not notice by themselves when a node goes: "+strings.Join(blind, "; "),
			"have these nodes join without --ovsdb read, and sdnd listen for their OVSDB; sdnctl node show NAME says what sdnd cannot write")
	}
	return l
}

// orElse returns the first text that is not empty.
func orElse(a, b string) string {
	if a != "" {
		return a
	}
	return b
}
