package pipeline

import (
	"iter"
	"net/netip"
	"strings"

	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// UnitKind says what a Unit stands for.
type UnitKind uint8

// The kinds of units.
const (
	// UnitNode has what a node needs whatever ports it has.
	UnitNode UnitKind = iota
	// UnitNetwork has what a node needs once for a network.
	UnitNetwork
	// UnitBlock has what a node needs for one node's block of a segmented network, which
	// may be its own.
	UnitBlock
	// UnitPort has what a node needs for one port, which may be on another node.
	UnitPort
	// UnitSource has the nodes that may send to a node, through the tunnel, packets of the
	// networks that a router joins, or of one that no router joins. It covers the nodes
	// whose tunnel addresses are in one part of the underlay.
	UnitSource
	// UnitPolicies has what a node needs for all policies that judge packets arriving
	// there. They share flows, so that each end and port costs its flows once, in however
	// many rules it is.
	UnitPolicies
	// UnitRouter has what a node needs for packets to leave a router by an uplink.
	UnitRouter
	// UnitService has what a node needs for one service that ports there may use.
	UnitService
	// UnitBackend has what a node needs to send connections to one port by services that
	// ports there may use: by a protocol and number, or what services with session affinity
	// need for all of these. Services share it.
	UnitBackend
	// UnitHost has what a node needs for ports of a network to reach one node itself, which
	// may be this one, and for this node to reach the ports.
	UnitHost
	// UnitFloating has what a node needs for one floating address that is there.
	UnitFloating
	// UnitEntry has what a node whose ports may answer to outside needs for one other node at
	// which machines outside enter.
	UnitEntry
	// UnitEgress has what a node needs for one egress address with which ports there leave, or
	// that may be there.
	UnitEgress
	// UnitBypass has what a node whose ports leave with egress addresses needs for one other node,
	// which they do not reach with these.
	UnitBypass
	// UnitGroup has what a node needs for the members of one multicast group of a network.
	UnitGroup

	numUnitKinds = iota
)

// unitKinds is a set of kinds: bit k is that of kind k.
type unitKinds uint16

const allUnitKinds unitKinds = 1<<numUnitKinds - 1

func (s unitKinds) has(k UnitKind) bool { return s&(1<<k) != 0 }

// Unit is the smallest thing whose flows on a node change on their own.
type Unit struct {
	Kind UnitKind
	// Name of the node, network, router, port, service, floating or egress address; for a block, of the network; for
	// policies, of the node; for sources, the reference of the router or network.
	Name string
	// Part is, for a block, the node that has it; for host access, the node that is reached;
	// for sources, the prefix of the underlay, or "" if any address is admitted; for a
	// backend, the protocol and number as in tcp/8080, or "" for what all of these share; for a
	// group, its address; else "".
	Part string
}

// Owner returns the declared object that the unit's flows exist for.
func (u Unit) Owner() topology.Ref {
	switch u.Kind {
	case UnitNode, UnitPolicies, UnitEntry, UnitBypass:
		return topology.Ref{Kind: topology.KindNode, Name: u.Name}
	case UnitPort, UnitBackend:
		return topology.Ref{Kind: topology.KindPort, Name: u.Name}
	case UnitRouter:
		return topology.Ref{Kind: topology.KindRouter, Name: u.Name}
	case UnitService:
		return topology.Ref{Kind: model.KindService, Name: u.Name}
	case UnitFloating:
		return topology.Ref{Kind: model.KindFloatingIP, Name: u.Name}
	case UnitEgress:
		return topology.Ref{Kind: model.KindEgressIP, Name: u.Name}
	case UnitSource:
		kind, name, _ := strings.Cut(u.Name, "/")
		return topology.Ref{Kind: topology.Kind(kind), Name: name}
	default:
		return topology.Ref{Kind: topology.KindNetwork, Name: u.Name}
	}
}

// String names the unit: its owner, with the node of a block and the part of the underlay
// of sources.
func (u Unit) String() string {
	switch {
	case u.Kind == UnitBlock:
		return u.Owner().String() + " on node/" + u.Part
	case u.Kind == UnitHost:
		return u.Owner().String() + " with node/" + u.Part
	case u.Kind == UnitGroup:
		return u.Owner().String() + " group " + u.Part
	case u.Kind == UnitPolicies:
		return "policies on " + u.Owner().String()
	case u.Kind == UnitEntry:
		return u.Owner().String() + " as a way in"
	case u.Kind == UnitBypass:
		return u.Owner().String() + " as a destination"
	case u.Kind == UnitBackend && u.Part != "":
		return u.Owner().String() + " as a backend by " + u.Part
	case u.Kind == UnitBackend:
		return u.Owner().String() + " as a backend"
	case u.Kind == UnitSource && u.Part != "":
		return u.Owner().String() + " from " + u.Part
	}
	return u.Owner().String()
}

// unit is a Unit with the objects that it stands for.
type unit struct {
	Unit
	// network is the unit's network, or the network of its block or port; nil for nodes,
	// routers and sources.
	network  *topology.Network
	block    *topology.Block // of UnitBlock
	port     *topology.Port  // of UnitPort
	service  *topology.Service
	backend  *topology.Port // of UnitBackend, whose part is the endpoint
	endpoint endpoint
	host     *topology.Node // of UnitHost, UnitEntry and UnitBypass
	floating *topology.FloatingIP
	egress   *topology.EgressIP
	group    netip.Addr
}

// unit returns the objects that a Unit stands for. It returns false if they do not exist,
// or if the node never has flows for them.
func (v *View) unit(node string, u Unit) (unit, bool) {
	switch u.Kind {
	case UnitNode:
		_, ok := v.Topo.Node(u.Name)
		return unit{Unit: u}, ok && u.Name == node
	case UnitPolicies:
		return unit{Unit: u}, u.Name == node
	case UnitService:
		o, ok := v.Topo.Service(u.Name)
		return unit{Unit: u, service: o}, ok
	case UnitEgress:
		o, ok := v.Topo.EgressIP(u.Name)
		return unit{Unit: u, egress: o}, ok
	case UnitEntry, UnitBypass:
		n, ok := v.Topo.Node(u.Name)
		return unit{Unit: u, host: n}, ok && u.Name != node
	case UnitFloating:
		o, ok := v.Topo.FloatingIP(u.Name)
		return unit{Unit: u, floating: o}, ok
	case UnitBackend:
		p, ok := v.Topo.Port(u.Name)
		return unit{Unit: u, backend: p, endpoint: parseEndpoint(u.Part)}, ok
	case UnitNetwork:
		n, ok := v.Topo.Network(u.Name)
		return unit{Unit: u, network: n}, ok
	case UnitGroup:
		n, ok := v.Topo.Network(u.Name)
		group, err := netip.ParseAddr(u.Part)
		return unit{Unit: u, network: n, group: group}, ok && err == nil
	case UnitBlock:
		n, ok := v.Topo.Network(u.Name)
		b, has := v.Topo.Block(u.Name, u.Part)
		return unit{Unit: u, network: n, block: b}, ok && has
	case UnitHost:
		n, ok := v.Topo.Network(u.Name)
		o, has := v.Topo.Node(u.Part)
		return unit{Unit: u, network: n, host: o}, ok && has
	case UnitPort:
		p, ok := v.Topo.Port(u.Name)
		if !ok {
			return unit{}, false
		}
		n, ok := v.Topo.Network(p.Spec.Network)
		return unit{Unit: u, network: n, port: p}, ok
	}
	return unit{Unit: u}, true
}

// Units iterates over all units that may have flows on the node.
func (v *View) Units(node string) iter.Seq[Unit] {
	return func(yield func(Unit) bool) {
		for i := range v.unitsOn(node, allUnitKinds) {
			if !yield(i.Unit) {
				return
			}
		}
	}
}

// policiesOf returns the unit of a node's policies.
func policiesOf(node string) Unit { return Unit{Kind: UnitPolicies, Name: node} }

// unitsOn does what Units does, with the objects that the units stand for. Units of other kinds may
// be left out.
func (v *View) unitsOn(node string, kinds unitKinds) iter.Seq[unit] {
	return func(yield func(unit) bool) {
		if n, ok := v.unit(node, Unit{Kind: UnitNode, Name: node}); ok && !yield(n) {
			return
		}
		if v.PolicedNode(node) && !yield(unit{Unit: policiesOf(node)}) {
			return
		}
		for i := range v.serviceUnits(v.servicesOn(node)) {
			if !yield(i) {
				return
			}
		}
		for name := range v.FloatingOn(node) {
			if i, ok := v.unit(node, Unit{Kind: UnitFloating, Name: name}); ok && !yield(i) {
				return
			}
		}
		for u := range v.egressUnits(node) {
			if i, ok := v.unit(node, u); ok && !yield(i) {
				return
			}
		}
		for u := range v.entryUnits(node) {
			if i, ok := v.unit(node, u); ok && !yield(i) {
				return
			}
		}
		for network := range v.NetworksOn(node) {
			for i := range v.unitsOf(network, node, kinds) {
				if !yield(i) {
					return
				}
			}
		}
	}
}

// unitsOf iterates over the units of one network that may have flows on a node
// to which the network is relevant: all ports of a stretched network, but of a
// segmented one only the node's own. Units of other kinds may be left out.
func (v *View) unitsOf(network, node string, kinds unitKinds) iter.Seq[unit] {
	return func(yield func(unit) bool) {
		n, ok := v.Topo.Network(network)
		if !ok || !yield(unit{Unit: Unit{Kind: UnitNetwork, Name: network}, network: n}) {
			return
		}
		if u, ok := v.routerOf(n); ok && !yield(unit{Unit: u}) {
			return
		}
		if d, ok := v.sourcesOf(n); ok && kinds.has(UnitSource) {
			for u := range v.sourceUnits(d) {
				if !yield(unit{Unit: u}) {
					return
				}
			}
		}
		for u := range v.hostUnits(n, node) {
			if i, ok := v.unit(node, u); ok && !yield(i) {
				return
			}
		}
		for group := range v.GroupsOf(network, netip.Addr{}) {
			if !yield(unit{Unit: groupUnit(network, group), network: n, group: group}) {
				return
			}
		}
		ports := v.Topo.PortsOfNetwork(network)
		if n.Spec.Mode == topology.Segmented {
			for b := range v.Topo.BlocksOf(network) {
				if !kinds.has(UnitBlock) {
					break
				}
				if !yield(unit{Unit: Unit{Kind: UnitBlock, Name: network, Part: b.Node}, network: n, block: b}) {
					return
				}
			}
			ports = v.Topo.PortsOfNetworkOnNode(network, node)
		}
		for p := range ports {
			if !kinds.has(UnitPort) {
				return
			}
			if !yield(unit{Unit: Unit{Kind: UnitPort, Name: p.Name}, network: n, port: p}) {
				return
			}
		}
	}
}
