package topology

import "iter"

// Port returns the port of that name.
func (s *Snapshot) Port(name string) (*Port, bool) { return s.x.ports.Get(name) }

// Ports returns all ports by name.
func (s *Snapshot) Ports() iter.Seq[*Port] { return all(s.x.ports) }

// NumPorts returns how many ports there are.
func (s *Snapshot) NumPorts() int { return s.x.ports.Len() }

// PortsOfNetwork returns the ports of a network by name.
func (s *Snapshot) PortsOfNetwork(network string) iter.Seq[*Port] {
	return s.x.portsOfNetwork(network)
}

func (x *indexes) portsOfNetwork(network string) iter.Seq[*Port] {
	return func(yield func(*Port) bool) {
		x.portsByNetwork.Ascend(&Port{Spec: PortSpec{Network: network}}, func(p *Port) bool {
			return p.Spec.Network == network && yield(p)
		})
	}
}

// PortsOnNode returns the ports pinned to a node by their spec, by network and name. It
// does not return unpinned ports that are bound there.
func (s *Snapshot) PortsOnNode(node string) iter.Seq[*Port] { return s.x.portsOnNode(node) }

func (x *indexes) portsOnNode(node string) iter.Seq[*Port] {
	return func(yield func(*Port) bool) {
		x.portsByNode.Ascend(&Port{Spec: PortSpec{Node: node}}, func(p *Port) bool {
			return p.Spec.Node == node && yield(p)
		})
	}
}

// PortsOfNetworkOnNode returns the ports of a network that are pinned to a
// node, by name.
func (s *Snapshot) PortsOfNetworkOnNode(network, node string) iter.Seq[*Port] {
	return s.x.portsOfNetworkOnNode(network, node)
}

func (x *indexes) portsOfNetworkOnNode(network, node string) iter.Seq[*Port] {
	return func(yield func(*Port) bool) {
		from := &Port{Spec: PortSpec{Network: network, Node: node}}
		x.portsByNode.Ascend(from, func(p *Port) bool {
			return p.Spec.Node == node && p.Spec.Network == network && yield(p)
		})
	}
}

// UnpinnedPorts returns the ports of a network that have no fixed node, by
// name.
func (s *Snapshot) UnpinnedPorts(network string) iter.Seq[*Port] {
	return s.PortsOfNetworkOnNode(network, "")
}

// PortByMAC returns the port that has a MAC in a network.
func (s *Snapshot) PortByMAC(network string, mac MAC) (*Port, bool) {
	n, ok := s.x.networks.Get(network)
	if !ok {
		return nil, false
	}
	return s.x.portByMAC(n.VNI, mac)
}

// PortByBindingID returns the port whose BindingID is id.
func (s *Snapshot) PortByBindingID(id string) (*Port, bool) { return s.x.portByBindingID(id) }

// PortByInterface returns the port that is bound by the name of an OVS
// interface on a node.
func (s *Snapshot) PortByInterface(node, iface string) (*Port, bool) {
	e, ok := s.x.portsByIface.Get(ifaceEntry{node: node, iface: iface})
	return e.port, ok
}
