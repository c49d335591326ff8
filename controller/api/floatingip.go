package api

import "github.com/sdnctl/sdnctl/topology/model"

// KindFloatingIP is the kind of floating addresses.
const KindFloatingIP Kind = "FloatingIP"

// FloatingIP is an address outside that leads to ports.
type FloatingIP = Resource[model.FloatingIPSpec, FloatingIPStatus]

// FloatingIPStatus is the observed state of a floating address.
type FloatingIPStatus struct {
	Ready      bool        `json:"ready" doc:"Whether no condition is an error"`
	Conditions []Condition `json:"conditions" doc:"What is wrong now, errors and warnings; empty when nothing is"`
	Node       string      `json:"node,omitempty" doc:"The node that answers for the address, or would if there were no error: that of the first of its ports that has an interface. Left out while none has" example:"node1"`
	MAC        string      `json:"mac" doc:"MAC of the address outside. It follows from the address" example:"0e:73:c0:00:02:46"`
}
