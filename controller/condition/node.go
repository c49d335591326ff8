package condition

import (
	"fmt"
	"net/netip"
	"strings"
	"time"
)

// NodeFacts are the facts from which a node's conditions follow.
type NodeFacts struct {
	Name string
	// Secure says that nodes must prove who they are, so that joining needs an invitation.
	Secure bool
	// Connected says whether the node's switch has an OpenFlow session, and Seen whether it has
	// had one since sdnd started.
	Connected, Seen bool
	// LastError is the last error of the switch, "" once it is resolved.
	LastError string
	// Refused says why a switch at the node's address was refused most recently; nil if none
	// was.
	Refused *Refused
	// InSync says whether the switch has confirmed everything that concerns it.
	InSync bool
	// OVSDB says whether the node's ovsdb-server is connected, and NeedsOVSDB whether there are
	// ports that can be bound on this node by external_ids only.
	OVSDB, NeedsOVSDB bool
	// IdentityConflict is a clause that says who else presents the node's datapath id, or that
	// its session comes from an unexpected address; "" for neither.
	IdentityConflict string
	// Bridge is the name of the node's bridge, and WantBridge the name that sdnd expects.
	Bridge, WantBridge string
	// TunnelPort says whether the bridge has the VXLAN port, and TunnelDisabled how that port
	// is kept from forwarding.
	TunnelPort     bool
	TunnelDisabled Disabled
	// Tunnel is what OVSDB reports of the VXLAN port; nil while unknown.
	Tunnel *Tunnel
	// OtherTunnel is a VXLAN port of the bridge by another name; "" for none.
	OtherTunnel string
	// Fragments is the switch's mode for IP fragments when it was last asked, if it was not the
	// one that the flows need, as "ovs-ofctl set-frags" names it; else "".
	Fragments string
	// Standalone says that the bridge's fail_mode is known and is not secure.
	Standalone bool
	// TunnelIP is the node's declared tunnel address, and LocalIP the address from which its
	// tunnel port sends, as OVSDB reports it; the zero Addr for none. Exempt says that other
	// nodes do not check the source address of the node's packets.
	TunnelIP, LocalIP netip.Addr
	Exempt            bool
	// CertificateExpires is when the certificate of the switch's session expires, the zero time
	// without a certificate. Now is the present time.
	CertificateExpires, Now time.Time
	// Unmatched are the interfaces that claim a port by an id that no port has.
	Unmatched Unmatched
	// WriteError says why the node's database could not be written, "" if that did not fail.
	// ReadOnly says that sdnd may not write to it, Lacks what the node cannot have because of
	// that ("" for nothing), and ForgetsBackoff that its Open vSwitch applies max_backoff only
	// if sdnd writes to the database.
	WriteError, Lacks string
	// MissingRows names the rows of sdnd's own that cannot exist yet, and why.
	MissingRows              string
	ReadOnly, ForgetsBackoff bool
	// Unlimited is how many routing domains share the node's connection tracker whose
	// connections its Open vSwitch, of the version OVSVersion, cannot limit.
	Unlimited  int
	OVSVersion string
	// NoSourcePort is about connections to outside in the last minute.
	NoSourcePort NoSourcePort
	// TunnelFaults are the peers to or from which packets do not arrive.
	TunnelFaults []TunnelFault
}

// NoSourcePort describes connections to outside that did not come about because no source port was
// free.
type NoSourcePort struct {
	// Packets is how many packets began such connections; 0 if there are none.
	Packets uint64
	// Routers names the routers that had none free for a port, with commas; "" for none. Node
	// says that the node had none free on a bridge for a router, of its own address or an egress address.
	Routers string
	Node    bool
}

// Refused describes a switch that was refused.
type Refused struct {
	// Address is the switch's address, and Reason says why it was refused.
	Address, Reason string
	// Command is the command to run on its machine so that it is accepted; "" if there is none.
	Command string
}

