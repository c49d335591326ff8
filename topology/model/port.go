package model

import (
	"fmt"
	"iter"
	"net/netip"
)

// PortSpec is what the user asks of a port.
type PortSpec struct {
	Network string `json:"network"`
	// Node the port is pinned to. Empty only on a stretched network: then the
	// port lives wherever its interface shows up, and can move.
	Node string     `json:"node,omitzero"`
	IP   netip.Addr `json:"ip,omitzero"`
	MAC  MAC        `json:"mac,omitzero"`
	// InterfaceID is matched with external_ids:iface-id (or container_id) of
	// OVS interfaces. Empty means the port's name.
	InterfaceID string `json:"interfaceID,omitzero"`
	// Interface is the name of the OVS interface on Node; set, it binds the
	// port by that name alone, without OVSDB.
	Interface string `json:"interface,omitzero"`
}

// Kind returns KindPort.
func (PortSpec) Kind() Kind { return KindPort }

// Writer returns NodeItself: a node makes ports of its own where a network takes
// them.
func (PortSpec) Writer() Role { return NodeItself }

// References yields the port's network and, if it has one, its node.
func (s PortSpec) References() iter.Seq2[string, Ref] {
	return func(yield func(string, Ref) bool) {
		if yield("spec.network", Ref{Kind: KindNetwork, Name: s.Network}) && s.Node != "" {
			yield("spec.node", Ref{Kind: KindNode, Name: s.Node})
		}
	}
}

// Normal implements Spec.
func (s PortSpec) Normal(bad Reporter) Spec {
	if s.Network == "" {
		bad(Invalid, "spec.network", "the port has no network", "name the network that it belongs to")
	}
	if s.IP.IsValid() {
		s.IP = s.IP.Unmap()
		if !s.IP.Is4() {
			bad(Invalid, "spec.ip", s.IP.String()+" is IPv6", "only IPv4 is supported for now; give an IPv4 address or leave it out to get one")
		}
	}
	if s.MAC.IsMulticast() {
		bad(Invalid, "spec.mac", s.MAC.String()+" is a multicast address (its first octet is odd)", "give a unicast MAC, or leave it out to get one")
	}
	if n := len(s.InterfaceID); n > MaxInterfaceIDLength {
		bad(Invalid, "spec.interfaceID", fmt.Sprintf("%d characters, at most %d are allowed", n, MaxInterfaceIDLength), "shorten it, or leave it out to use the port's name")
	} else if !printable(s.InterfaceID, false) {
		bad(Invalid, "spec.interfaceID", fmt.Sprintf("%q has characters that cannot be in an interface id", s.InterfaceID), "use printable ASCII without spaces")
	}
	if s.Interface != "" {
		if n := len(s.Interface); n > MaxInterfaceLength {
			bad(Invalid, "spec.interface", fmt.Sprintf("%q has %d characters, an interface name has at most %d", s.Interface, n, MaxInterfaceLength), "give the name as \"ip link\" shows it on the node")
		} else if !printable(s.Interface, true) {
			bad(Invalid, "spec.interface", fmt.Sprintf("%q is not the name of an interface", s.Interface), "give the name as \"ip link\" shows it on the node")
		}
		if s.Node == "" {
			bad(Invalid, "spec.interface", "an interface name means something on one node only", "set spec.node too, or bind by spec.interfaceID instead")
		}
	}
	return s
}
