package store

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"time"

	"github.com/sdnctl/sdnctl/topology"
)

// The records are what the file has, apart from the model's types so that a
// rename there does not change the file. Specs are as the user gave them, with
// defaults filled in; what was allocated stands beside them.

type metaRecord struct {
	Labels    map[string]string `json:"labels,omitempty"`
	Created   topology.Revision `json:"created"`
	Modified  topology.Revision `json:"modified"`
	CreatedAt time.Time         `json:"createdAt"`
}

type nodeRecord struct {
	metaRecord
	Spec       nodeSpec            `json:"spec"`
	DatapathID topology.DatapathID `json:"datapathID"`
}

type nodeSpec struct {
	DatapathID  topology.DatapathID  `json:"datapathID,omitzero"`
	TunnelIP    netip.Addr           `json:"tunnelIP,omitzero"`
	TunnelCheck topology.TunnelCheck `json:"tunnelCheck,omitzero"`
}

type networkRecord struct {
	metaRecord
	Spec       networkSpec  `json:"spec"`
	VNI        topology.VNI `json:"vni"`
	GatewayMAC topology.MAC `json:"gatewayMAC"`
}

type networkSpec struct {
	VNI               topology.VNI  `json:"vni,omitzero"`
	Mode              topology.Mode `json:"mode"`
	Subnets           []subnet      `json:"subnets"`
	MTU               int           `json:"mtu"`
	GatewayMAC        topology.MAC  `json:"gatewayMAC,omitzero"`
	ContainersPerNode int           `json:"containersPerNode,omitzero"`
	MaxNodes          int           `json:"maxNodes,omitzero"`
	Blocks            []blockSpec   `json:"blocks,omitempty"`
	PortsFromNodes    bool          `json:"portsFromNodes,omitzero"`
}

type subnet struct {
	CIDR     netip.Prefix `json:"cidr"`
	Gateway  netip.Addr   `json:"gateway,omitzero"`
	Reserved []addrRange  `json:"reserved,omitempty"`
}

type addrRange struct {
	From netip.Addr `json:"from"`
	To   netip.Addr `json:"to"`
}

type blockSpec struct {
	Node       string       `json:"node"`
	CIDR       netip.Prefix `json:"cidr"`
	Gateway    netip.Addr   `json:"gateway,omitzero"`
	GatewayMAC topology.MAC `json:"gatewayMAC,omitzero"`
}

type routerRecord struct {
	metaRecord
	Spec routerSpec `json:"spec"`
	ID   uint32     `json:"id"`
}

type routerSpec struct {
	Networks []string `json:"networks"`
}

type portRecord struct {
	metaRecord
	Spec portSpec     `json:"spec"`
	IP   netip.Addr   `json:"ip"`
	MAC  topology.MAC `json:"mac"`
}

type portSpec struct {
	Network     string       `json:"network"`
	Node        string       `json:"node,omitzero"`
	IP          netip.Addr   `json:"ip,omitzero"`
	MAC         topology.MAC `json:"mac,omitzero"`
	InterfaceID string       `json:"interfaceID,omitzero"`
	Interface   string       `json:"interface,omitzero"`
}

// blockRecord is a block; its network and node are the key.
type blockRecord struct {
	CIDR       netip.Prefix `json:"cidr"`
	Gateway    netip.Addr   `json:"gateway"`
	GatewayMAC topology.MAC `json:"gatewayMAC"`
}

// encode returns the record of an object.
func encode(o topology.Object) ([]byte, error) {
	m := o.Metadata()
	meta := metaRecord{m.Labels, m.Created, m.Modified, m.CreatedAt.UTC()}
	switch o := o.(type) {
	case *topology.Node:
		return json.Marshal(nodeRecord{meta, nodeSpec(o.Spec), o.DatapathID})
	case *topology.Network:
		return json.Marshal(networkRecord{meta, fromNetworkSpec(o.Spec), o.VNI, o.GatewayMAC})
	case *topology.Router:
		return json.Marshal(routerRecord{meta, routerSpec(o.Spec), o.ID})
	case *topology.Port:
		return json.Marshal(portRecord{meta, portSpec(o.Spec), o.IP, o.MAC})
	}
	return nil, fmt.Errorf("%s: not a kind that can be stored", o.Ref())
}

