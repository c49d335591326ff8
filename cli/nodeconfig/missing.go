package nodeconfig

import "fmt"

// Daemon is sdnd's view of the node.
type Daemon struct {
	// Declared says whether the node is declared; DatapathID is its datapath id.
	Declared   bool
	DatapathID string
	// Connected says whether the node's OpenFlow session is up, Address is its remote
	// address, and Here says whether that is this machine.
	Connected bool
	Address   string
	Here      bool
	// TunnelPort says whether sdnd knows the VXLAN port.
	TunnelPort bool
	// OVSDB says whether the node's ovsdb-server is connected to sdnd.
	OVSDB bool
	// Refused is why sdnd installs no flows on a connected switch that has the node's
	// datapath id or this machine's address; "" if there is no such switch.
	Refused string
	// Wrong are the errors that sdnd reports for the node, with their remedies.
	Wrong []string
}

// Progress is the state of a node that has joined.
type Progress struct {
	State State
	// Flows is the number of flows on the bridge; -1 if unknown.
	Flows int
	// Daemon is sdnd's view; nil if sdnd cannot be asked.
	Daemon *Daemon
}

// Missing returns the problems that keep the node from working, causes before consequences. It
// returns nil if none are known.
func (j Join) Missing(p Progress) []string {
	var missing []string
	add := func(format string, args ...any) { missing = append(missing, fmt.Sprintf(format, args...)) }
	b, d := p.State.Bridge, p.Daemon
	// Open vSwitch updates the connection status in its database every 5 s
	// (ovs-vswitchd.conf.db(5), other_config:stats-update-interval). The status from sdnd is
	// newer.
	connected := b != nil && len(b.Controllers) == 1 && b.Controllers[0].Connected || d != nil && d.Connected && d.Here
	if d != nil {
		switch {
		case d.Refused != "":
			add("sdnd refuses the switch: %s", d.Refused)
		case !d.Declared:
			add("the node %s is not declared to sdnd", j.Node)
		case !sameID(d.DatapathID, j.DatapathID):
			add("the node %s is declared with datapath id %s, but the bridge has %s: join with --datapath-id %s", j.Node, d.DatapathID, j.DatapathID, d.DatapathID)
		case d.Connected && !connected:
			add("another machine is connected as %s, from %s, instead of this one", j.Node, d.Address)
		}
	}
	if !connected {
		add("no OpenFlow connection to %s%s", j.Controller, lastError(b))
	}
	if j.Manager != "" {
		missing = append(missing, j.missingManager(p)...)
	}
	if b != nil && (b.Tunnel == nil || b.Tunnel.Error != "" || b.Tunnel.OFPort <= 0) {
		add("the VXLAN port %s does not work", TunnelPort)
	}
	switch {
	case d != nil && d.Declared && connected && len(missing) == 0:
		switch {
		case len(d.Wrong) > 0:
			missing = append(missing, d.Wrong...)
		case !d.Connected:
			add("sdnd does not report the node as connected")
		case !d.TunnelPort:
			add("sdnd has no report of the port %s", TunnelPort)
		}
	case d == nil && connected && p.Flows == 0:
		add("sdnd installs no flows on the bridge: the node %s is not declared, or another switch has its name or datapath id; check on the controller with: sdnctl switches", j.Node)
	}
	return missing
}

// missingManager returns what the OVSDB connection lacks.
func (j Join) missingManager(p Progress) []string {
	for _, m := range p.State.Managers {
		switch {
		case m.Target != j.Manager:
		case p.Daemon != nil && p.Daemon.Here && p.Daemon.OVSDB:
			return nil
		case m.Connected && p.Daemon != nil && p.Daemon.Connected && p.Daemon.Here:
			return []string{"sdnd has no OVSDB report of the node: is --bridge the same as for sdnd?"}
		case m.Connected:
			return nil
		case len(m.Status) == 0:
			return []string{fmt.Sprintf("no OVSDB connection to %s: ovsdb-server ignores the managers in its database, because it was started without --remote=db:Open_vSwitch,Open_vSwitch,manager_options", j.Manager)}
		default:
			return []string{fmt.Sprintf("no OVSDB connection to %s%s", j.Manager, because(m.Status["last_error"]))}
		}
	}
	return []string{fmt.Sprintf("the manager %s is gone: another program changes this Open vSwitch", j.Manager)}
}

// lastError returns the last error of the connection to sdnd, in parentheses; "" for none.
func lastError(b *Bridge) string {
	if b == nil || len(b.Controllers) == 0 {
		return ""
	}
	return because(b.Controllers[0].Status["last_error"])
}

// because returns a reason in parentheses, "" for none.
func because(text string) string {
	if text == "" {
		return ""
	}
	return " (" + text + ")"
}
