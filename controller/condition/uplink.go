package condition

import (
	"fmt"
	"slices"
	"strings"

	"github.com/sdnctl/sdnctl/topology"
)

// Uplink is what keeps packets from leaving a network by the uplink of its router.
type Uplink struct {
	Name string
	// Bridge is the bridge to which it leads; "" if it leads to nodes' kernels.
	Bridge string
	// Missing are nodes that have ports of the network and no port for the uplink, Down those
	// on which that port is down, and Severed those on which the port leads to no bridge any more. All
	// are sorted.
	Missing, Down, Severed []string
	// NoAddress are, by family, those that have no address on the uplink, where packets of that family
	// leave; sorted.
	NoAddress [2][]string
}

// flag is what nodes join with to have the uplink.
func (u Uplink) flag() string {
	if u.Bridge == "" {
		return "--uplink host"
	}
	return "--uplink bridge:" + u.Bridge
}

// uplinks adds the conditions of nodes where packets cannot leave a network.
func uplinks(l *list, u Uplink) {
	if n := len(u.Missing); n > 0 {
		nodes := TunnelNodes{u.Missing, n}
		l.add(UplinkMissing,
			fmt.Sprintf("its router leads out by an uplink, which %s has not; what ports send outside from there is dropped", nodes.text()),
			fmt.Sprintf("on %s: sdnctl node join %s --controller ADDRESS %s, beside the flags that it joined with", u.Missing[0], u.Missing[0], u.flag()))
	}
	if n := len(u.Down); n > 0 {
		nodes := TunnelNodes{u.Down, n}
		port, cure := "uplink-sdn", fmt.Sprintf("on %s: systemctl restart sdnctl-uplink, or without systemd: /etc/sdnctl/uplink start", u.Down[0])
		if u.Bridge != "" {
			port = "to the bridge " + u.Bridge
			cure = fmt.Sprintf("on %s: ovs-vsctl show; is the bridge %s there, with its port %s-sdn?", u.Down[0], u.Bridge, u.Bridge)
		}
		l.add(UplinkDown, fmt.Sprintf("its router leads out by an uplink, whose port %s is down on %s; what ports send outside from there is dropped", port, nodes.text()), cure)
	}
	if n := len(u.Severed); n > 0 {
		nodes := TunnelNodes{u.Severed, n}
		l.add(UplinkSevered,
			fmt.Sprintf("its router leads out by the bridge %s, which is gone on %s, or its port %s-sdn is; what ports send outside from there is dropped", u.Bridge, nodes.text(), u.Bridge),
			fmt.Sprintf("on %s: make the bridge %s again, with the port that leads to the network, then: sdnctl node join %s --controller ADDRESS %s, beside the flags that it joined with", u.Severed[0], u.Bridge, u.Severed[0], u.flag()))
	}
	var without []string
	for f, nodes := range u.NoAddress {
		if n := len(nodes); n > 0 {
			without = append(without, fmt.Sprintf("%s has no %s address", TunnelNodes{nodes, n}.text(), topology.Family(f)))
		}
	}
	if len(without) > 0 {
		node := slices.Concat(u.NoAddress[:]...)[0]
		l.add(UplinkAddressMissing,
			fmt.Sprintf("its router leaves with nodes' addresses on uplink %s, and %s there; what ports send outside from there by that family is dropped", u.Name, strings.Join(without, ", ")),
			fmt.Sprintf("sdnctl node set %s --uplink-address ADDRESS, beside those that it has: one of the uplink's addresses of that family ('sdnctl uplink show %s')", node, u.Name))
	}
}
