package api

import (
	"time"

	"github.com/sdnctl/sdnctl/topology/model"
)

// KindPolicy is the kind of policies.
const KindPolicy Kind = "Policy"

// Policy restricts which peers may connect to the ports that it selects, and which peers
// these may connect to.
type Policy = Resource[model.PolicySpec, PolicyStatus]

// PolicyStatus is the observed state of a policy.
type PolicyStatus struct {
	ID      uint32          `json:"id" doc:"Number of the policy in the data path" example:"1"`
	Subject PortGroupStatus `json:"subject" doc:"The ports that the policy applies to; all of them are listed by /v1/ports?policy=NAME"`
	Rules   int             `json:"rules" doc:"How many rules the policy has, of both directions" example:"1"`
}

// PolicyCounters are the nodes that a policy is installed on and the sums of its counters.
type PolicyCounters struct {
	Policy string `json:"policy" doc:"Name of the policy" example:"web"`
	// Mode is never empty.
	Mode model.PolicyMode `json:"mode" doc:"Whether the policy is in force; in shadow mode the counters are of what it would decide" enum:"enforce,shadow" example:"enforce"`
	// Complete is false if the counters of a node are missing.
	Complete bool                   `json:"complete" doc:"Whether the counters of all nodes are in the sums; if not, nodes says which are missing and why"`
	Rules    []PolicyRuleCounters   `json:"rules" doc:"Counters of each rule: those of ingress first, in order. A counter starts from 0 when a node gets the flows of the rule, which may happen again after a change of the rule or of its peers"`
	Defaults []PolicyDefaultDenials `json:"defaults" doc:"Packets denied by default because no rule matched, for each direction that the policy isolates"`
	Kept     []PolicyKept           `json:"kept,omitempty" doc:"Packets of established connections that the policy keeps, by direction; absent if it keeps none. They pass without regard to the rules"`
	Nodes    []PolicyNode           `json:"nodes" doc:"Nodes that have flows of the policy"`
}

// PolicyRuleCounters are the counters of a rule.
type PolicyRuleCounters struct {
	Direction model.PolicyDirection `json:"direction" doc:"Direction of the rule" enum:"ingress,egress" example:"ingress"`
	Index     int                   `json:"index" doc:"Index of the rule among those of the direction, from 0" example:"0"`
	Name      string                `json:"name,omitempty" doc:"Name of the rule" example:"from the load balancer"`
	Action    model.PolicyAction    `json:"action" doc:"Action of the rule" example:"allow"`
	Packets   uint64                `json:"packets" doc:"Packets that matched the rule: allowed, passed on or denied by it. Replies match no rule" example:"120"`
	Bytes     uint64                `json:"bytes" doc:"Their bytes" example:"9600"`
	// Connections is set for ingress rules that allow or pass, unless in shadow mode.
	Connections *uint64 `json:"connections,omitempty" doc:"Connections that the rule allowed, counted as packets before the first reply: a retransmitted first packet counts again, as does each UDP packet without a reply. Absent for egress, for rules that deny or reject, and in shadow mode" example:"14"`
}

// PolicyDefaultDenials are packets that were denied because no rule matched.
type PolicyDefaultDenials struct {
	Direction model.PolicyDirection `json:"direction" doc:"Direction of the denied packets" enum:"ingress,egress" example:"ingress"`
	Tier      model.PolicyTier      `json:"tier" doc:"Tier that denies by default; the counter is shared by all its policies that isolate the same ports" example:"application"`
	Packets   uint64                `json:"packets" doc:"Packets that were denied" example:"7"`
	Bytes     uint64                `json:"bytes" doc:"Their bytes" example:"518"`
}

// PolicyKept are the packets of connections that a policy keeps.
type PolicyKept struct {
	Direction model.PolicyDirection `json:"direction" doc:"Direction of the rules that allowed the connections" enum:"ingress,egress" example:"ingress"`
	Packets   uint64                `json:"packets" doc:"Packets from the initiator of a connection, after the first reply" example:"120"`
	Bytes     uint64                `json:"bytes" doc:"Their bytes" example:"9600"`
}

// PolicyNode is a node that has flows of a policy.
type PolicyNode struct {
	Node      string `json:"node" doc:"Name of the node" example:"node1"`
	Flows     int    `json:"flows" doc:"Flows of the policy on the node, including those that it shares with other policies" example:"9"`
	Confirmed bool   `json:"confirmed" doc:"Whether the node's switch has confirmed the newest revision"`
	Counted   bool   `json:"counted" doc:"Whether the counters of the node are in the sums"`
	Reason    string `json:"reason,omitempty" doc:"Why it is not confirmed or not counted" example:"its switch is not connected"`
}

// PolicyDenials are the connections that a policy denied during the request.
type PolicyDenials struct {
	Policy string `json:"policy" doc:"Name of the policy" example:"web"`
	// Complete is false if a node was not watched, or recorded only a part of its denials.
	Complete bool           `json:"complete" doc:"Whether all nodes were watched and recorded all denied connections; if not, nodes says which did not and why"`
	Denials  []PolicyDenial `json:"denials" doc:"Denied connections of TCP, UDP, SCTP and ICMP, the newest first. Rejected ones are not included, as their sender gets an answer"`
	Nodes    []DenialNode   `json:"nodes" doc:"Nodes that have flows of the policy"`
}

// PolicyDenial is a connection that was denied.
type PolicyDenial struct {
	Seen      time.Time             `json:"seen" doc:"When it was first denied, as far back as the switch remembers" format:"date-time"`
	Node      string                `json:"node" doc:"Node that denied it: that of the destination, or that of the source if the destination is outside" example:"node1"`
	Direction model.PolicyDirection `json:"direction" doc:"Direction of the policy that denied it" enum:"ingress,egress" example:"ingress"`
	// Rule is absent if the tier denied by default.
	Rule            *int             `json:"rule,omitempty" doc:"Index of the rule that denied it, from 0; absent if no rule matched and the tier denies by default" example:"0"`
	Name            string           `json:"name,omitempty" doc:"Name of the rule" example:"not from outside"`
	Source          string           `json:"source" doc:"Source address" example:"10.7.0.9"`
	SourcePort      string           `json:"sourcePort,omitempty" doc:"Port of the topology that has the address" example:"db1"`
	Destination     string           `json:"destination" doc:"Destination address" example:"10.7.0.2"`
	DestinationPort string           `json:"destinationPort,omitempty" doc:"Port of the topology that has the address" example:"web1"`
	What            model.PolicyPort `json:"what" doc:"Protocol with the destination's port, or the type of ICMP" example:"tcp/22"`
}

// DenialNode is a node that has flows of a policy.
type DenialNode struct {
	Node    string `json:"node" doc:"Name of the node" example:"node1"`
	Watched bool   `json:"watched" doc:"Whether the denials of the node are included"`
	Full    bool   `json:"full,omitempty" doc:"Whether the node denied more connections within a minute than its switch records, which is 64 of each protocol and family"`
	Reason  string `json:"reason,omitempty" doc:"Why it was not watched" example:"its switch is not connected"`
}
