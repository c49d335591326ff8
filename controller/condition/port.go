package condition

import (
	"fmt"
	"net/netip"
	"strings"
	"time"
)

// PortFacts are the facts from which a port's conditions follow.
type PortFacts struct {
	Name string
	// Secure says that nodes must prove who they are, so that joining needs an invitation.
	Secure bool
	// Node is the node that the port is pinned to or bound on, Bridge the bridge there ("" for
	// none), and WantBridge the name that sdnd expects.
	Node, Bridge, WantBridge string
	// Interface is the interface that the port is bound to, was last bound to, or names.
	Interface string
	// InterfaceID is the interface id that binds the port; "" for a port that names its
	// interface.
	InterfaceID string
	Bound       bool
	// Unbound is a clause that says why the port is not bound.
	Unbound string
	// NoOVSDB is the node where the port belongs if the ovsdb-server of that node is not
	// connected, so that it is unknown which interface carries the port's id; else "".
	NoOVSDB string
	// Failed is the port's interface if Open vSwitch cannot open its device; else nil.
	Failed *Failed
	// Conflicts are the other interfaces that claim the port on nodes where it may be, in the
	// order in which they would get it.
	Conflicts []Place
	// Dropped describes the packets that the port sent and may not send, if there were any in
	// the last minute; else nil.
	Dropped *Dropped
	// Flooded describes what the port sent to all of its network beyond the limit, if it did so in the last
	// minute; else nil.
	Flooded *Flooded
	// Candidate is an interface that claims the port on a node other than the one that it is
	// pinned to; the zero Place if there is none. A migration begins that way, so it is no
	// fault.
	Candidate Place

	// What follows is of the interface that it is bound to: how it is kept from
	// forwarding, and whether its link is down.

	Disabled Disabled
	LinkDown bool
	// MAC is the port's MAC. OtherMAC is the MAC of the interface if the interface is the
	// host's own end of the port and has another one; else "".
	MAC, OtherMAC string
}

// Dropped describes the packets that a port sent, may not send, and that were dropped.
type Dropped struct {
	// Packets is their number since the port was last plugged in, and Last when the last one
	// was seen.
	Packets uint64
	Last    time.Time
	// MAC and IP are the source addresses of the packets, as far as they are not those that the
	// port must use, which are WantMAC and WantIP.
	MAC, WantMAC string
	IP, WantIP   string
	// Tagged says that the packets had a VLAN tag.
	Tagged bool
}

// Reason returns the reason for what was wrong with the packets, "" while that is unknown.
func (d *Dropped) Reason() Reason {
	switch {
	case d.MAC != "":
		return SourceMACMismatch
	case d.IP != "":
		return SourceAddressMismatch
	case d.Tagged:
		return SourceTagged
	}
	return ""
}

// Flooded describes packets that a port sent to all of its network, and that were dropped because they were more
// than the network allows.
type Flooded struct {
	// Packets is their number since the port began to send more, Limit how many a second the network allows, and
	// Most is the highest limit that a network may have.
	Packets     uint64
	Network     string
	Limit, Most int
}

// Place is an interface of a node's bridge.
type Place struct{ Node, Interface string }

// String returns "INTERFACE on NODE".
func (p Place) String() string { return p.Interface + " on " + p.Node }

// Port returns the conditions of a port, in the order of the table of reasons.
func Port(f PortFacts) []Condition {
	var l list
	if !f.Bound && f.NoOVSDB != "" && otherBridge(f.Bridge, f.WantBridge) {
		l.add(NotBound, "the bridge of "+f.NoOVSDB+" is "+f.Bridge+", but sdnd looks for interfaces on "+f.WantBridge+", so it is not known which interface has external_ids:iface-id="+f.InterfaceID,
			"sdnctl node show "+f.NoOVSDB)
		return l
	}
	if !f.Bound && f.NoOVSDB != "" {
		l.add(NotBound, "the ovsdb-server of "+f.NoOVSDB+" is not connected, so it is not known which interface has external_ids:iface-id="+f.InterfaceID,
			Join(f.NoOVSDB, f.NoOVSDB, f.Secure))
		return l
	}
	if !f.Bound && f.Failed != nil {
		failed(&l, f)
		return l
	}
	if !f.Bound {
		l.add(NotBound, f.Unbound, plugIn(f))
		return l
	}
	where := "its interface " + f.Interface + " on " + f.Node
	switch {
	case f.Disabled != (Disabled{}):
		l.add(InterfaceDisabled, where+" "+f.Disabled.text()+", so packets are dropped",
			"on "+f.Node+": "+f.Disabled.cure(f.Bridge, f.Interface))
	case f.LinkDown:
		l.add(LinkDown, where+" has no link: its other end is down",
			"in the container or virtual machine, set the interface up: ip link set DEVICE up")
	}
	if f.OtherMAC != "" {
		l.add(MACMismatch, where+" has MAC "+f.OtherMAC+", but the port's is "+f.MAC+"; what it sends is dropped",
			"on "+f.Node+": "+setMAC(f))
	}
	if f.Bound && len(f.Conflicts) > 0 {
		claimConflict(&l, f)
	}
	if f.Bound && f.Dropped != nil {
		wrongSource(&l, f)
	}
	if d := f.Flooded; f.Bound && d != nil {
		l.add(FloodLimited,
			fmt.Sprintf("sends more than %d broadcasts and multicasts a second to all of network %s; packets dropped: %d", d.Limit, d.Network, d.Packets),
			fmt.Sprintf("find out what it sends, where it is used: tcpdump -c 100 -eni NAME 'ether multicast'; if it has to, raise the limit: sdnctl network set %s --flood-limit %d", d.Network, min(10*d.Limit, d.Most)))
	}
	return l
}

