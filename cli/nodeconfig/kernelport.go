package nodeconfig

import (
	"fmt"
	"maps"
	"slices"
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

// kernelPorts are the names of all ports to the machine's kernel.
func kernelPorts() []string { return []string{UplinkPort, HostPort} }

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

// setKernelPorts makes or removes the ports to the machine's kernel.
func (j Join) setKernelPorts(c *Commands) {
	for _, p := range j.KernelPorts {
		if p.Remove {
			c.add("--if-exists", "del-port", j.Bridge, p.Name)
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
