package api

import "github.com/sdnctl/sdnctl/topology/model"

// KindEgressIP is the kind of egress addresses.
const KindEgressIP Kind = "EgressIP"

// EgressIP is addresses outside with which ports leave.
type EgressIP = Resource[model.EgressIPSpec, EgressIPStatus]

// EgressIPStatus is the observed state of an egress address.
type EgressIPStatus struct {
	Ready      bool            `json:"ready" doc:"Whether no condition is an error"`
	Conditions []Condition     `json:"conditions" doc:"What is wrong now, errors and warnings; empty when nothing is"`
	Node       string          `json:"node,omitempty" doc:"The node that answers for the addresses: the first that is reached and has the uplink's bridge. Left out if none does" example:"node1"`
	Gateways   []EgressGateway `json:"gateways" doc:"The nodes, in the order of preference"`
	PortCount  int             `json:"portCount" doc:"How many ports leave with the addresses" example:"3"`
	MACs       []string        `json:"macs" doc:"MACs of the addresses outside, in their order. They follow from the addresses" example:"[\"0e:73:c0:00:02:50\"]"`
}

// EgressGateway is a node by which ports leave with an egress address.
type EgressGateway struct {
	Node    string `json:"node" doc:"Name of the node" example:"node1"`
	Reached bool   `json:"reached" doc:"Whether the node is reached: by the switches that probe it or, if none does, by sdnd"`
	Bridge  bool   `json:"bridge" doc:"Whether the node has a port to the uplink's bridge"`
}