// setMAC returns the command that gives the host's own end of the port the port's MAC. Open
// vSwitch ignores the MAC of the bridge's own interface in the table Interface: it follows the
// bridge (ovs-vswitchd.conf.db(5), Bridge, other_config:hwaddr).
func setMAC(f PortFacts) string {
	if f.Interface == f.Bridge {
		return "ovs-vsctl set bridge " + f.Bridge + ` other_config:hwaddr=\"` + f.MAC + `\"`
	}
	return "ovs-vsctl set interface " + f.Interface + ` mac=\"` + f.MAC + `\"`
}

// wrongSource adds the condition of a port that sends from wrong addresses, if these are known.
func wrongSource(l *list, f PortFacts) {
	d := f.Dropped
	switch d.Reason() {
	case SourceMACMismatch:
		if f.OtherMAC != "" {
			return // MACMismatch says it already
		}
		l.add(SourceMACMismatch,
			fmt.Sprintf("sends from %s, expected %s; packets dropped: %d", d.MAC, d.WantMAC, d.Packets),
			"give the interface the port's MAC, where it is used: ip link set dev NAME address "+d.WantMAC)
	case SourceAddressMismatch:
		if ip, err := netip.ParseAddr(d.IP); err == nil && ip.Is6() && ip.IsLinkLocalUnicast() {
			l.add(SourceAddressMismatch,
				fmt.Sprintf("sends from %s, expected %s; packets dropped: %d; the interface got that address while it had another MAC, or makes its own", d.IP, d.WantIP, d.Packets),
				"have it form the address of its MAC, where the interface is used: ip link set dev NAME down; sysctl -w net.ipv6.conf.NAME.addr_gen_mode=0; ip link set dev NAME up")
			return
		}
		l.add(SourceAddressMismatch,
			fmt.Sprintf("sends from %s, expected %s; packets dropped: %d", d.IP, d.WantIP, d.Packets),
			fmt.Sprintf("give the interface the port's address, or the port that one: sdnctl port set %s --ip %s", f.Name, d.IP))
	case SourceTagged:
		l.add(SourceTagged,
			fmt.Sprintf("sends frames with a VLAN tag, expected none; packets dropped: %d", d.Packets),
			"use the interface itself, not a VLAN interface above it")
	}
}

// maxConflicts is how many conflicting interfaces a message lists.
const maxConflicts = 4

// claimConflict adds the condition of a port that several interfaces claim.
func claimConflict(l *list, f PortFacts) {
	var others []string
	for _, r := range f.Conflicts[:min(len(f.Conflicts), maxConflicts)] {
		others = append(others, r.String())
	}
	if more := len(f.Conflicts) - len(others); more > 0 {
		others = append(others, fmt.Sprintf("%d more", more))
	}
	first := f.Conflicts[0]
	action := "remove the one that is not the port; if that is " + first.String() + ", on " + first.Node + ": ovs-vsctl remove interface " + first.Interface + " external_ids iface-id"
	if f.InterfaceID == "" {
		action = "name the interface in full, or rename one"
	}
	l.add(ClaimConflict,
		fmt.Sprintf("interface %s has the port, and %s claims it too", Place{f.Node, f.Interface}, strings.Join(others, ", ")),
		action)
}

// plugIn returns the step that gives the port an interface.
func plugIn(f PortFacts) string {
	switch {
	case f.InterfaceID == "":
		return "on " + f.Node + ": ovs-vsctl add-port " + f.Bridge + " " + f.Interface
	case f.Node != "":
		return "on " + f.Node + ": ovs-vsctl set interface DEVICE external_ids:iface-id=" + f.InterfaceID
	}
	return "on its node: ovs-vsctl set interface DEVICE external_ids:iface-id=" + f.InterfaceID
}
