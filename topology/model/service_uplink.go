package model

import (
	"fmt"
	"net/netip"
	"slices"
)

// ServiceUplink is addresses of a service on the network of an uplink of the type bridge.
type ServiceUplink struct {
	Name      string       `json:"name" doc:"Name of an uplink of the type bridge, on whose network the addresses are" example:"ext"`
	Addresses []netip.Addr `json:"addresses" doc:"The addresses, 1 to 16, of one or both families: of the uplink's addresses, that no node, no floating or egress address and no other service has" example:"[\"192.0.2.90\",\"2001:db8:0:2::90\"]"`
}

// normal checks the addresses on an uplink, and returns a copy of them.
func (u *ServiceUplink) normal(s *ServiceSpec, bad Reporter) *ServiceUplink {
	if u == nil {
		return nil
	}
	out := &ServiceUplink{Name: u.Name, Addresses: cloned(u.Addresses)}
	if out.Name == "" {
		bad(Invalid, "spec.uplink.name", "is missing", "name an uplink of the type bridge; 'sdnctl uplink list' shows those that there are")
	}
	uplinkAddresses(out.Addresses, "spec.uplink.addresses", MaxServiceAddresses, "192.0.2.90", bad)
	for i, a := range out.Addresses {
		if a.IsValid() && slices.Contains(s.Addresses, a) && !slices.Contains(out.Addresses[:i], a) {
			bad(Invalid, fmt.Sprintf("spec.uplink.addresses[%d]", i), a.String()+" is among spec.addresses, too", "list it here alone: ports of the networks reach the service at addresses on the uplink, too")
		}
	}
	for i, p := range s.Ports {
		at := fmt.Sprintf("spec.ports[%d].port", i)
		switch {
		case p.Protocol == ProtocolUDP && p.Port == vxlanPort:
			bad(Invalid, at, "udp/4789 is VXLAN, which neither leaves nor comes in by an uplink", "choose another port")
		case s.HasNodePorts() && p.Port >= FirstNodePort && p.Port <= LastNodePort:
			bad(Invalid, at, fmt.Sprintf("%d is in the range of node ports, and the service has both node ports and addresses on an uplink", p.Port), fmt.Sprintf("choose a port outside of %d to %d, or make a second service for the node ports", FirstNodePort, LastNodePort))
		}
	}
	return out
}

// Exposed reports whether machines outside reach the service: by node ports, or by addresses on an
// uplink.
func (s ServiceSpec) Exposed() bool { return s.Uplink != nil || s.HasNodePorts() }

// OnUplink returns the addresses of the service on an uplink, nil if there are none.
func (s ServiceSpec) OnUplink() []netip.Addr {
	if s.Uplink == nil {
		return nil
	}
	return s.Uplink.Addresses
}

// OnUplinkBy reports whether the service has addresses of a family on an uplink.
func (s ServiceSpec) OnUplinkBy(f Family) bool {
	return slices.ContainsFunc(s.OnUplink(), func(a netip.Addr) bool { return FamilyOf(a) == f })
}

// Reached returns the addresses at which ports of the networks reach the service: its own, and
// those on an uplink.
func (s ServiceSpec) Reached() []netip.Addr {
	if s.Uplink == nil {
		return s.Addresses
	}
	return slices.Concat(s.Addresses, s.Uplink.Addresses)
}
