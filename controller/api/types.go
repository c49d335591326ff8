package api

import "time"

// NodeStatus is what is known of a node's switch.
type NodeStatus struct {
	Ready                bool          `json:"ready" doc:"Whether no condition is an error"`
	Conditions           []Condition   `json:"conditions" doc:"What is wrong now, errors and warnings; empty when nothing is"`
	DatapathID           string        `json:"datapathID" doc:"Datapath id that the switch must have, 16 hexadecimal digits" example:"00004e7c25b01a4f"`
	Connected            bool          `json:"connected" doc:"Whether the switch's OpenFlow session is up"`
	Since                *time.Time    `json:"since,omitempty" doc:"When connected last changed; absent if the switch never connected"`
	Address              string        `json:"address,omitempty" doc:"The switch's end of the OpenFlow connection" example:"192.168.50.11:41234"`
	OVSVersion           string        `json:"ovsVersion,omitempty" doc:"Version of Open vSwitch" example:"3.1.0"`
	WantedRevision       Revision      `json:"wantedRevision" doc:"Newest revision that changed flows of this node" example:"7"`
	AcknowledgedRevision Revision      `json:"acknowledgedRevision" doc:"Newest revision that the switch has confirmed" example:"7"`
	InSync               bool          `json:"inSync" doc:"Whether nothing that concerns this node is outstanding"`
	Flows                int           `json:"flows" doc:"Flows that the switch has from sdnd" example:"24"`
	Groups               int           `json:"groups" doc:"Groups that the switch has from sdnd" example:"0"`
	Meters               int           `json:"meters" doc:"Meters that the switch has from sdnd" example:"0"`
	Ports                int           `json:"ports" doc:"Ports of the switch" example:"4"`
	TunnelPort           bool          `json:"tunnelPort" doc:"Whether the switch has the VXLAN port"`
	OVSDB                bool          `json:"ovsdb" doc:"Whether the node's ovsdb-server is connected too"`
	CertificateExpires   *time.Time    `json:"certificateExpires,omitempty" doc:"When the certificate that the switch last connected with expires; absent without one"`
	LastError            string        `json:"lastError,omitempty" doc:"Last thing that went wrong, absent once mended"`
	Blocks               []BlockStatus `json:"blocks,omitempty" doc:"The node's blocks of segmented networks, sorted by network; of a network with both families two"`
}

// BlockStatus is the part of a segmented network's addresses that a node has.
type BlockStatus struct {
	Network    string `json:"network" doc:"The segmented network" example:"pods"`
	Node       string `json:"node" doc:"The node that has the block" example:"node1"`
	CIDR       string `json:"cidr" doc:"The block" example:"10.244.1.0/24"`
	Gateway    string `json:"gateway" doc:"Gateway of the block" example:"10.244.1.1"`
	GatewayMAC string `json:"gatewayMAC" doc:"MAC of the gateway" example:"06:00:00:00:00:01"`
}

// PortLink is an address of a port, as its interface is to be configured.
type PortLink struct {
	IP           string `json:"ip" doc:"The address" example:"10.0.0.7"`
	PrefixLength int    `json:"prefixLength" doc:"Length in bits of the prefix to configure with the address" example:"24"`
	Gateway      string `json:"gateway,omitempty" doc:"Gateway to configure for the address's family; absent where none answers" example:"10.0.0.1"`
}

// NetworkStatus is the observed state of a network.
type NetworkStatus struct {
	Ready      bool          `json:"ready" doc:"Whether no condition is an error"`
	Conditions []Condition   `json:"conditions" doc:"What is wrong now, errors and warnings; empty when nothing is"`
	VNI        int           `json:"vni" doc:"The network's VNI" example:"100"`
	GatewayMAC string        `json:"gatewayMAC" doc:"MAC of the gateway" example:"06:00:00:00:00:64"`
	Router     string        `json:"router,omitempty" doc:"The router that joins the network" example:"main"`
	Ports      int           `json:"ports" doc:"How many ports the network has" example:"12"`
	Nodes      int           `json:"nodes" doc:"On how many nodes it has ports" example:"2"`
	Blocks     []BlockStatus `json:"blocks,omitempty" doc:"Blocks of a segmented network, sorted by node; with both families two for each"`
}

// RouterStatus is the observed state of a router.
type RouterStatus struct {
	ID uint32 `json:"id" doc:"The router's number in the data path" example:"16777216"`
}

// Place is an interface of a node's bridge.
type Place struct {
	Node      string `json:"node" doc:"Node that has the interface" example:"node2"`
	Interface string `json:"interface" doc:"Name of the interface" example:"vnet3"`
}

// Drops is what a port sent and may not send.
type Drops struct {
	Packets uint64    `json:"packets" doc:"Packets dropped since the port was last plugged in"`
	Last    time.Time `json:"last" doc:"When the last of them was seen"`
	Reason  string    `json:"reason,omitempty" doc:"What was wrong with those that were looked at last: SourceMACMismatch, SourceAddressMismatch or SourceTagged, as in docs/conditions.md; absent where that is not known, or nothing was but that no network carries them, as LLDP" example:"SourceMACMismatch"`
	MAC     string    `json:"mac,omitempty" doc:"MAC that it sent from, if not its own" example:"92:5f:00:00:00:01"`
	IP      string    `json:"ip,omitempty" doc:"Address that it sent from, if not its own" example:"10.0.0.9"`
	Tagged  bool      `json:"tagged,omitempty" doc:"Whether it sent frames with a VLAN tag"`
}

// PortStatus is the observed state of a port.
type PortStatus struct {
	Ready        bool        `json:"ready" doc:"Whether no condition is an error"`
	Conditions   []Condition `json:"conditions" doc:"What is wrong now, errors and warnings; empty when nothing is"`
	IP           string      `json:"ip" doc:"Address the port holds; of those of both families the IPv4 address" example:"10.0.0.7"`
	PrefixLength int         `json:"prefixLength" doc:"Length in bits of the prefix to configure with the address" example:"24"`
	Gateway      string      `json:"gateway,omitempty" doc:"Gateway to configure; absent where none answers, as in a stretched network that no router joins" example:"10.0.0.1"`
	Addresses    []PortLink  `json:"addresses" doc:"All addresses to configure, one of each family of the network, IPv4 first; the first one is ip"`
	MAC          string      `json:"mac" doc:"MAC the interface must have" example:"02:64:0a:00:00:07"`
	MTU          int         `json:"mtu" doc:"MTU to configure, in bytes" example:"1450"`
	VNI          int         `json:"vni" doc:"VNI of the network" example:"100"`
	Node         string      `json:"node,omitempty" doc:"Node where its interface is, or was last seen when not bound" example:"node1"`
	Interface    string      `json:"interface,omitempty" doc:"OVS interface it is bound to, or last was" example:"veth0"`
	Candidate    *Place      `json:"candidate,omitempty" doc:"Interface that claims the port on another node than spec.node; the port moves there when spec.node is set to that node"`
	Bound        bool        `json:"bound" doc:"Whether its interface is there"`
	Drops        *Drops      `json:"drops,omitempty" doc:"What the port sent and may not send, since it was last plugged in; absent when that is nothing"`
	Message      string      `json:"message,omitempty" doc:"Why an interface that was seen is not bound"`
}
