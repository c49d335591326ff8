package api

import (
	"time"

	"github.com/sdnctl/sdnctl/topology/model"
)

// KindPolicy is the kind of policies.
const KindPolicy Kind = "Policy"

// Policy says who may talk to the ports that it selects, and to whom these may talk.
type Policy = Resource[model.PolicySpec, PolicyStatus]

// PolicyStatus is what a policy applies to.
type PolicyStatus struct {
	ID      uint32          `json:"id" doc:"Number of the policy in the data path" example:"1"`
	Subject PortGroupStatus `json:"subject" doc:"The ports that the policy applies to; all of them are listed by /v1/ports?policy=NAME"`
	Rules   int             `json:"rules" doc:"How many rules the policy has, of both directions" example:"1"`
}

// PolicyCounters is where a policy is installed, and what its rules have decided there.
type PolicyCounters struct {
	Policy string `json:"policy" doc:"Name of the policy" example:"web"`
	// Mode is never empty.
	Mode model.PolicyMode `json:"mode" doc:"Whether the policy is in force; in shadow mode the counters are of what it would decide" enum:"enforce,shadow" example:"enforce"`
	// Complete is false if a node is not counted.
	Complete bool                   `json:"complete" doc:"Whether the counters of all nodes are in the sums; if not, nodes says which are missing and why"`
	Rules    []PolicyRuleCounters   `json:"rules" doc:"What each rule has decided: ingress first, in order. Counters begin when a node gets the flows of the rule, which a change of the rule or of its peers may do again"`
	Defaults []PolicyDefaultDenials `json:"defaults" doc:"What was denied because no rule decided, by direction that the policy isolates"`
	Kept     []PolicyKept           `json:"kept,omitempty" doc:"Packets of connections that the policy keeps, by direction, if it keeps any. Its rules do not decide about these, whether they still allow them or not"`
	Nodes    []PolicyNode           `json:"nodes" doc:"Nodes that have flows of the policy"`
}

// PolicyRuleCounters is what a rule has decided.
type PolicyRuleCounters struct {
	Direction model.PolicyDirection `json:"direction" doc:"Direction of the rule" enum:"ingress,egress" example:"ingress"`
	Index     int                   `json:"index" doc:"Place of the rule among those of the direction, from 0" example:"0"`
	Name      string                `json:"name,omitempty" doc:"Name of the rule" example:"from the load balancer"`
	Action    model.PolicyAction    `json:"action" doc:"What the rule does" example:"allow"`
	Packets   uint64                `json:"packets" doc:"Packets that the rule decided about; those that it denied, if it denies. Replies are not decided about" example:"120"`
	Bytes     uint64                `json:"bytes" doc:"Their bytes" example:"9600"`
	// Connections is of ingress rules that let connections in.
	Connections *uint64 `json:"connections,omitempty" doc:"Connections that the rule let in: packets before the first reply, so that one sent again, and each of UDP without replies, counts too. Absent for rules that let none in, and for egress" example:"14"`
}

// PolicyDefaultDenials is what was denied because no rule decided.
type PolicyDefaultDenials struct {
	Direction model.PolicyDirection `json:"direction" doc:"Direction of what was denied" enum:"ingress,egress" example:"ingress"`
	Tier      model.PolicyTier      `json:"tier" doc:"Tier that denies by default; all its policies that isolate the same ports count here" example:"application"`
	Packets   uint64                `json:"packets" doc:"Packets that were denied" example:"7"`
	Bytes     uint64                `json:"bytes" doc:"Their bytes" example:"518"`
}

// PolicyKept is what has passed as part of connections that a policy keeps.
type PolicyKept struct {
	Direction model.PolicyDirection `json:"direction" doc:"Direction of the rules that allowed the connections" enum:"ingress,egress" example:"ingress"`
	Packets   uint64                `json:"packets" doc:"Packets of the end that began the connection, after the first reply" example:"120"`
	Bytes     uint64                `json:"bytes" doc:"Their bytes" example:"9600"`
}

// PolicyNode is a node that has flows of a policy.
type PolicyNode struct {
	Node      string `json:"node" doc:"Name of the node" example:"node1"`
	Flows     int    `json:"flows" doc:"Flows of the policy on the node, with those that other policies share" example:"9"`
	Confirmed bool   `json:"confirmed" doc:"Whether the node's switch has confirmed the newest revision"`
	Counted   bool   `json:"counted" doc:"Whether the counters of the node are in the sums"`
	Reason    string `json:"reason,omitempty" doc:"Why it is not confirmed or not counted" example:"its switch is not connected"`
}

// PolicyDenials is what was denied because of a policy while somebody watched.
type PolicyDenials struct {
	Policy string `json:"policy" doc:"Name of the policy" example:"web"`
	// Complete is false if a node was not watched or kept no more.
	Complete bool           `json:"complete" doc:"Whether all nodes were watched and kept all that they denied; if not, nodes says which did not and why"`
	Denials  []PolicyDenial `json:"denials" doc:"Connections that were denied, the newest first: of TCP, UDP, SCTP and ICMP. What is rejected is not among them, as its sender gets an answer"`
	Nodes    []DenialNode   `json:"nodes" doc:"Nodes that have flows of the policy"`
}

// PolicyDenial is a connection that was denied.
type PolicyDenial struct {
	Seen      time.Time             `json:"seen" doc:"When it was denied first, of those times that the switch still knows of" format:"date-time"`
	Node      string                `json:"node" doc:"Node that denied it: the destination's, or on the way out of the networks the source's" example:"node1"`
	Direction model.PolicyDirection `json:"direction" doc:"Direction of the policy that denied it" enum:"ingress,egress" example:"ingress"`
	// Rule is absent if the tier denied by default.
	Rule            *int             `json:"rule,omitempty" doc:"Place of the rule that denied it, from 0; absent if no rule decided and the tier denies by default" example:"0"`
	Name            string           `json:"name,omitempty" doc:"Name of the rule" example:"not from outside"`
	Source          string           `json:"source" doc:"Address that it came from" example:"10.7.0.9"`
	SourcePort      string           `json:"sourcePort,omitempty" doc:"Port of the topology that has the address" example:"db1"`
	Destination     string           `json:"destination" doc:"Address that it was for" example:"10.7.0.2"`
	DestinationPort string           `json:"destinationPort,omitempty" doc:"Port of the topology that has the address" example:"web1"`
	What            model.PolicyPort `json:"what" doc:"Protocol with the destination's port, or the type of ICMP" example:"tcp/22"`
}

// DenialNode is a node that has flows of a policy.
type DenialNode struct {
	Node    string `json:"node" doc:"Name of the node" example:"node1"`
	Watched bool   `json:"watched" doc:"Whether what the node denied is among the denials"`
	Full    bool   `json:"full,omitempty" doc:"The node has denied more connections within a minute than its switch keeps, 64 of each protocol and family"`
	Reason  string `json:"reason,omitempty" doc:"Why it was not watched" example:"its switch is not connected"`
}
