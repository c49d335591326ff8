package condition

import (
	"slices"

	"github.com/sdnctl/sdnctl/topology"
)

// Reason is a CamelCase word for programs to compare that says why an object is not as it
// should be. Its meaning never changes.
type Reason string

// The reasons; the table below says what each means.
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
	// TunnelBlocked and TunnelMTUTooSmall are about packets between two nodes.
	TunnelBlocked     Reason = "TunnelBlocked"
	TunnelMTUTooSmall Reason = "TunnelMTUTooSmall"
	// TunnelSourceWrong and TunnelSourceUnchecked are about what the node sends to
	// others.
	TunnelSourceWrong     Reason = "TunnelSourceWrong"
	TunnelSourceUnchecked Reason = "TunnelSourceUnchecked"
	OVSDBWriteFailed      Reason = "OVSDBWriteFailed"
	OVSDBRowMissing       Reason = "OVSDBRowMissing"
	ConnectionsNotLimited Reason = "ConnectionsNotLimited"
	SourcePortsExhausted  Reason = "SourcePortsExhausted"
	OVSDBReadOnly         Reason = "OVSDBReadOnly"
	CertificateExpiring   Reason = "CertificateExpiring"
	UnknownInterfaceID    Reason = "UnknownInterfaceID"
	InterfaceFailed       Reason = "InterfaceFailed"
	InterfaceDisabled     Reason = "InterfaceDisabled"
	LinkDown              Reason = "LinkDown"
	FloodLimited          Reason = "FloodLimited"
	MACMismatch           Reason = "MACMismatch"
	TunnelFamilyMismatch  Reason = "TunnelFamilyMismatch"
	UnderlayMTUTooSmall   Reason = "UnderlayMTUTooSmall"
	// NoGateway, NoBackends, TooManyBackends, NoLocalBackends, BackendUnhealthy and
	// BackendUnchecked are of services.
	NoGateway       Reason = "NoGateway"
	NoBackends      Reason = "NoBackends"
	TooManyBackends Reason = "TooManyBackends"
	NoLocalBackends Reason = "NoLocalBackends"
	// NoNames is of headless services.
	NoNames          Reason = "NoNames"
	BackendUnhealthy Reason = "BackendUnhealthy"
	BackendUnchecked Reason = "BackendUnchecked"
	// NodePortNowhere and the reasons after it are of services with node ports.
	NodePortNowhere      Reason = "NodePortNowhere"
	NodePortTaken        Reason = "NodePortTaken"
	NodePortUplinkOld    Reason = "NodePortUplinkOld"
	NodePortsNotReserved Reason = "NodePortsNotReserved"
	// ServiceUplinkNowhere is of services with addresses on an uplink.
	ServiceUplinkNowhere Reason = "ServiceUplinkNowhere"

	UplinkMissing Reason = "UplinkMissing"
	UplinkDown    Reason = "UplinkDown"
	// UplinkSevered and UplinkAddressMissing are about uplinks of the type bridge.
	UplinkSevered        Reason = "UplinkSevered"
	UplinkAddressMissing Reason = "UplinkAddressMissing"
	// RouteUnusable and the reasons after it are of routers.
	RouteUnusable      Reason = "RouteUnusable"
	RouteHopMissing    Reason = "RouteHopMissing"
	RouteHopRestricted Reason = "RouteHopRestricted"
	// FloatingIPNotPlaced and the reasons after it are of floating addresses.
	FloatingIPNotPlaced Reason = "FloatingIPNotPlaced"
	FloatingIPNoRouter  Reason = "FloatingIPNoRouter"
	FloatingIPNoBridge  Reason = "FloatingIPNoBridge"
	FloatingIPPartial   Reason = "FloatingIPPartial"
	// EgressIPNoNode and the reasons after it are of egress addresses.
	EgressIPNoNode     Reason = "EgressIPNoNode"
	EgressIPNoRouter   Reason = "EgressIPNoRouter"
	EgressIPRouted     Reason = "EgressIPRouted"
	EgressIPNodeUnfit  Reason = "EgressIPNodeUnfit"
	EgressIPUnattended Reason = "EgressIPUnattended"
	// HostAccessNoGateway and the reasons after it are about networks with host access.
	HostAccessNoGateway Reason = "HostAccessNoGateway"
	HostAccessMissing   Reason = "HostAccessMissing"
	HostAccessDown      Reason = "HostAccessDown"
	HostAccessDiffers   Reason = "HostAccessDiffers"
	HostAccessNoAddress Reason = "HostAccessNoAddress"
	// UpstreamsUnreachable and UpstreamUnreachable are about the name servers of networks.
	UpstreamsUnreachable Reason = "UpstreamsUnreachable"
	UpstreamUnreachable  Reason = "UpstreamUnreachable"
	MulticastIncomplete  Reason = "MulticastIncomplete"
	MulticastGroupsFull  Reason = "MulticastGroupsFull"
	NotBound             Reason = "NotBound"
	ClaimConflict        Reason = "ClaimConflict"

	SourceMACMismatch     Reason = "SourceMACMismatch"
	SourceAddressMismatch Reason = "SourceAddressMismatch"
	SourceTagged          Reason = "SourceTagged"
)