// encodeSpec returns an object's spec as in its record.
func encodeSpec(o topology.Object) (json.RawMessage, error) {
	switch s := topology.SpecOf(o).(type) {
	case topology.NodeSpec:
		return json.Marshal(nodeSpec(s))
	case topology.NetworkSpec:
		return json.Marshal(fromNetworkSpec(s))
	case topology.RouterSpec:
		return json.Marshal(routerSpec(s))
	case topology.PortSpec:
		return json.Marshal(portSpec(s))
	}
	return nil, fmt.Errorf("%s: not a kind that can be stored", o.Ref())
}

func fromNetworkSpec(s topology.NetworkSpec) networkSpec {
	r := networkSpec{
		VNI: s.VNI, Mode: s.Mode, MTU: s.MTU, GatewayMAC: s.GatewayMAC,
		ContainersPerNode: s.ContainersPerNode, MaxNodes: s.MaxNodes, PortsFromNodes: s.PortsFromNodes,
	}
	for _, n := range s.Subnets {
		sub := subnet{CIDR: n.Prefix, Gateway: n.Gateway}
		for _, a := range n.Reserved {
			sub.Reserved = append(sub.Reserved, addrRange(a))
		}
		r.Subnets = append(r.Subnets, sub)
	}
	for _, b := range s.Blocks {
		r.Blocks = append(r.Blocks, blockSpec{b.Node, b.Prefix, b.Gateway, b.GatewayMAC})
	}
	return r
}

func (s networkSpec) spec() topology.NetworkSpec {
	r := topology.NetworkSpec{
		VNI: s.VNI, Mode: s.Mode, MTU: s.MTU, GatewayMAC: s.GatewayMAC,
		ContainersPerNode: s.ContainersPerNode, MaxNodes: s.MaxNodes, PortsFromNodes: s.PortsFromNodes,
	}
	for _, n := range s.Subnets {
		sub := topology.Subnet{Prefix: n.CIDR, Gateway: n.Gateway}
		for _, a := range n.Reserved {
			sub.Reserved = append(sub.Reserved, topology.AddrRange(a))
		}
		r.Subnets = append(r.Subnets, sub)
	}
	for _, b := range s.Blocks {
		r.Blocks = append(r.Blocks, topology.BlockSpec{Node: b.Node, Prefix: b.CIDR, Gateway: b.Gateway, GatewayMAC: b.GatewayMAC})
	}
	return r
}

// decode is the reverse of encode.
func decode(r topology.Ref, v []byte) (topology.Object, error) {
	switch r.Kind {
	case topology.KindNode:
		var n nodeRecord
		err := json.Unmarshal(v, &n)
		return &topology.Node{Meta: n.meta(r.Name), Spec: topology.NodeSpec(n.Spec), DatapathID: n.DatapathID}, err
	case topology.KindNetwork:
		var n networkRecord
		err := json.Unmarshal(v, &n)
		return &topology.Network{Meta: n.meta(r.Name), Spec: n.Spec.spec(), VNI: n.VNI, GatewayMAC: n.GatewayMAC}, err
	case topology.KindRouter:
		var n routerRecord
		err := json.Unmarshal(v, &n)
		return &topology.Router{Meta: n.meta(r.Name), Spec: topology.RouterSpec(n.Spec), ID: n.ID}, err
	case topology.KindPort:
		var n portRecord
		err := json.Unmarshal(v, &n)
		return &topology.Port{Meta: n.meta(r.Name), Spec: topology.PortSpec(n.Spec), IP: n.IP, MAC: n.MAC}, err
	}
	return nil, fmt.Errorf("%s: not a kind that can be stored", r)
}

func (m metaRecord) meta(name string) topology.Meta {
	return topology.Meta{Name: name, Labels: m.Labels, Created: m.Created, Modified: m.Modified, CreatedAt: m.CreatedAt}
}