// Node returns the conditions of a node, in the order of the table of reasons. A node that is
// not connected has no other condition.
func Node(f NodeFacts) []Condition {
	var l list
	if !f.Connected {
		notConnected(&l, f)
		return l
	}
	switch {
	case f.LastError != "":
		l.add(FlowsRefused, "the switch could not be updated: "+f.LastError, "sdnctl node audit "+f.Name)
	case !f.InSync:
		l.add(NotInSync, "the switch has yet to confirm the newest changes", "sdnctl wait")
	}
	if f.IdentityConflict != "" {
		l.add(IdentityConflict, f.IdentityConflict,
			"find out which of the machines is "+f.Name+", and have the other leave or join under a name of its own; if the node has moved: sdnctl node set "+f.Name+" --tunnel-ip ADDRESS")
	}
	switch {
	case f.OVSDB || !f.NeedsOVSDB:
	case otherBridge(f.Bridge, f.WantBridge):
		l.add(BridgeNameWrong,
			"its bridge is "+f.Bridge+", but sdnd looks for interfaces on "+f.WantBridge+", so the external_ids of its interfaces are not known",
			"on "+f.Name+", give up that bridge with 'sdnctl node leave --bridge "+f.Bridge+"' and join with --bridge "+f.WantBridge+"; or, if all nodes have it, start sdnd with --bridge "+f.Bridge)
	default:
		l.add(OVSDBNotConnected,
			"its ovsdb-server is not connected, so the external_ids of its interfaces are not known",
			Join(f.Name, f.Name, f.Secure))
	}
	tunnel(&l, f)
	tunnelPaths(&l, f)
	if f.Fragments != "" {
		fragments(&l, f)
	}
	if f.Standalone {
		l.add(FailModeStandalone,
			"the bridge's fail_mode is not secure, so Open vSwitch forwards between all ports by itself when sdnd is away for some 20 s",
			"on "+f.Name+": ovs-vsctl set-fail-mode "+f.Bridge+" secure")
	}
	tunnelSource(&l, f)
	database(&l, f)
	certificate(&l, f)
	unmatched(&l, f)
	return l
}

// CertificateSoon is how long before its expiry a certificate causes a warning.
const CertificateSoon = 30 * 24 * time.Hour

// certificate adds the condition of a certificate that has expired or will soon.
func certificate(l *list, f NodeFacts) {
	ends := f.CertificateExpires
	if ends.IsZero() || f.Now.Before(ends.Add(-CertificateSoon)) {
		return
	}
	if f.Now.After(ends) {
		l.add(CertificateExpiring,
			"the certificate that its switch connected with expired on "+ends.Format(time.DateOnly)+"; the connection stays, but the next one is refused",
			"on "+f.Name+", join again with the line that this prints: sdnctl node invite "+f.Name)
		return
	}
	l.add(CertificateExpiring,
		"the certificate that its switch connected with expires on "+ends.Format(time.DateOnly)+"; connections after that are refused",
		"on "+f.Name+": sdnctl node renew && ovs-appctl bridge/reconnect "+f.Bridge)
}

// fragments adds the condition that others changed the switch's mode for IP fragments.
func fragments(l *list, f NodeFacts) {
	harm := "pings of gateways in fragments are not answered"
	if f.Fragments == "drop" {
		harm = "packets larger than the MTU of their way were dropped"
	}
	l.add(FragmentsWrong,
		"somebody else set the handling of IP fragments to "+f.Fragments+" where nx-match is needed, so that "+harm+"; sdnd has set it back, and asks again",
		"if it does not stay so, on "+f.Name+" find and stop what runs: ovs-ofctl set-frags "+f.Bridge)
}

// tunnelSource adds the conditions of a node that sends from an address that others do not
// admit or do not check.
func tunnelSource(l *list, f NodeFacts) {
	wrong := f.TunnelIP.IsValid() && f.LocalIP.IsValid() && f.LocalIP != f.TunnelIP
	if !f.Exempt && !wrong {
		return
	}
	cure := fmt.Sprintf("on %s: ovs-vsctl set interface vxlan-sdn options:local_ip=%s", f.Name, optionAddr(f.TunnelIP))
	unshown := cure + "; if it does send from there, also: sdnctl node set " + f.Name + " --tunnel-check enforce"
	if f.Tunnel != nil && f.Tunnel.Own {
		cure, unshown = ownCure(f), ownCure(f)
	}
	if !f.Exempt {
		l.add(TunnelSourceWrong,
			fmt.Sprintf("its port vxlan-sdn sends from %s, and other nodes drop what does not come to them from %s", f.LocalIP, f.TunnelIP), cure)
		return
	}
	shown := "is not set, or not known"
	if f.LocalIP.IsValid() {
		shown = "is " + f.LocalIP.String()
	}
	l.add(TunnelSourceUnchecked,
		fmt.Sprintf("OVSDB does not show that its port vxlan-sdn sends from %s (local_ip %s), so the nodes that share a network with it admit that network's VXLAN packets from any address", f.TunnelIP, shown),
		unshown)
}

