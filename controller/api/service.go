package api

import (
	"net/netip"

	"github.com/sdnctl/sdnctl/topology/model"
)

// KindService is the kind of services.
const KindService Kind = "Service"

// Service is addresses under which clients reach one of several ports.
type Service = Resource[model.ServiceSpec, ServiceStatus]

// ServiceStatus is which backends a service has.
type ServiceStatus struct {
	ID            uint32          `json:"id" doc:"Number of the service in the data path" example:"1"`
	Ready         bool            `json:"ready" doc:"Whether none of the conditions is an error"`
	Conditions    []Condition     `json:"conditions" doc:"What is wrong now, errors and warnings; empty when nothing is"`
	BackendCount  int             `json:"backendCount" doc:"How many backends the service has" example:"2"`
	BackendsReady int             `json:"backendsReady" doc:"How many of them get new connections" example:"2"`
	Backends      []ServiceMember `json:"backends" doc:"The backends in the order of their names, the first hundred"`
}

// ServiceMember is a port that answers for a service.
type ServiceMember struct {
	Port      string              `json:"port" doc:"Name of the port" example:"web1"`
	Node      string              `json:"node,omitempty" doc:"The node that it is on; left out while that is unknown" example:"node1"`
	Addresses []netip.Addr        `json:"addresses" doc:"Its addresses" example:"[\"10.244.1.5\"]"`
	Bound     bool                `json:"bound" doc:"Whether it has an interface. Without one it gets no connections"`
	State     model.EndpointState `json:"state" doc:"ready: gets new connections. draining: keeps those that it has" enum:"ready,draining" example:"ready"`
}

// MaxServiceMembers is how many backends ServiceStatus lists.
const MaxServiceMembers = 100
