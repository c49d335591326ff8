package api

import "time"

// List is the response to a request for the objects of one kind.
type List[T any] struct {
	Items    []T      `json:"items" doc:"The objects, sorted by name"`
	Revision Revision `json:"revision" doc:"Revision of the topology that was read; a watch from it misses nothing" example:"7"`
	Continue string   `json:"continue,omitempty" doc:"Name to continue after, if there are more objects than the limit" example:"web500"`
}

// Verbs of a change.
const (
	VerbCreate = "create"
	VerbUpdate = "update"
	VerbDelete = "delete"
)

// ApplyRequest is one transaction: all of its changes are made, or none.
type ApplyRequest struct {
	Objects []Object `json:"objects,omitempty" doc:"Objects to create, or to replace if they exist; in any order"`
	Delete  []Key    `json:"delete,omitempty" doc:"Objects to delete"`
	Prune   string   `json:"prune,omitempty" doc:"Label selector: objects that match it and are not among objects are deleted. '*' matches all objects" example:"app=web"`
	DryRun  bool     `json:"dryRun,omitempty" doc:"Return what would change without changing it"`
}

// ApplyResult is what a transaction did, or would do in a dry run.
type ApplyResult struct {
	Revision Revision `json:"revision" doc:"Revision after the transaction; unchanged when nothing changed or in a dry run" example:"7"`
	DryRun   bool     `json:"dryRun,omitempty" doc:"Whether this was a dry run"`
	Changes  []Change `json:"changes" doc:"What changed; empty if all objects already were as requested"`
	// Forecast is set in a dry run.
	Forecast *Forecast `json:"forecast,omitempty" doc:"In a dry run, the effect that the change would have on the flows of nodes if all ports stay where they are"`
}

// Forecast is the effect that a change would have on the flows of nodes.
type Forecast struct {
	FlowMods    *int         `json:"flowMods,omitempty" doc:"How many flow-mods, group-mods and meter-mods would be sent, without the one for each node that updates the digest of its flows; absent if the change is too large to count them" example:"14"`
	Nodes       *int         `json:"nodes,omitempty" doc:"How many nodes would get flow-mods" example:"2"`
	PolicyFlows *PolicyFlows `json:"policyFlows,omitempty" doc:"Policy flows on the affected node that would have the most; absent if the change affects no policy flows"`
}

// PolicyFlows is the number of flows that policies need on a node.
type PolicyFlows struct {
	Node   string `json:"node" doc:"Name of the node" example:"node1"`
	Before int    `json:"before" doc:"Present number of flows" example:"120"`
	After  int    `json:"after" doc:"Number of flows after the change" example:"134"`
	Limit  int    `json:"limit,omitempty" doc:"Greatest number allowed (--max-policy-flows of sdnd); absent if there is no limit" example:"20000"`
}

// Change is the change of one object.
type Change struct {
	Object string  `json:"object" doc:"Reference of the object" example:"port/web1"`
	Verb   string  `json:"verb" doc:"What happened to it" enum:"create,update,delete" example:"create"`
	Before *Object `json:"before,omitempty" doc:"The object before; absent when created"`
	After  *Object `json:"after,omitempty" doc:"The object after; absent when deleted"`
}

// DeleteResult is the response to the deletion of one object.
type DeleteResult struct {
	Revision Revision `json:"revision" doc:"Revision that deleted the object" example:"8"`
}

// Acks are the nodes that have yet to confirm a revision.
type Acks struct {
	Revision Revision  `json:"revision" doc:"The requested revision" example:"7"`
	Done     bool      `json:"done" doc:"Whether every affected node has confirmed it"`
	Pending  []Pending `json:"pending" doc:"Nodes that have not confirmed it, sorted by name"`
}

// Pending is a node that has not yet confirmed a revision.
type Pending struct {
	Node         string   `json:"node" doc:"The node" example:"node1"`
	Connected    bool     `json:"connected" doc:"Whether its switch is connected"`
	Wanted       Revision `json:"wanted" doc:"Newest revision that changed its flows" example:"7"`
	Acknowledged Revision `json:"acknowledged" doc:"Newest revision it has confirmed" example:"6"`
	Reason       string   `json:"reason,omitempty" doc:"Why it has not confirmed the revision" example:"not connected"`
}

// History is a part of the list of revisions.
type History struct {
	Entries []HistoryEntry `json:"entries" doc:"Revisions, newest first"`
}

