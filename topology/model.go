package topology

import (
	"fmt"
	"net/netip"
	"strings"
	"time"
)

// Kind names a kind of declared object, as the user writes it.
type Kind string

// The kinds of objects that a user declares.
const (
	KindNode    Kind = "node"
	KindNetwork Kind = "network"
	KindRouter  Kind = "router"
	KindPort    Kind = "port"
)

// Ref names one declared object. Its text form is "kind/name".
type Ref struct {
	Kind Kind
	Name string
}

// String returns "kind/name", for example "port/web1".
func (r Ref) String() string { return string(r.Kind) + "/" + r.Name }

// MarshalText writes the reference as String does.
func (r Ref) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText reads what MarshalText writes.
func (r *Ref) UnmarshalText(b []byte) error {
	kind, name, ok := strings.Cut(string(b), "/")
	if !ok {
		return fmt.Errorf("%q does not name an object: want kind/name, such as port/web1", b)
	}
	*r = Ref{Kind(kind), name}
	return nil
}

// Revision numbers a commit of the desired topology. The empty store is at
// revision 0; each commit that changes something adds one.
type Revision uint64

// VNI is a VXLAN Network Identifier (RFC 7348, section 5): 24 bits, of which
// 0 is not used here, so 1..16777215.
type VNI uint32

// The range of VNIs that a network may have.
const (
	MinVNI VNI = 1
	MaxVNI VNI = 1<<24 - 1
)

// DatapathID identifies an OpenFlow switch (OpenFlow 1.3.5, 7.3.1): 64 bits,
// by custom 16 chosen by the implementer and 48 from a MAC.
type DatapathID uint64

// Mode says how a network spreads over nodes.
type Mode string

const (
	// Stretched is one layer-2 domain over all nodes that have a port of it.
	Stretched Mode = "stretched"
	// Segmented gives each node a block of the network's addresses and a
	// layer-2 domain and gateway of its own; nodes route to each other.
	Segmented Mode = "segmented"
)

// Meta is what all declared objects have.
type Meta struct {
	Name   string
	Labels map[string]string
	// Created and Modified are the revisions that made the object and last
	// changed it; CreatedAt is the time of the former.
	Created   Revision
	Modified  Revision
	CreatedAt time.Time
}

// Object is a declared object: *Node, *Network, *Router or *Port.
//
// Objects that came out of a Snapshot are shared and must not be modified.
type Object interface {
	Ref() Ref
	Metadata() *Meta
}

// Node is a machine with an Open vSwitch that we control.
type Node struct {
	Meta
	Spec NodeSpec
	// DatapathID is Spec.DatapathID, or DatapathIDFor(Name) when that is 0.
	DatapathID DatapathID
}

// NodeSpec is what the user asks of a node.
type NodeSpec struct {
	// DatapathID of the node's br-int; 0 derives it from the name, as
	// "sdnctl node join" does on the node.
	DatapathID DatapathID
	// TunnelIP is the node's VXLAN endpoint (VTEP) on the underlay. Invalid
	// (the zero Addr) for a node that never needs to reach another.
	TunnelIP netip.Addr
	// TunnelCheck says whether what the node sends through the tunnel is checked
	// to come from TunnelIP also while OVSDB does not show that it does; "" is
	// TunnelAuto.
	TunnelCheck TunnelCheck
}

// TunnelCheck says when the source of a node's tunnelled packets is checked.
type TunnelCheck string

const (
	// TunnelAuto, as stored "", checks it once OVSDB shows that the node's tunnel
	// port sends from TunnelIP (options:local_ip). Until then the nodes that it
	// shares a network with admit packets from any address.
	TunnelAuto TunnelCheck = "auto"
	// TunnelEnforce checks it always.
	TunnelEnforce TunnelCheck = "enforce"
)

// Network is a VNI with its subnets.
type Network struct {
	Meta
	Spec NetworkSpec
	// VNI is Spec.VNI, or one allocated when that is 0.
	VNI VNI
	// GatewayMAC is Spec.GatewayMAC, or derived from the VNI. It is the same
	// on every node.
	GatewayMAC MAC
}

