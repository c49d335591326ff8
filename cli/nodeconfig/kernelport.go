package nodeconfig

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// The names of the ports to the machine's kernel, by which sdnd knows them.
const (
	// UplinkPort leads out of sdnd's networks.
	UplinkPort = "uplink-sdn"
	// HostPort leads to the machine itself.
	HostPort = "host-sdn"
)

// The keys that join writes to the external_ids of HostPort's interface, beside KeyNode.
const (
	// KeyHostRanges has the prefixes that the machine routes to the port, and
	// KeyHostAddresses the addresses that it sends from, separated by commas.
	KeyHostRanges    = "sdnctl-host-ranges"
	KeyHostAddresses = "sdnctl-host-addresses"
)

// bridgePrefix begins the names of ports that lead to bridges of uplinks, by which sdnd knows
// them; the bridge's name follows.
const bridgePrefix = "sdx-"

// peerOf returns the name of the other end of a port that leads to a bridge.
func peerOf(bridge string) string { return bridge + "-sdn" }

// isLink reports whether a port of the name leads to the machine's kernel, or to the bridge of
// an uplink.
func isLink(port string) bool {
	return port == UplinkPort || port == HostPort || strings.HasPrefix(port, bridgePrefix)
}

// KernelPort is what a join does about a port to the machine's kernel.
type KernelPort struct {
	Name string
	// Remove removes the port, instead of making it.
	Remove bool
	// MAC is that of the kernel's end, the same on every node, so that flows know it. MTU is
	// in bytes.
	MAC string
	MTU int
	// ExternalIDs are those of the interface, beside KeyNode.
	ExternalIDs map[string]string
}

// setBridges makes the ports that lead to bridges of uplinks, and removes those that lead to
// others if the join is to have no others.
func (j Join) setBridges(c *Commands, s State) {
	if j.OnlyBridges && s.Bridge != nil {
		for _, p := range s.Bridge.KernelPorts {
			if bridge, ok := strings.CutPrefix(p, bridgePrefix); ok && !slices.Contains(j.UplinkBridges, bridge) {
				removeLink(c, j.Bridge, p)
			}
		}
	}
	for _, bridge := range j.UplinkBridges {
		port, peer := bridgePrefix+bridge, peerOf(bridge)
		c.add("--may-exist", "add-port", j.Bridge, port)
		c.add("set", "interface", port, "type=patch", "options:peer="+valueQuote(peer), "external_ids:"+KeyNode+"="+valueQuote(j.Node))
		c.add("--may-exist", "add-port", bridge, peer)
		c.add("set", "interface", peer, "type=patch", "options:peer="+valueQuote(port), "external_ids:"+KeyNode+"="+valueQuote(j.Node))
	}
}

// removeLink removes a port to the machine's kernel, or both ends of one to a bridge.
func removeLink(c *Commands, bridge, port string) {
	c.add("--if-exists", "del-port", bridge, port)
	if to, ok := strings.CutPrefix(port, bridgePrefix); ok {
		c.add("--if-exists", "del-port", peerOf(to))
	}
}

// checkUplinkBridges says why the node cannot have ports to the bridges of uplinks.
func (j Join) checkUplinkBridges(c *Check, s State) {
	own := j.DatapathType
	if own == "" && s.Bridge != nil {
		own = s.Bridge.DatapathType
	}
	for _, bridge := range j.UplinkBridges {
		of, ok := s.Bridges[bridge]
		switch {
		case bridge == j.Bridge:
			c.Blocked = fmt.Sprintf("%s is the node's own bridge: name the bridge that leads outside", bridge)
		case !ok:
			c.Blocked = fmt.Sprintf("there is no bridge %s on this machine: make it first and put its ports in it, such as: ovs-vsctl add-br %s -- add-port %s eth1 (an address of the machine on eth1 must move to %s)", bridge, ShellQuote(bridge), ShellQuote(bridge), bridge)
		case of != own:
			c.Blocked = fmt.Sprintf("bridge %s has the datapath type %q and %s %q: packets do not pass between them; join with the same --datapath-type", bridge, of, j.Bridge, own)
		}
	}
}

// setKernelPorts makes or removes the ports to the machine's kernel.
func (j Join) setKernelPorts(c *Commands) {
	for _, p := range j.KernelPorts {
		if p.Remove {
			removeLink(c, j.Bridge, p.Name)
			continue
		}
		c.add("--may-exist", "add-port", j.Bridge, p.Name)
		set := []string{"set", "interface", p.Name, "type=internal", "mac=" + valueQuote(p.MAC),
			fmt.Sprintf("mtu_request=%d", p.MTU), "external_ids:" + KeyNode + "=" + valueQuote(j.Node)}
		for _, key := range slices.Sorted(maps.Keys(p.ExternalIDs)) {
			set = append(set, "external_ids:"+key+"="+valueQuote(p.ExternalIDs[key]))
		}
		c.add(set...)
	}
}
