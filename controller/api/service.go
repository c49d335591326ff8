package api

import (
	"net/netip"

	"github.com/sdnctl/sdnctl/topology/model"
)

// KindService is the kind of services.
const KindService Kind = "Service"

// Service has addresses at which clients reach one of several ports.
type Service = Resource[model.ServiceSpec, ServiceStatus]

// ServiceStatus is the observed state of a service.
type ServiceStatus struct {
	ID            uint32          `json:"id" doc:"Number of the service in the data path" example:"1"`
	Ready         bool            `json:"ready" doc:"Whether none of the conditions is an error"`
	Conditions    []Condition     `json:"conditions" doc:"What is wrong now, errors and warnings; empty when nothing is"`
	BackendCount  int             `json:"backendCount" doc:"How many backends the service has" example:"2"`
	BackendsReady int             `json:"backendsReady" doc:"How many of them get new connections" example:"2"`
	Backends      []ServiceMember `json:"backends" doc:"The backends in the order of their names, the first hundred"`
	// NodePorts and NodePortNodes are empty without node ports.
	NodePorts         []ServiceNodePort `json:"nodePorts,omitempty" doc:"The node ports of the service, with the numbers that were chosen for auto"`
	NodePortNodeCount int               `json:"nodePortNodeCount,omitempty" doc:"How many nodes have the node ports: those with an uplink" example:"2"`
	NodePortNodes     []NodePortNode    `json:"nodePortNodes,omitempty" doc:"Nodes that have the node ports, and the addresses at which sdnd knows that machines outside reach them, by name, the first hundred"`
	HealthPort        uint16            `json:"healthCheckNodePort,omitempty" doc:"The port of these nodes at which load balancers ask for backends, with the number that was chosen for auto" example:"30999"`
	UplinkNode        string            `json:"uplinkNode,omitempty" doc:"The node that answers for the addresses of the service on its uplink; left out if there is none" example:"node1"`
}

// ServiceNodePort is a port of nodes' addresses by which machines outside reach a port of a service.
type ServiceNodePort struct {
	Name     string               `json:"name,omitempty" doc:"Name of the service's port" example:"http"`
	Protocol model.PolicyProtocol `json:"protocol" doc:"Its protocol" enum:"tcp,udp" example:"tcp"`
	Port     uint16               `json:"port" doc:"Its number at the service's addresses" example:"80"`
	NodePort uint16               `json:"nodePort" doc:"Its number at the nodes' addresses" example:"30080"`
}

// NodePortNode is a node with node ports.
type NodePortNode struct {
	Node      string       `json:"node" doc:"Name of the node" example:"node1"`
	Addresses []netip.Addr `json:"addresses" doc:"Its addresses: with an uplink of the type host its tunnelIP and addresses, though all others that the machine has do as well; with one of the type bridge its uplinkAddress" example:"[\"172.16.56.2\"]"`
	// LocalEndpoints is nil without a health port.
	LocalEndpoints *int `json:"localEndpoints,omitempty" doc:"How many backends there are on the node that get new connections, as its health port says; only with a healthCheckNodePort" example:"1"`
}

// ServiceMember is a port that answers for a service.
type ServiceMember struct {
	Port      string              `json:"port" doc:"Name of the port" example:"web1"`
	Node      string              `json:"node,omitempty" doc:"The node that it is on; left out while that is unknown" example:"node1"`
	Addresses []netip.Addr        `json:"addresses" doc:"Its addresses" example:"[\"10.244.1.5\"]"`
	Bound     bool                `json:"bound" doc:"Whether it has an interface. Without one it gets no connections"`
	LinkDown  bool                `json:"linkDown,omitempty" doc:"Whether the link of its interface is down, or a setting of the switch drops what passes there. Then it gets no new connections. While its node is not connected, what was known last"`
	State     model.EndpointState `json:"state" doc:"ready: gets new connections. draining: keeps those that it has" enum:"ready,draining" example:"ready"`
	// Health is "" without a health check.
	Health    BackendHealth `json:"health,omitempty" doc:"healthy: passes the health check. unhealthy: does not, and gets no new connections. waiting: neither, until its first probe has a result. Left out without a health check" enum:"healthy,unhealthy,waiting" example:"healthy"`
	HealthWhy string        `json:"healthWhy,omitempty" doc:"What the last probe of an unhealthy backend found" example:"port 8080 of TCP refuses connections"`
	Unchecked string        `json:"unchecked,omitempty" doc:"Why sdnd cannot check the backend now, which keeps the health that it had; left out if it can" example:"its node node2 is not connected"`
	// Unnamed are names of ports.
	Unnamed []string `json:"unnamed,omitempty" doc:"Names of ports by which the service calls the backend and that the backend has not, with their protocol. It gets no connections by these" example:"[\"http\"]"`
}

// BackendHealth is what the health checks of a backend have found.
type BackendHealth string

// What health checks find.
const (
	BackendHealthy   BackendHealth = "healthy"
	BackendUnhealthy BackendHealth = "unhealthy"
	BackendWaiting   BackendHealth = "waiting"
)

// ServiceCounters is how many connections the backends of a service got.
type ServiceCounters struct {
	Service string `json:"service" doc:"Name of the service" example:"web"`
	// Complete is false if a node is not counted.
	Complete bool                     `json:"complete" doc:"Whether the counters of all nodes are in the sums; if not, nodes says which are missing and why"`
	Backends []ServiceBackendCounters `json:"backends" doc:"All backends in the order of their names"`
	Nodes    []ServiceNode            `json:"nodes" doc:"Nodes with ports that may use the service"`
}

// ServiceBackendCounters is how many connections a backend got.
type ServiceBackendCounters struct {
	Port        string `json:"port" doc:"Name of the port" example:"web1"`
	Connections uint64 `json:"connections" doc:"Connections that were begun to the backend, at the ports by which the service reaches it, since the nodes have its flows: by this service, by others that reach it there, and directly. Of UDP an exchange that pauses for longer than the switch keeps it counts again" example:"42"`
}

// ServiceNode is a node with ports that may use a service.
type ServiceNode struct {
	Node    string `json:"node" doc:"Name of the node" example:"node1"`
	Counted bool   `json:"counted" doc:"Whether the counters of the node are in the sums"`
	Reason  string `json:"reason,omitempty" doc:"Why it is not counted" example:"its switch is not connected"`
}

// MaxServiceMembers is how many backends ServiceStatus lists.
const MaxServiceMembers = 100
