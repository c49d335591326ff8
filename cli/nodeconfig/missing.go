package nodeconfig

import "fmt"

// Daemon is sdnd's view of the node.
type Daemon struct {
	// Declared says whether there is such a node; DatapathID is then its id.
	Declared   bool
	DatapathID string
	// Connected is whether its OpenFlow session is up, from Address; Here is
	// whether that is this machine's.
	Connected bool
	Address   string
	Here      bool
	// TunnelPort is whether sdnd sees the VXLAN port, OVSDB whether the node's
	// ovsdb-server is connected.
	TunnelPort bool
	OVSDB      bool
	// Refused is why sdnd gives a switch of this datapath id or from this machine
	// no flows, "" when there is none.
	Refused string
	// Wrong are the errors that sdnd reports for the node, with what fixes them.
	Wrong []string
}

// Progress is the state of a node that has joined.
type Progress struct {
	State State
	// Flows is how many flows the bridge has; -1 for not known.
	Flows int
	// Daemon is sdnd's view; nil if sdnd cannot be asked.
	Daemon *Daemon
}

// Missing returns what the node lacks to work, causes before consequences; nothing if it works
// as far as is known.
func (j Join) Missing(p Progress) []string {
	var missing []string
	add := func(format string, args ...any) { missing = append(missing, fmt.Sprintf(format, args...)) }
	b, d := p.State.Bridge, p.Daemon
	// Open vSwitch writes into the database every 5 s who is connected
	// (ovs-vswitchd.conf.db(5), other_config:stats-update-interval). What sdnd
	// says is newer.
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
			add("another machine is connected as %s, from %s, and this one is not", j.Node, d.Address)
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
			add("sdnd does not say that the node is connected")
		case !d.TunnelPort:
			add("sdnd does not see the port %s", TunnelPort)
		}
	case d == nil && connected && p.Flows == 0:
		add("sdnd gives the bridge no flows: the node %s is not declared to it, or another switch has its name or datapath id; look there with: sdnctl switches", j.Node)
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
			return []string{"sdnd has no OVSDB report of the node: is --bridge the same as that of sdnd?"}
		case m.Connected:
			return nil
		case len(m.Status) == 0:
			return []string{fmt.Sprintf("no OVSDB connection to %s: ovsdb-server does not look at its managers; it was started without --remote=db:Open_vSwitch,Open_vSwitch,manager_options", j.Manager)}
		default:
			return []string{fmt.Sprintf("no OVSDB connection to %s%s", j.Manager, because(m.Status["last_error"]))}
		}
	}
	return []string{fmt.Sprintf("the manager %s is gone: somebody else changes this Open vSwitch", j.Manager)}
}

func lastError(b *Bridge) string {
	if b == nil || len(b.Controllers) == 0 {
		return ""
	}
	return because(b.Controllers[0].Status["last_error"])
}

func because(text string) string {
	if text == "" {
		return ""
	}
	return " (" + text + ")"
}