// NetworkSpec is what the user asks of a network.
type NetworkSpec struct {
	VNI     VNI
	Mode    Mode
	Subnets []Subnet
	// MTU of the containers' interfaces, in bytes; 0 means DefaultMTU.
	MTU        int
	GatewayMAC MAC
	// ContainersPerNode and MaxNodes size the blocks of a segmented network.
	// Both 0 in a stretched one.
	ContainersPerNode int
	MaxNodes          int
	// Blocks given explicitly, by node; other nodes get theirs allocated.
	Blocks []BlockSpec
	// PortsFromNodes lets nodes make ports of their own in the network. It says
	// who may declare, and changes nothing on switches.
	PortsFromNodes bool
}

// Subnet is a range of a network's addresses.
type Subnet struct {
	Prefix netip.Prefix
	// Gateway address; as stored never the zero Addr for a stretched network:
	// when not given it is the first address of Prefix. Not used in a segmented
	// network, where each block has its own.
	Gateway netip.Addr
	// Reserved addresses are never given out by allocation nor on request.
	Reserved []AddrRange
}

// AddrRange is the addresses From..To, both included.
type AddrRange struct{ From, To netip.Addr }

// BlockSpec asks for a certain block for a node of a segmented network.
type BlockSpec struct {
	Node string
	// Prefix within the network's one subnet.
	Prefix netip.Prefix
	// Gateway within Prefix; the zero Addr means its first address.
	Gateway netip.Addr
	// GatewayMAC; the zero MAC means the network's.
	GatewayMAC MAC
}

// Block is the part of a segmented network's addresses that one node has.
// Blocks exist for every pair of a segmented network and a node.
type Block struct {
	Network string
	Node    string
	Prefix  netip.Prefix
	Gateway netip.Addr
	// GatewayMAC is the block's own, or the network's.
	GatewayMAC MAC
}

// Router joins networks: each can reach every other's addresses. A network is
// joined to at most one router.
type Router struct {
	Meta
	Spec RouterSpec
	// ID is the router's number in the data path, allocated, above MaxVNI so
	// that it shares no value with a VNI.
	ID uint32
}

// RouterSpec is what the user asks of a router.
type RouterSpec struct {
	Networks []string
}

// Port attaches one interface (of a container or VM) to a network.
type Port struct {
	Meta
	Spec PortSpec
	// IP is the address the port holds: Spec.IP, or one allocated.
	IP netip.Addr
	// MAC is Spec.MAC, or MACFor(VNI, IP).
	MAC MAC
}

// PortSpec is what the user asks of a port.
type PortSpec struct {
	Network string
	// Node the port is pinned to. Empty only on a stretched network: then the
	// port lives wherever its interface shows up, and can move.
	Node string
	IP   netip.Addr
	MAC  MAC
	// InterfaceID is matched with external_ids:iface-id (or container_id) of
	// OVS interfaces. Empty means the port's name.
	InterfaceID string
	// Interface is the name of the OVS interface on Node; set, it binds the
	// port by that name alone, without OVSDB.
	Interface string
}

// Ref returns the object's name in the form kind/name.
func (n *Node) Ref() Ref { return Ref{KindNode, n.Name} }

// Ref returns the object's name in the form kind/name.
func (n *Network) Ref() Ref { return Ref{KindNetwork, n.Name} }

// Ref returns the object's name in the form kind/name.
func (r *Router) Ref() Ref { return Ref{KindRouter, r.Name} }

// Ref returns the object's name in the form kind/name.
func (p *Port) Ref() Ref { return Ref{KindPort, p.Name} }

// Metadata returns what all objects have.
func (m *Meta) Metadata() *Meta { return m }

// BindingID is the interface-id that binds the port: Spec.InterfaceID or, when
// that is empty, the port's name.
func (p *Port) BindingID() string {
	if p.Spec.InterfaceID != "" {
		return p.Spec.InterfaceID
	}
	return p.Name
}
