package condition

import (
	"slices"

	"github.com/sdnctl/sdnctl/topology"
)

// Reason is why an object is not as it should be: a CamelCase word for programs
// to compare. It never changes its meaning.
type Reason string

// The reasons. The table says what each means.
const (
	NotConnected       Reason = "NotConnected"
	FlowsRefused       Reason = "FlowsRefused"
	NotInSync          Reason = "NotInSync"
	OVSDBNotConnected  Reason = "OVSDBNotConnected"
	TunnelPortMissing  Reason = "TunnelPortMissing"
	FailModeStandalone Reason = "FailModeStandalone"
	NotBound           Reason = "NotBound"
	ClaimConflict      Reason = "ClaimConflict"
)

// Definition is a line of the table of reasons.
type Definition struct {
	Reason   Reason
	Kind     topology.Kind // of the objects that can have it
	Severity Severity
	// Text says in a sentence or two when an object has it and what that means.
	Text string
}

// table has every reason once, in the order in which an object's conditions are
// listed. It is never modified.
var table = []Definition{
	{NotConnected, topology.KindNode, Error, "The node's switch has no OpenFlow session with sdnd. The switch keeps forwarding by the flows it has; changes reach it when it connects."},
	{FlowsRefused, topology.KindNode, Error, "The switch is connected, but the last attempt to bring it up to date failed. sdnd tries again, more slowly each time."},
	{NotInSync, topology.KindNode, Error, "The switch is connected and has not yet confirmed everything that concerns it. For a moment that is so after every change."},
	{OVSDBNotConnected, topology.KindNode, Error, "The node's ovsdb-server has no connection to sdnd, and there are ports that are bound by external_ids. sdnd cannot see their interfaces: they are not bound, or stay bound where they last were."},
	{TunnelPortMissing, topology.KindNode, Error, "The bridge has no port named vxlan-sdn. No packet goes from or to another node."},
	{FailModeStandalone, topology.KindNode, Warning, "The bridge's fail_mode is not secure. When sdnd is away for longer than about three times its inactivity probe, Open vSwitch forwards by itself, as a learning switch: between all ports of the bridge, whatever their networks."},
	{NotBound, topology.KindPort, Error, "No interface is the port's: none carries its interface id, or has its name, on the bridge of a node where the port may be."},
	{ClaimConflict, topology.KindPort, Warning, "Several interfaces claim the port where it may be. It stays with the one it has, also over a restart of sdnd, until that is gone or another one appears; then it moves."},
}

// Reasons returns the table of reasons. The caller may modify the result.
func Reasons() []Definition { return slices.Clone(table) }

// Severity returns how bad the reason is; Error for one that is not in the table.
func (r Reason) Severity() Severity {
	for i := range table {
		if table[i].Reason == r {
			return table[i].Severity
		}
	}
	return Error
}
