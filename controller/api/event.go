package api

import "time"

// Types of events of a watch.
const (
	// EventReady opens a watch: all changes after Revision follow.
	EventReady = "ready"
	// EventChange is the change of one object.
	EventChange = "change"
	// EventNode is a new status of a node.
	EventNode = "node"
	// EventNetwork is a new status of a network: its conditions changed.
	EventNetwork = "network"
	// EventRouter is a new status of a router: its conditions changed.
	EventRouter = "router"
	// EventFloatingIP is a new status of a floating address: its conditions changed.
	EventFloatingIP = "floatingip"
	// EventEgressIP is a new status of an egress address: its conditions changed.
	EventEgressIP = "egressip"
	// EventService is a new status of a service: its conditions changed.
	EventService = "service"
	// EventPort is a new status of a port: it was bound, unbound or moved, or its conditions
	// changed.
	EventPort = "port"
	// EventResync says that events up to Revision were lost. The client must read all
	// objects again, at Revision or later.
	EventResync = "resync"
)

// Event is one event of a watch.
type Event struct {
	Type     string    `json:"type" doc:"ready: all changes after revision follow; change: an object changed; node, network, router, service, floatingip, egressip, port: an object of that kind has a new status; resync: events were lost, read all objects again" enum:"ready,change,node,network,router,service,floatingip,egressip,port,resync" example:"change"`
	Revision Revision  `json:"revision" doc:"The revision that made the change, or the current one" example:"7"`
	Time     time.Time `json:"time,omitzero" doc:"When the change was committed"`
	Author   string    `json:"author,omitempty" doc:"Who made the change" example:"alice"`
	Object   string    `json:"object,omitempty" doc:"Reference of the object" example:"port/web1"`
	Verb     string    `json:"verb,omitempty" doc:"What happened to the object" enum:"create,update,delete" example:"create"`
	After    *Object   `json:"after,omitempty" doc:"The object after the change; absent when deleted"`
	// Node is set in an EventNode, and Object names the node.
	Node *NodeStatus `json:"node,omitempty" doc:"The node's status, in a node event"`
	// Network is set in an EventNetwork, and Object names the network.
	Network *NetworkStatus `json:"network,omitempty" doc:"The network's status, in a network event"`
	// Router is set in an EventRouter, and Object names the router.
	Router *RouterStatus `json:"router,omitempty" doc:"The router's status, in a router event"`
	// Service is set in an EventService, and Object names the service.
	Service *ServiceStatus `json:"service,omitempty" doc:"The service's status, in a service event"`
	// FloatingIP is set in an EventFloatingIP, and Object names the floating address.
	FloatingIP *FloatingIPStatus `json:"floatingip,omitempty" doc:"The floating address's status, in a floatingip event"`
	// EgressIP is set in an EventEgressIP, and Object names the egress address.
	EgressIP *EgressIPStatus `json:"egressip,omitempty" doc:"The egress address's status, in an egressip event"`
	// Port is set in an EventPort, and Object names the port.
	Port *PortStatus `json:"port,omitempty" doc:"The port's status, in a port event"`
	// Complete is set by Client.Watch. It reports that this event is the last one of
	// Revision, so that another watch may continue from it.
	Complete bool `json:"-"`
}