// database adds what the node lacks because sdnd could not write its database.
func database(l *list, f NodeFacts) {
	if f.WriteError != "" {
		l.add(OVSDBWriteFailed,
			"sdnd could not set what is its own in the node's database: "+f.WriteError,
			"on "+f.Name+", find out why ovsdb-server refuses (its log; a full disk; its access rules), then have sdnd try again: ovs-appctl -t ovsdb-server ovsdb-server/reconnect")
	}
	if f.Unlimited > 1 {
		l.add(ConnectionsNotLimited,
			fmt.Sprintf("the ports of %d routing domains share the table of tracked connections, and Open vSwitch %s cannot limit how many each may have (3.3 can), so that one may fill it", f.Unlimited, f.OVSVersion),
			"on "+f.Name+", upgrade Open vSwitch to 3.3 or later; or accept that: start sdnd with --max-connections 0")
	}
	if n := f.NoSourcePort; n.Packets > 0 {
		var of []string
		if n.Routers != "" {
			of = append(of, "of "+n.Routers+" for a port")
		}
		if n.Node {
			of = append(of, "of the node's own address, or of an egress address, for a router")
		}
		l.add(SourcePortsExhausted,
			fmt.Sprintf("%d packets that began connections to outside were dropped, because no source port is free to that destination: %s", n.Packets, strings.Join(of, ", and ")),
			"find which port has so many connections to one destination, and have it close them or send over fewer; on "+f.Name+": ovs-appctl dpctl/dump-conntrack")
	}
	if f.MissingRows != "" && f.OVSDB {
		l.add(OVSDBRowMissing, "rows of sdnd's own are not in the node's database: "+f.MissingRows,
			"on "+f.Name+", attach the port that is named, or free it; see its ports with: ovs-vsctl list-ports "+f.Bridge)
	}
	if f.Lacks != "" && f.OVSDB {
		l.add(OVSDBReadOnly, f.Lacks, "on "+f.Name+", allow it to be written: ovs-vsctl remove bridge "+f.Bridge+" external_ids sdnctl-ovsdb")
		return
	}
	if f.ReadOnly && f.ForgetsBackoff && f.OVSDB {
		l.add(OVSDBReadOnly,
			"the node joined with --ovsdb read, so sdnd cannot have this version of Open vSwitch keep to max_backoff: after a loss of its connection the node may be back only after 8 s",
			"on "+f.Name+": upgrade Open vSwitch to 2.17.8, 3.0.5, 3.1.3, 3.2.1, 3.3.0 or later; or allow it to be written: ovs-vsctl remove bridge "+f.Bridge+" external_ids sdnctl-ovsdb")
	}
}

// openFlowName is the longest bridge name in OpenFlow, in bytes. Longer names are truncated
// (OpenFlow 1.3.5, 7.2.1: OFP_MAX_PORT_NAME_LEN, which includes a final NUL).
const openFlowName = 15

// otherBridge reports whether a bridge's name, as OpenFlow gives it, differs from want.
func otherBridge(name, want string) bool {
	return name != want[:min(len(want), openFlowName)]
}

// Join returns the command, in a sentence, that makes the machine the node or configures it
// again.
func Join(machine, node string, secure bool) string {
	if secure {
		return "on " + machine + " run the line that this prints: sdnctl node invite " + node
	}
	return "on " + machine + " run: sdnctl node join " + node + " --controller ADDRESS"
}

func notConnected(l *list, f NodeFacts) {
	if r := f.Refused; r != nil {
		action := "on that machine, join again with the line that this prints: sdnctl node invite " + f.Name
		if r.Command != "" {
			action = "on " + f.Name + ": " + r.Command
		}
		l.add(SwitchRefused, "its switch is not connected, and the one at "+r.Address+" was refused: "+r.Reason, action)
		return
	}
	message, action := "its switch has not connected", Join("that machine", f.Name, f.Secure)
	if f.Seen {
		message = "its switch is not connected"
		action = "on that machine check that Open vSwitch runs and reaches sdnd: ovs-vsctl show"
	}
	if f.LastError != "" {
		message += ": " + f.LastError
	}
	l.add(NotConnected, message, action)
}
