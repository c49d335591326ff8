package api

import "time"

// Types of events of a watch.
const (
	// EventReady opens a watch: everything after Revision will follow.
	EventReady = "ready"
	// EventChange is the change of one object.
	EventChange = "change"
	// EventNode is a new status of a node.
	EventNode = "node"
	// EventNetwork is a new status of a network: what is wrong with it changed.
	EventNetwork = "network"
	// EventService is a new status of a service: its conditions changed.
	EventService = "service"
	// EventPort is a new status of a port: its interface came, went or moved, or
	// what is wrong with it changed.
	EventPort = "port"
	// EventResync says that events between where the watch was and Revision
	// can no longer be sent: read everything anew, at Revision or later.
	EventResync = "resync"
)

// Event is one event of a watch.
type Event struct {
	Type     string    `json:"type" doc:"ready: everything after revision will follow; change: an object changed; node, network, service, port: an object of that kind has a new status; resync: events were lost, read everything anew" enum:"ready,change,node,network,service,port,resync" example:"change"`
	Revision Revision  `json:"revision" doc:"The revision that made the change, or the current one" example:"7"`
	Time     time.Time `json:"time,omitzero" doc:"When the change was committed"`
	Author   string    `json:"author,omitempty" doc:"Who made the change" example:"alice"`
	Object   string    `json:"object,omitempty" doc:"Reference of the object" example:"port/web1"`
	Verb     string    `json:"verb,omitempty" doc:"What happened to the object" enum:"create,update,delete" example:"create"`
	After    *Object   `json:"after,omitempty" doc:"The object after the change; absent when deleted"`
	// Node is set in EventNode, and Object names the node.
	Node *NodeStatus `json:"node,omitempty" doc:"The node's status, in a node event"`
	// Network is set in EventNetwork, and Object names the network.
	Network *NetworkStatus `json:"network,omitempty" doc:"The network's status, in a network event"`
	// Service is set in EventService, and Object names the service.
	Service *ServiceStatus `json:"service,omitempty" doc:"The service's status, in a service event"`
	// Port is set in EventPort, and Object names the port.
	Port *PortStatus `json:"port,omitempty" doc:"The port's status, in a port event"`
	// Complete is set by Client.Watch: with this event all of Revision has
	// been sent, so that a watch may be taken up again from it.
	Complete bool `json:"-"`
}
