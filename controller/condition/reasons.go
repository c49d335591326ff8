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
	SwitchRefused      Reason = "SwitchRefused"
	FlowsRefused       Reason = "FlowsRefused"
	NotInSync          Reason = "NotInSync"
	IdentityConflict   Reason = "IdentityConflict"
	BridgeNameWrong    Reason = "BridgeNameWrong"
	OVSDBNotConnected  Reason = "OVSDBNotConnected"
	TunnelPortMissing  Reason = "TunnelPortMissing"
	TunnelPortFailed   Reason = "TunnelPortFailed"
	TunnelPortDisabled Reason = "TunnelPortDisabled"
	TunnelOptionsWrong Reason = "TunnelOptionsWrong"
	FragmentsWrong     Reason = "FragmentsWrong"
	FailModeStandalone Reason = "FailModeStandalone"
	// TunnelSourceWrong and TunnelSourceUnchecked are about what the node sends to
	// others.
	TunnelSourceWrong     Reason = "TunnelSourceWrong"
	TunnelSourceUnchecked Reason = "TunnelSourceUnchecked"
	OVSDBWriteFailed      Reason = "OVSDBWriteFailed"
	OVSDBReadOnly         Reason = "OVSDBReadOnly"
	CertificateExpiring   Reason = "CertificateExpiring"
	UnknownInterfaceID    Reason = "UnknownInterfaceID"
	InterfaceFailed       Reason = "InterfaceFailed"
	InterfaceDisabled     Reason = "InterfaceDisabled"
	LinkDown              Reason = "LinkDown"
	MACMismatch           Reason = "MACMismatch"
	UnderlayMTUTooSmall   Reason = "UnderlayMTUTooSmall"
	NotBound              Reason = "NotBound"
	ClaimConflict         Reason = "ClaimConflict"

	SourceMACMismatch     Reason = "SourceMACMismatch"
	SourceAddressMismatch Reason = "SourceAddressMismatch"
	SourceTagged          Reason = "SourceTagged"
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
	{SwitchRefused, topology.KindNode, Error, "The node's switch has no OpenFlow session with sdnd, and a switch at its address was refused: it does not speak OpenFlow 1.3, or does not prove who it is."},
	{FlowsRefused, topology.KindNode, Error, "The switch is connected, but the last attempt to bring it up to date failed. sdnd tries again, more slowly each time."},
	{NotInSync, topology.KindNode, Error, "The switch is connected and has not yet confirmed everything that concerns it. For a moment that is so after every change."},
	{IdentityConflict, topology.KindNode, Warning, "Another switch presents the node's datapath id, as a machine cloned from it does, or the node's session is from an address where it was not known to be. Only the one that has the session gets flows, and only what its machine says over OVSDB binds ports."},
	{BridgeNameWrong, topology.KindNode, Error, "The node's bridge has another name than the one that sdnd looks for in OVSDB (sdnd --bridge), and there are ports that are bound by external_ids. sdnd cannot see their interfaces."},
	{OVSDBNotConnected, topology.KindNode, Error, "The node's ovsdb-server has no connection to sdnd, and there are ports that are bound by external_ids. sdnd cannot see their interfaces: they are not bound, or stay bound where they last were."},
	{TunnelPortMissing, topology.KindNode, Error, "The bridge has no port named vxlan-sdn. No packet goes from or to another node."},
	{TunnelPortFailed, topology.KindNode, Error, "Open vSwitch could not make the port vxlan-sdn, for example because another bridge or the system has a tunnel with the same UDP port. No packet goes from or to another node."},
	{TunnelPortDisabled, topology.KindNode, Error, "The port vxlan-sdn is administratively down, or is set not to forward or not to receive. Packets from or to other nodes are dropped."},
	{TunnelOptionsWrong, topology.KindNode, Error, "The port vxlan-sdn is not set up as sdnd's flows need it: type vxlan, remote_ip=flow, key=flow, and the UDP port that the other nodes use. Packets go to the wrong place, or arrive without their network."},
	{FragmentsWrong, topology.KindNode, Error, "Somebody else changed how the switch treats IP fragments (ovs-ofctl set-frags). With `drop` no packet that was fragmented arrives; with any but `nx-match` gateways answer no pings in fragments. sdnd asks every 5 s and sets it back; the condition ends when it holds at the next check."},
	{FailModeStandalone, topology.KindNode, Warning, "The bridge's fail_mode is not secure. When sdnd is away for longer than about three times its inactivity probe, Open vSwitch forwards by itself, as a learning switch: between all ports of the bridge, whatever their networks."},
	{TunnelSourceWrong, topology.KindNode, Warning, "The node's port vxlan-sdn sends from an address that is not its tunnelIP (options:local_ip), and its spec says tunnelCheck: enforce. The other nodes drop what it sends, unless the address is translated on the way."},
	{TunnelSourceUnchecked, topology.KindNode, Warning, "OVSDB does not show that the node's port vxlan-sdn sends from its tunnelIP (options:local_ip). So that nothing is lost, the nodes that share a network with it admit VXLAN packets of that network from any address, strangers' included."},
	{OVSDBWriteFailed, topology.KindNode, Warning, "sdnd could not write what is its own in the node's database, such as the options of the tunnel port. It has tried several times, more slowly each time, and tries again when the node reconnects or what it would write changes."},
	{OVSDBReadOnly, topology.KindNode, Warning, "The node joined with `--ovsdb read`, so sdnd writes nothing to its database, and its Open vSwitch needs that to keep to `max_backoff`: it may take 8 s instead of 1 s to connect again."},
	{CertificateExpiring, topology.KindNode, Warning, "The certificate that the node's switch connected with expires within 30 days, or has expired. Its connection stays; once it is over and the certificate has expired, the node is refused, and keeps forwarding by the flows it has."},
	{UnknownInterfaceID, topology.KindNode, Warning, "Interfaces of the bridge name a port in their external_ids (iface-id or container_id), and no port has that id. Their packets are dropped. For a moment that is so where the interface is plugged in before the port is declared."},
	{UnderlayMTUTooSmall, topology.KindNetwork, Warning, "The network's MTU and the 50 bytes of VXLAN (70 over IPv6) are more than the underlay of a node carries that has ports of it. Larger packets to and from there are lost between nodes, while small ones, such as pings, arrive."},
	{NotBound, topology.KindPort, Error, "No interface is the port's: none carries its interface id, or has its name, on the bridge of a node where the port may be."},
	{InterfaceFailed, topology.KindPort, Error, "The port's interface is in OVSDB, but Open vSwitch cannot open its device, as after the container that had the other end was stopped or restarted. Nothing plugs it in again by itself; `sdnctl attach --again` on the node does so for all that `sdnctl attach` made."},
	{ClaimConflict, topology.KindPort, Warning, "Several interfaces claim the port where it may be. It stays with the one it has, also over a restart of sdnd, until that is gone or another one appears; then it moves."},
	{InterfaceDisabled, topology.KindPort, Error, "The port's interface is administratively down, or is set not to forward or not to receive. Its packets are dropped."},
	{LinkDown, topology.KindPort, Error, "The port's interface has no link: its other end, in the container or virtual machine, is down."},
	{MACMismatch, topology.KindPort, Error, "The port's interface is the host's own end of the port (type internal) and has another MAC than the port. What it sends is dropped as forged."},
	{SourceMACMismatch, topology.KindPort, Error, "In the last minute the port sent from another MAC than its own; such packets are dropped. As a rule its interface has another MAC than the port, and nothing that it sends gets anywhere."},
	{SourceAddressMismatch, topology.KindPort, Warning, "In the last minute the port sent from its own MAC, but another IP address than its own; such packets are dropped."},
	{SourceTagged, topology.KindPort, Warning, "In the last minute the port sent frames with a VLAN tag other than a priority tag (VLAN 0); such frames are dropped."},
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
