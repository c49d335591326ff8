package model

import (
	"fmt"
	"iter"
	"maps"
	"net/netip"
	"slices"
)

// PortSpec is the declared part of a port.
type PortSpec struct {
	Network string `json:"network" doc:"The network" example:"blue"`
	// Node is empty only in a stretched network: then the port is on the node where its
	// interface is, and can move.
	Node string `json:"node,omitempty" doc:"Node the port is pinned to; absent, it lives where its interface shows up (stretched networks only)" example:"node1"`
	// IP is the port's address; IPs has both if the spec gives one of each family: then
	// IPv4 comes first, and is IP, too. An address is allocated for each other family of
	// the network.
	IP  netip.Addr   `json:"ip,omitzero" doc:"Address; allocated when absent" example:"10.0.0.7"`
	IPs []netip.Addr `json:"ips,omitempty" doc:"Addresses, at most one of each family, instead of ip; of a family that the network has and that is not given, one is allocated" example:"[\"10.0.0.7\"]"`
	MAC MAC          `json:"mac,omitzero" doc:"MAC; derived from the address and the VNI when absent" example:"02:64:0a:00:00:07"`
	// Addresses are further ones. PortSecurity is about them and the port's own.
	Addresses    []PortAddress `json:"addresses,omitempty" doc:"Further addresses that the port has: virtual addresses, ranges behind it, MACs"`
	PortSecurity PortSecurity  `json:"portSecurity,omitempty" doc:"strict: what the port sends from other addresses than its own is dropped; off: it may send from any. Only an admin may declare a port with off" enum:"strict,off" default:"strict" example:"strict"`
	// NamedPorts are what rules of policies and services call ports of the port, by name.
	NamedPorts map[string]PolicyPort `json:"namedPorts,omitempty" doc:"Names of ports that the port serves, each with its protocol and number. Rules of policies name them as tcp/http" example:"{\"http\":\"tcp/8080\"}"`
	// InterfaceID is matched with external_ids of OVS interfaces. Empty means the
	// port's name.
	InterfaceID string `json:"interfaceID,omitempty" doc:"Value of external_ids:iface-id (or container_id) of the port's OVS interface; the port's name when absent" example:"web1"`
	// Interface, if set, binds the port without OVSDB.
	Interface string `json:"interface,omitempty" doc:"Name of the OVS interface on the node; binds the port by that name alone" example:"veth0"`
}

// Kind returns KindPort.
func (PortSpec) Kind() Kind { return KindPort }

// Writer returns NodeItself: a node makes ports of its own where a network takes
// them. Further addresses, which others could be kept from, need an operator, and a
// port that may pose as any other an admin.
func (s PortSpec) Writer() Role {
	switch {
	case s.PortSecurity == PortSecurityOff:
		return Admin
	case len(s.Addresses) > 0:
		return Operator
	}
	return NodeItself
}

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
	s.IP, s.IPs = normalIPs(s.IP, s.IPs, bad)
	s.Addresses = normalAddresses(s.Addresses, bad)
	s.NamedPorts = normalNamedPorts(s.NamedPorts, bad)
	switch s.PortSecurity {
	case PortSecurityStrict:
		s.PortSecurity = ""
	case "", PortSecurityOff:
	default:
		bad(Invalid, "spec.portSecurity", fmt.Sprintf("%q is not a way to check", s.PortSecurity), fmt.Sprintf("write %s or %s", PortSecurityStrict, PortSecurityOff))
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

// Given returns the address of a family that the spec gives, if any.
func (s *PortSpec) Given(f Family) (netip.Addr, bool) {
	for _, a := range s.IPs {
		if FamilyOf(a) == f {
			return a, true
		}
	}
	return s.IP, s.IP.IsValid() && FamilyOf(s.IP) == f
}

// Equal reports whether two specs, as Normal returns them, are the same.
func (s PortSpec) Equal(o PortSpec) bool {
	return s.Network == o.Network && s.Node == o.Node && s.IP == o.IP && slices.Equal(s.IPs, o.IPs) && s.MAC == o.MAC && slices.Equal(s.Addresses, o.Addresses) && s.PortSecurity == o.PortSecurity && maps.Equal(s.NamedPorts, o.NamedPorts) &&
		s.InterfaceID == o.InterfaceID && s.Interface == o.Interface
}

// normalIPs checks the addresses that are given, and returns the first of them, and
// all if there is one of each family.
func normalIPs(ip netip.Addr, ips []netip.Addr, bad Reporter) (netip.Addr, []netip.Addr) {
	ip = ip.Unmap()
	var byFamily [numFamilies]netip.Addr
	for i, a := range ips {
		a = a.Unmap()
		field := fmt.Sprintf("spec.ips[%d]", i)
		if zoned(a, field, bad) {
			continue
		} else if !a.IsValid() {
			bad(Invalid, field, "the address is missing", "give an address or remove the entry")
		} else if had := &byFamily[FamilyOf(a)]; had.IsValid() {
			bad(Invalid, field, fmt.Sprintf("%s and %s are both %s, and a port has one address of a family", had, a, FamilyOf(a)), "give one of each family")
		} else {
			*had = a
		}
	}
	if ip.IsValid() && !zoned(ip, "spec.ip", bad) {
		if had := &byFamily[FamilyOf(ip)]; len(ips) > 0 && *had != ip {
			bad(Invalid, "spec.ip", fmt.Sprintf("%s is not among spec.ips", ip), "give spec.ip or spec.ips")
		} else {
			*had = ip
		}
	}
	switch v4, v6 := byFamily[IPv4], byFamily[IPv6]; {
	case v4.IsValid() && v6.IsValid():
		return v4, []netip.Addr{v4, v6}
	case v4.IsValid():
		return v4, nil
	default:
		return v6, nil
	}
}
