package api

import "time"

// NodeStatus is the observed state of a node.
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
	InSync               bool          `json:"inSync" doc:"Whether the switch has confirmed all changes that concern the node"`
	Flows                int           `json:"flows" doc:"Flows that the switch has from sdnd" example:"24"`
	Groups               int           `json:"groups" doc:"Groups that the switch has from sdnd" example:"0"`
	Meters               int           `json:"meters" doc:"Meters that the switch has from sdnd" example:"0"`
	Ports                int           `json:"ports" doc:"Ports of the switch" example:"4"`
	TunnelPort           bool          `json:"tunnelPort" doc:"Whether the switch has the VXLAN port"`
	OVSDB                bool          `json:"ovsdb" doc:"Whether the node's ovsdb-server is connected too"`
	CertificateExpires   *time.Time    `json:"certificateExpires,omitempty" doc:"When the certificate that the switch last connected with expires; absent without one"`
	LastError            string        `json:"lastError,omitempty" doc:"Last error of the switch; absent once the node is in sync again"`
	Blocks               []BlockStatus `json:"blocks,omitempty" doc:"The node's blocks of segmented networks, sorted by network; one of each family of the network"`
}

// BlockStatus is the range of a segmented network's addresses that belongs to a node.
type BlockStatus struct {
	Network    string `json:"network" doc:"The segmented network" example:"pods"`
	Node       string `json:"node" doc:"The node that has the block" example:"node1"`
	CIDR       string `json:"cidr" doc:"The block" example:"10.244.1.0/24"`
	Gateway    string `json:"gateway" doc:"Gateway of the block" example:"10.244.1.1"`
	GatewayMAC string `json:"gatewayMAC" doc:"MAC of the gateway" example:"06:00:00:00:00:01"`
}

// PortLink is an address of a port with the settings for its interface.
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
	Domain     string        `json:"domain,omitempty" doc:"The domain of the names of ports, where the gateway answers DNS" example:"blue.internal"`
	Ports      int           `json:"ports" doc:"How many ports the network has" example:"12"`
	Nodes      int           `json:"nodes" doc:"On how many nodes it has ports" example:"2"`
	Blocks     []BlockStatus `json:"blocks,omitempty" doc:"Blocks of a segmented network, sorted by node; one of each family of the network"`
}

// RouterStatus is the observed state of a router.
type RouterStatus struct {
	Ready      bool        `json:"ready" doc:"Whether no condition is an error"`
	Conditions []Condition `json:"conditions" doc:"What is wrong with its static routes now, errors and warnings; empty when nothing is"`

	ID uint32 `json:"id" doc:"The router's number in the data path" example:"16777216"`
}

// Place is an interface on a node's bridge.
type Place struct {
	Node      string `json:"node" doc:"Node that has the interface" example:"node2"`
	Interface string `json:"interface" doc:"Name of the interface" example:"vnet3"`
}

// Drops are the packets that a port sent and that were dropped because it may not send them.
type Drops struct {
	Packets uint64    `json:"packets" doc:"Packets dropped since the port was last plugged in"`
	Last    time.Time `json:"last" doc:"When the last of them was seen"`
	Reason  string    `json:"reason,omitempty" doc:"What was wrong with the last sampled packets: SourceMACMismatch, SourceAddressMismatch or SourceTagged, as in docs/conditions.md; absent if unknown, or if they are of a protocol that networks do not carry, such as LLDP" example:"SourceMACMismatch"`
	MAC     string    `json:"mac,omitempty" doc:"Source MAC of the packets, if not the port's own" example:"92:5f:00:00:00:01"`
	IP      string    `json:"ip,omitempty" doc:"Source address of the packets, if not the port's own" example:"10.0.0.9"`
	Tagged  bool      `json:"tagged,omitempty" doc:"Whether they had a VLAN tag"`
}

// PortStatus is the observed state of a port.
type PortStatus struct {
	Ready        bool        `json:"ready" doc:"Whether no condition is an error"`
	Conditions   []Condition `json:"conditions" doc:"What is wrong now, errors and warnings; empty when nothing is"`
	IP           string      `json:"ip" doc:"Address of the port; the IPv4 address if it has both families" example:"10.0.0.7"`
	PrefixLength int         `json:"prefixLength" doc:"Length in bits of the prefix to configure with the address" example:"24"`
	Gateway      string      `json:"gateway,omitempty" doc:"Gateway to configure; absent if none answers, as in a stretched network that no router joins" example:"10.0.0.1"`
	Addresses    []PortLink  `json:"addresses" doc:"All addresses to configure, one of each family of the network, IPv4 first; the first one is ip"`
	MAC          string      `json:"mac" doc:"MAC that the interface must have" example:"02:64:0a:00:00:07"`
	MTU          int         `json:"mtu" doc:"MTU to configure, in bytes" example:"1450"`
	VNI          int         `json:"vni" doc:"VNI of the network" example:"100"`
	Node         string      `json:"node,omitempty" doc:"Node that has its interface, or last had it if the port is not bound" example:"node1"`
	Interface    string      `json:"interface,omitempty" doc:"OVS interface that it is bound to, or last was" example:"veth0"`
	Candidate    *Place      `json:"candidate,omitempty" doc:"Interface that claims the port on another node than spec.node; the port moves there when spec.node is set to that node"`
	Bound        bool        `json:"bound" doc:"Whether the port has an interface on a node"`
	Drops        *Drops      `json:"drops,omitempty" doc:"Packets that the port sent since it was last plugged in and that were dropped because it may not send them; absent if there are none"`
	Flooded      uint64      `json:"flooded,omitempty" doc:"Packets to all of its network, beyond the network's floodLimit, that were dropped, until a minute after the last of them; absent if there are none" example:"0"`
	Message      string      `json:"message,omitempty" doc:"Why an interface that claims the port is not bound"`
}