// HistoryEntry is one revision.
type HistoryEntry struct {
	Revision Revision  `json:"revision" doc:"The revision" example:"7"`
	Time     time.Time `json:"time" doc:"When it was committed"`
	Author   string    `json:"author" doc:"Who made it" example:"alice"`
	Changes  []Change  `json:"changes" doc:"What it changed; before and after have a name, labels and a spec, but no status"`
}

// Status is a summary of the state of sdnd, its nodes and its objects.
type Status struct {
	Version        string             `json:"version" doc:"Version of sdnd" example:"v0.1.0"`
	StartedAt      time.Time          `json:"startedAt" doc:"When sdnd started"`
	Revision       Revision           `json:"revision" doc:"Current revision of the topology" example:"7"`
	Nodes          int                `json:"nodes" doc:"Declared nodes" example:"2"`
	NodesConnected int                `json:"nodesConnected" doc:"Nodes whose switch is connected" example:"2"`
	NodesInSync    int                `json:"nodesInSync" doc:"Nodes that have confirmed all changes that concern them" example:"2"`
	Networks       int                `json:"networks" doc:"Declared networks" example:"1"`
	Routers        int                `json:"routers" doc:"Declared routers" example:"0"`
	Ports          int                `json:"ports" doc:"Declared ports" example:"4"`
	Services       int                `json:"services" doc:"Declared services" example:"1"`
	Policies       int                `json:"policies" doc:"Declared policies" example:"3"`
	Ready          bool               `json:"ready" doc:"Whether no object has an error"`
	NodesReady     int                `json:"nodesReady" doc:"Nodes without an error" example:"2"`
	PortsBound     int                `json:"portsBound" doc:"Ports that have an interface" example:"4"`
	PortsReady     int                `json:"portsReady" doc:"Ports without an error" example:"4"`
	PortsDropping  int                `json:"portsDropping" doc:"Ports that sent from a MAC or address other than their own, or with a VLAN tag, in the last minute" example:"0"`
	DroppedPackets uint64             `json:"droppedPackets" doc:"Packets of those ports that were dropped, since each was last plugged in" example:"0"`
	Warnings       int                `json:"warnings" doc:"Objects that have warnings and no error" example:"0"`
	Reasons        []ReasonCount      `json:"reasons" doc:"How many objects have a condition, by its reason; empty when nothing is wrong"`
	Objects        []ObjectConditions `json:"objects" doc:"Objects that have conditions, at most 20: those with errors first, then by kind, ports last, then by name"`
	Drifts         uint64             `json:"drifts" doc:"Changes of flows by other programs that sdnd detected and undid since it started" example:"0"`
	Switches       int                `json:"switches" doc:"Connected switches that no declared node claims" example:"0"`
	Bridge         string             `json:"bridge,omitempty" doc:"Name of the bridge that sdnd uses on every node" example:"br-int"`
	Insecure       []string           `json:"insecure,omitempty" doc:"Connections to sdnd that are not protected, in words; absent if all are" example:"[\"switches and nodes connect by plain TCP\"]"`
}

// ReasonCount is the number of objects that have a condition with a reason.
type ReasonCount struct {
	Reason   string `json:"reason" doc:"The reason" example:"NotBound"`
	Severity string `json:"severity" doc:"Severity of the condition" enum:"error,warning" example:"error"`
	Count    int    `json:"count" doc:"How many objects have it" example:"3"`
}

// ObjectConditions are the conditions of one object.
type ObjectConditions struct {
	Object     string      `json:"object" doc:"Reference of the object" example:"port/web1"`
	Conditions []Condition `json:"conditions" doc:"Its conditions"`
}

// Switches lists the switches that no declared node claims.
type Switches struct {
	Items []Switch `json:"items" doc:"The switches, sorted by datapath id"`
}

// Switch is a connected switch that no declared node claims. It is quarantined:
// it gets no flows.
type Switch struct {
	DatapathID string    `json:"datapathID" doc:"Its datapath id; empty until the switch has sent it" example:"00004e7c25b01a4f"`
	Address    string    `json:"address" doc:"Its end of the connection" example:"192.168.50.13:40112"`
	OVSVersion string    `json:"ovsVersion,omitempty" doc:"Version of Open vSwitch" example:"3.1.0"`
	Since      time.Time `json:"since" doc:"When it connected"`
	Reason     string    `json:"reason" doc:"Why it is quarantined" example:"no node has this datapath id"`
	Action     string    `json:"action,omitempty" doc:"What to do first, if it cannot be adopted as it is" example:"on that machine: ovs-vsctl set bridge br-int protocols=OpenFlow13"`
	Adopt      string    `json:"adopt,omitempty" doc:"The command that makes it a node; absent if it cannot become one" example:"sdnctl node adopt 00004e7c25b01a4f NAME --tunnel-ip 192.168.50.13"`
}