// Definition is a line of the table of reasons.
type Definition struct {
	Reason   Reason
	Kind     topology.Kind // of the objects that can have it
	Severity Severity
	// Text says in a sentence or two when an object has the reason and what that means.
	Text string
}

// table has every reason once, in the order in which an object's conditions are listed. It is
// never modified.
var table = []Definition{
	{NotConnected, topology.KindNode, Error, "The node's switch has no OpenFlow session with sdnd. The switch keeps forwarding with its present flows; changes reach it when it connects."},
	{SwitchRefused, topology.KindNode, Error, "The node's switch has no OpenFlow session with sdnd, and a switch at its address was refused because it does not speak OpenFlow 1.3 or failed to authenticate."},
	{FlowsRefused, topology.KindNode, Error, "The switch is connected, but the last attempt to bring it up to date failed. sdnd tries again, more slowly each time."},
	{NotInSync, topology.KindNode, Error, "The switch is connected and has not yet confirmed all changes that affect it. This is normal for a moment after every change."},
	{IdentityConflict, topology.KindNode, Warning, "Another switch presents the node's datapath id, as a cloned machine does, or the node's session comes from an address that is not known to be the node's. Only the switch with the session gets flows, and only the OVSDB of its machine binds ports."},
	{BridgeNameWrong, topology.KindNode, Error, "The name of the node's bridge differs from the one that sdnd looks for in OVSDB (sdnd --bridge), and there are ports that are bound by external_ids. sdnd cannot see their interfaces."},
	{OVSDBNotConnected, topology.KindNode, Error, "The node's ovsdb-server has no connection to sdnd, and there are ports that are bound by external_ids. sdnd cannot see their interfaces: they are not bound, or stay bound where they last were."},
	{TunnelPortMissing, topology.KindNode, Error, "The bridge has no port named vxlan-sdn. No packet goes from or to another node."},
	{TunnelPortFailed, topology.KindNode, Error, "Open vSwitch could not make the port vxlan-sdn, for example because another bridge or the system has a tunnel with the same UDP port. No packet goes from or to another node."},
	{TunnelPortDisabled, topology.KindNode, Error, "The port vxlan-sdn is administratively down, or is set not to forward or not to receive. Packets from or to other nodes are dropped."},
	{TunnelOptionsWrong, topology.KindNode, Error, "The port vxlan-sdn does not have the configuration that sdnd's flows need: type vxlan, remote_ip=flow, key=flow, and the UDP port that the other nodes use. Packets go to the wrong node, or arrive without their VNI."},
	{TunnelBlocked, topology.KindNode, Error, "sdnd has the switches of nodes that have ports of the same networks send small packets to each other by VXLAN, and they do not arrive: a firewall drops them, or the way between the machines is broken. What ports send to those nodes does not arrive either. sdnd probes one peer of each node every 2 s, in turn; of two nodes the one with more such peers has the condition."},
	{TunnelMTUTooSmall, topology.KindNode, Error, "As TunnelBlocked, but only packets of the size of the networks' MTU do not arrive: the underlay on the way carries smaller ones only. Connections between ports on the two nodes begin, and hang with the first large packet."},
	{FragmentsWrong, topology.KindNode, Error, "Somebody else changed how the switch treats IP fragments (ovs-ofctl set-frags). With `drop` no fragmented packet arrives. With any value except `nx-match` gateways do not answer fragmented pings. sdnd checks the setting every 5 s and restores it; the condition ends when the next check finds it unchanged."},
	{FailModeStandalone, topology.KindNode, Warning, "The bridge's fail_mode is not secure. When sdnd is down for longer than about three times the inactivity probe, Open vSwitch becomes a learning switch, which forwards between all ports of the bridge, whatever their networks."},
	{TunnelSourceWrong, topology.KindNode, Warning, "The node's port vxlan-sdn sends from an address that is not its tunnelIP (options:local_ip), and its spec says tunnelCheck: enforce. The other nodes drop what it sends, unless the address is translated on the way."},
	{TunnelSourceUnchecked, topology.KindNode, Warning, "OVSDB does not show that the node's port vxlan-sdn sends from its tunnelIP (options:local_ip). To lose no packets, the nodes that share a network with it admit VXLAN packets of that network from any address, also from machines that are not nodes."},
	{OVSDBWriteFailed, topology.KindNode, Warning, "sdnd could not write its own settings to the node's database, such as the options of the tunnel port. It has tried several times, more slowly each time. It tries again when the node reconnects or the settings change."},
	{ConnectionsNotLimited, topology.KindNode, Warning, "Ports of several routing domains share the node's table of tracked connections, for policies, services or egress, and its Open vSwitch, which is older than 3.3, cannot limit how many each of them may have. A port that begins very many connections can fill the table, so that new connections of other tenants on the node fail until entries time out."},
	{SourcePortsExhausted, topology.KindNode, Warning, "In the last minute ports of the node began connections that leave by an uplink, and no source port was free for them. To one address and port outside, one port can have 16,128 connections by each protocol at a time, and one router 32,256; or the node's table of tracked connections was full. What began the connections was dropped."},
	{OVSDBRowMissing, topology.KindNode, Warning, "A row that sdnd makes in the node's database, such as the QoS of a port, is not there because a row that it needs is not: the port is not on the bridge, or has a QoS that somebody else made. sdnd makes the row as soon as it can."},
	{OVSDBReadOnly, topology.KindNode, Warning, "The node joined with `--ovsdb read`, so sdnd writes nothing to its database. If the message names rows, the node cannot have them. Else this version of Open vSwitch ignores `max_backoff` unless sdnd writes: it may take 8 s instead of 1 s to reconnect."},
	{CertificateExpiring, topology.KindNode, Warning, "The certificate that the node's switch connected with expires within 30 days, or has expired. The present connection stays. After the certificate has expired sdnd refuses a new connection, and the node keeps forwarding with its present flows."},
	{UnknownInterfaceID, topology.KindNode, Warning, "Interfaces of the bridge name a port in their external_ids (iface-id or container_id), and no port has that id. Their packets are dropped. This is normal for a moment if the interface is plugged in before the port is declared."},
	{TunnelFamilyMismatch, topology.KindNetwork, Error, "Of the nodes that have ports of the network, or of networks that a router joins with it, some have an IPv4 and some an IPv6 address as tunnelIP. A node reaches only nodes whose address is of the same family; packets for the others are dropped."},
	{UplinkMissing, topology.KindNetwork, Error, "Packets of the network leave its router by an uplink, and nodes that have ports of it have no port uplink-sdn, or none that leads to the uplink's bridge: they did not join with `--uplink host` or `--uplink bridge:NAME`. What those ports send to addresses outside is dropped."},
	{UplinkDown, topology.KindNetwork, Error, "Packets of the network leave its router by an uplink, and on nodes that have ports of it the port uplink-sdn is down: what sets up its addresses, routes and masquerade has not run since the machine or Open vSwitch started. Or the port to the uplink's bridge is down. What those ports send to addresses outside is dropped."},
	{UplinkSevered, topology.KindNetwork, Error, "Packets of the network leave its router by an uplink of the type bridge, and on nodes that have ports of it that bridge, or its port that leads to br-int, was deleted after the node joined. What those ports send to addresses outside is dropped, and nobody answers for floating addresses there."},
	{UplinkAddressMissing, topology.KindNetwork, Error, "Packets of the network leave its router by an uplink of the type bridge with the address of the node, and nodes that have ports of it have no uplinkAddress of a family there. What those ports send to addresses outside by that family is dropped."},
	{HostAccessNoGateway, topology.KindNetwork, Error, "The network has host access and no gateway: it is stretched, and no router joins it. Its ports and the nodes do not reach each other."},
	{HostAccessMissing, topology.KindNetwork, Error, "The network has host access, and nodes that have ports of it have no port host-sdn: they did not join with `--host-access`. Nothing passes between those nodes themselves and the network's ports."},
	{HostAccessDown, topology.KindNetwork, Error, "The network has host access, and on nodes that have ports of it the port host-sdn is down: what sets up its routes and rules has not run since the machine or Open vSwitch started. Nothing passes between those nodes themselves and the network's ports."},
	{HostAccessDiffers, topology.KindNetwork, Error, "The network has host access, and nodes joined with ranges (`--host-access`) that do not hold all of its subnets, or with other addresses (`--address`) than the node is declared with. Packets between the network's ports and those nodes themselves are lost."},
	{HostAccessNoAddress, topology.KindNetwork, Warning, "The network has host access and subnets of a family of which nodes that have ports of it have no address: only that of tunnelIP is known of itself. Ports and those nodes do not reach each other by that family."},
	{UpstreamsUnreachable, topology.KindNetwork, Error, "None of the upstream name servers of the network (`dns.upstream`) answers sdnd. Ports that ask for names outside get SERVFAIL; the network's own names are answered. sdnd asks each server every 30 s, and every 5 s while it does not answer, from its own machine; the condition ends with the first answer, whatever that says."},
	{UpstreamUnreachable, topology.KindNetwork, Warning, "Some of the upstream name servers of the network (`dns.upstream`) do not answer sdnd. The others are asked; if a server before them is silent, each answer comes 1.5 s later. While sdnd is away switches ask the first server only, whether it answers or not."},
	{MulticastIncomplete, topology.KindNetwork, Warning, "The network carries multicast (`multicast: flood` or `snoop`), and a node has so many ports of it, and shares it with so many other nodes, that what is sent there to a group or the broadcast address does not reach all: 1,000 ports and nodes get it, ports first."},
	{MulticastGroupsFull, topology.KindNetwork, Warning, "The network sends groups to those who have joined them (`multicast: snoop`), and no more are kept: a port has joined 256 groups, 1,024 groups of the network have members, or the ports of all networks have joined 65,536 times. Reports of further groups count for nothing."},
	{UnderlayMTUTooSmall, topology.KindNetwork, Warning, "The network's MTU plus the 50 bytes of VXLAN (70 over IPv6) exceeds the MTU of the underlay of a node that has ports of the network. Large packets to and from that node are lost between nodes; small ones, such as pings, arrive."},
	{RouteUnusable, topology.KindRouter, Error, "No port has a next hop of a static route, or those that have one have no interface. Packets for the destination are dropped; no other route takes them."},
	{RouteHopMissing, topology.KindRouter, Warning, "No port has one of the next hops of a static route, or the port that has it has no interface. The other next hops get its connections."},
	{RouteHopRestricted, topology.KindRouter, Error, "A port that is a next hop of a static route may send from its own addresses only (`portSecurity: strict`). What it forwards from the destination of the route is dropped."},
	{NoGateway, topology.KindService, Error, "The service names networks that have no gateway: they are stretched, and no router joins them. Their ports cannot use the service."},
	{NoBackends, topology.KindService, Error, "No backend of the service gets new connections: no port is selected, or those that are have no interface, have their link down, are draining, are in another routing domain, have none of the named ports that it calls, or do not pass its health check. New connections fail; the name of a headless service has no addresses."},
	{TooManyBackends, topology.KindService, Warning, "The service has more backends than the switches choose among, which is 8,192, or fewer with many ports and networks. Those behind the first ones by name get no connections."},
	{NoLocalBackends, topology.KindService, Warning, "The service reaches only backends on the client's node (internalTrafficPolicy: Local), and there are nodes with clients that have none. Their connections are refused."},
	{NoNames, topology.KindService, Error, "The service is headless, and none of the networks whose ports may look its name up has DNS (`dns`). Nobody gets the addresses of its backends."},
	{NodePortNowhere, topology.KindService, Error, "The service has node ports, and no node has an uplink: none joined with `--uplink host` or `--uplink bridge:NAME`, or no such uplink is declared, or on one of the type bridge no node has an uplinkAddress. No machine outside reaches the service."},
	{NodePortTaken, topology.KindService, Warning, "Programs of nodes themselves listened at node ports of the service when the node's uplink was set up. Machines outside that connect there reach the program, not the service."},
	{NodePortUplinkOld, topology.KindService, Warning, "The uplink of a node was set up by a release that had no node ports. Machines outside do not reach the service at that node."},
	{NodePortsNotReserved, topology.KindService, Warning, "The kernel of a node gives ports from the range of node ports to programs that ask for any (net.ipv4.ip_local_port_range), and does not reserve them (net.ipv4.ip_local_reserved_ports). A program that listens at such a port is not reached from outside."},
	{ServiceUplinkNowhere, topology.KindService, Error, "No node answers for the addresses of the service on its uplink: of the nodes that have an uplinkAddress there of each family of these addresses none is reached and has a port to the bridge of the uplink, or no node has such addresses. No machine outside reaches the service there."},
	{BackendUnhealthy, topology.KindService, Warning, "Backends of the service do not pass its health check, or wait for their first probe, and get no new connections."},
	{BackendUnchecked, topology.KindService, Warning, "Backends of the service have not passed its health check, and sdnd cannot ask them: their node is not connected, or they lack the named port, the address or the gateway that the check needs. They get no new connections."},
	{FloatingIPNotPlaced, topology.KindFloatingIP, Error, "None of the ports that the floating address leads to has an interface on the node where it belongs. No node answers for the address."},
	{FloatingIPNoRouter, topology.KindFloatingIP, Error, "The port that the floating address leads to is in a network whose router does not leave by the address's uplink, or which no router joins. No node answers for the address."},
	{FloatingIPNoBridge, topology.KindFloatingIP, Error, "The node of the port that the floating address leads to has no port to the bridge of its uplink: it did not join with `--uplink bridge:NAME`, or the bridge was deleted since. No node answers for the address."},
	{FloatingIPPartial, topology.KindFloatingIP, Warning, "The floating address forwards to ports on other nodes than the one where it is, to ports without an interface, or to ports of several routers. What is forwarded to these is dropped."},
	{EgressIPNoNode, topology.KindEgressIP, Error, "None of the nodes of the egress address is reached and has a port to the bridge of its uplink. What its ports send to addresses outside is dropped; it does not leave with another address."},
	{EgressIPNoRouter, topology.KindEgressIP, Error, "The egress address selects ports in networks whose router has no egress, or which no router joins, or whose router leaves by an uplink that does not carry a family of its addresses. What these send to addresses outside is dropped, by that family."},
	{EgressIPRouted, topology.KindEgressIP, Warning, "The egress address has IPv6 addresses, and selects ports whose router routes IPv6 (`--egress-ipv6 routed`). IPv6 of these leaves with the addresses of the ports themselves, by their own node."},
	{EgressIPNodeUnfit, topology.KindEgressIP, Warning, "Nodes of the egress address cannot take over: they are not reached, have no port to the bridge of its uplink, or no `uplinkAddress`, without which they learn the MAC of the uplink's gateway only when they need it."},
	{EgressIPUnattended, topology.KindEgressIP, Warning, "Switches cannot find out by themselves whether nodes of the egress address are reached: the port for that is not there, as sdnd may not write to their OVSDB, or has not yet. Packets go to another node only once sdnd notices, and never while sdnd is away."},
	{NotBound, topology.KindPort, Error, "The port has no interface: on the bridges of the nodes where the port may be, no interface has its interface id or its name."},
	{InterfaceFailed, topology.KindPort, Error, "The port's interface is in OVSDB, but Open vSwitch cannot open its device. This happens when the container that has the other end is stopped or restarted. Nothing restores the interface automatically; `sdnctl attach --again` on the node restores all that `sdnctl attach` made."},
	{ClaimConflict, topology.KindPort, Warning, "Several interfaces claim the port. The port stays with the interface that has it, also over a restart of sdnd, until that interface is gone or a new one appears; then it moves."},
	{InterfaceDisabled, topology.KindPort, Error, "The port's interface is administratively down, or is set not to forward or not to receive. Its packets are dropped."},
	{LinkDown, topology.KindPort, Error, "The port's interface has no link: its other end, in the container or virtual machine, is down."},
	{MACMismatch, topology.KindPort, Error, "The port's interface is an internal interface of the host (type internal), and its MAC is not the port's. Packets that it sends are dropped as forged."},
	{SourceMACMismatch, topology.KindPort, Error, "In the last minute the port sent packets from a MAC other than its own; they are dropped. Usually its interface has the wrong MAC, and none of its packets gets through."},
	{SourceAddressMismatch, topology.KindPort, Warning, "In the last minute the port sent packets from its own MAC and an IP address other than its own; they are dropped."},
	{SourceTagged, topology.KindPort, Warning, "In the last minute the port sent frames with a VLAN tag other than a priority tag (VLAN 0); they are dropped."},
	{FloodLimited, topology.KindPort, Warning, "In the last minute the port sent more packets to all of its network (broadcasts, and multicasts that go to all) than the network's `floodLimit` allows each port in a second. What was more is dropped; nothing else of the port is."},
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