// Values of Installed of a flow, group or meter.
const (
	// FlowInstalled is a flow that is wanted and on the switch.
	FlowInstalled = "yes"
	// FlowMissing is a flow that is wanted and not on the switch.
	FlowMissing = "missing"
	// FlowForeign is a flow on the switch that is not wanted.
	FlowForeign = "foreign"
)

// Flows lists the flows of a node.
type Flows struct {
	Node  string `json:"node" doc:"The node" example:"node1"`
	Flows []Flow `json:"flows" doc:"Its flows, by table and descending priority"`
}

// Flow is a flow that a node should have, has, or both.
type Flow struct {
	Table     int    `json:"table" doc:"Number of the table" example:"20"`
	TableName string `json:"tableName" doc:"Name of the table" example:"arp"`
	Priority  int    `json:"priority" doc:"Priority, higher wins" example:"100"`
	Match     string `json:"match" doc:"Its match in the syntax of ovs-ofctl" example:"arp,arp_tpa=10.0.0.1"`
	Actions   string `json:"actions" doc:"Its actions in the syntax of ovs-ofctl" example:"drop"`
	Cookie    string `json:"cookie" doc:"Its cookie in hexadecimal" example:"0x5d1f9a3c77e01b22"`
	Object    string `json:"object,omitempty" doc:"The object that it belongs to; absent if it is foreign" example:"network/blue"`
	Why       string `json:"why,omitempty" doc:"Its purpose, in words" example:"answers ARP for the gateway"`
	Packets   uint64 `json:"packets" doc:"Packets that it matched" example:"12"`
	Bytes     uint64 `json:"bytes" doc:"Bytes that it matched" example:"840"`
	Installed string `json:"installed" doc:"yes: wanted and on the switch; missing: wanted, not on the switch; foreign: on the switch, not wanted" enum:"yes,missing,foreign" example:"yes"`
}

// Groups lists the groups of a node.
type Groups struct {
	Node   string  `json:"node" doc:"The node" example:"node1"`
	Groups []Group `json:"groups" doc:"Its groups by number"`
}

// Group is a group that a node should have, has, or both.
type Group struct {
	ID        uint32 `json:"id" doc:"Number of the group" example:"7"`
	Group     string `json:"group" doc:"The group in the syntax of ovs-ofctl" example:"group_id=7,type=all,bucket=actions=output:3"`
	Object    string `json:"object,omitempty" doc:"The object that it belongs to; absent if it is foreign" example:"port/web1"`
	Why       string `json:"why,omitempty" doc:"Its purpose, in words" example:"chooses a backend"`
	Flows     uint32 `json:"flows" doc:"Flows and groups that send packets to it" example:"1"`
	Packets   uint64 `json:"packets" doc:"Packets that it processed" example:"12"`
	Bytes     uint64 `json:"bytes" doc:"Bytes that it processed" example:"840"`
	Installed string `json:"installed" doc:"yes: wanted and on the switch; missing: wanted, not on the switch; foreign: on the switch, not wanted" enum:"yes,missing,foreign" example:"yes"`
}

// Meters lists the meters of a node.
type Meters struct {
	Node   string  `json:"node" doc:"The node" example:"node1"`
	Meters []Meter `json:"meters" doc:"Its meters by number"`
}

// Meter is a meter that a node should have, has, or both.
type Meter struct {
	ID        uint32 `json:"id" doc:"Number of the meter" example:"7"`
	Meter     string `json:"meter" doc:"The meter in the syntax of ovs-ofctl" example:"meter=7 kbps bands= type=drop rate=1000"`
	Object    string `json:"object,omitempty" doc:"The object that it belongs to; absent if it is foreign" example:"port/web1"`
	Why       string `json:"why,omitempty" doc:"Its purpose, in words" example:"limits what the port sends"`
	Flows     uint32 `json:"flows" doc:"Flows that send packets to it" example:"1"`
	Packets   uint64 `json:"packets" doc:"Packets that it processed" example:"12"`
	Bytes     uint64 `json:"bytes" doc:"Bytes that it processed" example:"840"`
	Exceeded  uint64 `json:"exceeded" doc:"Packets that exceeded its rates" example:"2"`
	Installed string `json:"installed" doc:"yes: wanted and on the switch; missing: wanted, not on the switch; foreign: on the switch, not wanted" enum:"yes,missing,foreign" example:"yes"`
}
