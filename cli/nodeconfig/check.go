package nodeconfig

import (
	"fmt"
	"slices"
	"strings"
)

// Check is the result of [Join.Check].
type Check struct {
	// Takes lists the settings that are in use and that joining would take over. Joining
	// does that only if the user asks for it.
	Takes []string
	// Blocked says why joining is impossible, "" if it is possible.
	Blocked string
	// Notes are for the user's information.
	Notes []string
}

// Check returns what joining would take over, and what prevents it.
func (j Join) Check(s State) Check {
	var c Check
	for _, t := range s.Tunnels {
		switch why := j.overlap(t); {
		case t.Name == TunnelPort:
			c.Blocked = fmt.Sprintf("bridge %s of this machine is a node already, and a machine can only be one: undo that first with 'sdnctl node leave --bridge %s'", t.Bridge, ShellQuote(t.Bridge))
		case why == "":
		case t.catchesAll():
			c.Blocked = fmt.Sprintf("Open vSwitch has a VXLAN port already that receives the same packets: %s; remove it with 'ovs-vsctl del-port %s %s', or have all nodes use another UDP port with --dst-port", why, ShellQuote(t.Bridge), ShellQuote(t.Name))
		default:
			c.Notes = append(c.Notes, fmt.Sprintf("%s; packets of sdnd's networks do not reach it", why))
		}
	}
	if j.TLS != nil && s.SSL != nil && s.SSL.Node == "" && s.SSL.TLS != *j.TLS {
		c.take("certificate %s: replaced, as Open vSwitch has only one; keep it with --cert, --key and --ca", s.SSL.Cert)
	}
	if s.Bridge != nil {
		j.checkBridge(&c, s.Bridge)
	}
	j.checkMembers(&c, s)
	j.checkUplinkBridges(&c, s)
	return c
}

// take adds a setting to Takes.
func (c *Check) take(format string, args ...any) {
	c.Takes = append(c.Takes, fmt.Sprintf(format, args...))
}

// checkBridge checks an existing bridge. A setting that joining would change counts as in use,
// unless it has its default.
func (j Join) checkBridge(c *Check, b *Bridge) {
	if node := b.Node(); node == j.Node {
		return
	} else if node != "" {
		c.take("bridge of node %s: becomes that of node %s", node, j.Node)
		return
	}
	// If the bridge was connected to this sdnd by hand, its ports and flows are those of sdnd.
	served := slices.Equal(b.targets(), []string{j.Controller})
	if len(b.Ports) > 0 && !served {
		c.take("%s: no longer pass packets until each is declared as a port", count(len(b.Ports), "port")+" "+strings.Join(shortened(b.Ports), ", "))
	}
	if len(b.Flows) > 0 && !served {
		c.take("%s: removed", count(len(b.Flows), "flow"))
	}
	if len(b.Ports) > 0 && b.FlowsUnknown != "" {
		c.take("flows, if there are any: removed, and not restored by 'sdnctl node leave', because they cannot be read (%s)", b.FlowsUnknown)
	}
	if len(b.Controllers) > 0 && !served {
		c.take("controller %s: replaced by %s", strings.Join(b.targets(), ", "), j.Controller)
	}
	if b.FailMode != "" && b.FailMode != "secure" {
		c.take("fail_mode %s: becomes secure", b.FailMode)
	}
	id, set := b.OtherConfig["datapath-id"]
	if !set && (served || len(b.Controllers) > 0) {
		id = b.DatapathID // by which its controllers identify it
	}
	if id != "" && !sameID(id, j.DatapathID) {
		c.take("datapath id %s: becomes %s; keep it with --datapath-id %s", id, j.DatapathID, id)
	}
	if len(b.Protocols) > 0 && !slices.Equal(b.Protocols, []string{"OpenFlow13"}) {
		c.take("protocols %s: become OpenFlow13", strings.Join(b.Protocols, ","))
	}
	if j.DatapathType != "" && b.DatapathType != j.DatapathType && (b.DatapathType != "" || len(b.Ports) > 0) {
		c.take("datapath type %s: becomes %s, which recreates all ports", orDefault(b.DatapathType, "system"), j.DatapathType)
	}
	if t := b.Tunnel; t != nil && !served {
		c.take("port %s of type %s: becomes sdnd's tunnel", t.Name, orDefault(t.Type, "none"))
	}
	if n := (State{Bridge: b}).snapshot().FlowsLost; n > 0 && !served {
		c.take("%s: too many to record, so 'sdnctl node leave' does not restore them; save them with: ovs-ofctl dump-flows %s", count(n, "flow"), ShellQuote(b.Name))
	}
}

// orDefault returns s, or otherwise if s is "".
func orDefault(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// sameID compares datapath ids in any notation that Open vSwitch accepts.
func sameID(a, b string) bool {
	trim := func(s string) string { return strings.TrimLeft(strings.TrimPrefix(strings.ToLower(s), "0x"), "0") }
	return trim(a) == trim(b)
}

// overlap describes the packets that both sdnd's tunnel port and another one would receive; ""
// if there are none.
func (j Join) overlap(t Tunnel) string {
	ours := vxlanPort
	if j.UDPPort != 0 {
		ours = fmt.Sprint(j.UDPPort)
	}
	local := t.Options["local_ip"]
	if t.udpPort() != ours || local != "" && local != "flow" && j.LocalIP != "" && local != j.LocalIP {
		return ""
	}
	key := t.key()
	what := "any VNI"
	if key != "flow" {
		what = "VNI " + key
	}
	from := "any address"
	if ip := t.Options["remote_ip"]; ip != "flow" {
		from = ip
	}
	return fmt.Sprintf("port %s of bridge %s receives %s from %s on UDP port %s", t.Name, t.Bridge, what, from, ours)
}

// key returns the VNI that a tunnel receives, or "flow" for any (ovs-vswitchd.conf.db(5),
// options:key and options:in_key).
func (t Tunnel) key() string {
	for _, option := range []string{"in_key", "key"} {
		if k := t.Options[option]; k != "" {
			return k
		}
	}
	return "0"
}

// catchesAll reports whether a tunnel receives from all nodes and every VNI.
func (t Tunnel) catchesAll() bool { return t.key() == "flow" && t.Options["remote_ip"] == "flow" }

// count returns a number with its noun.
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// shortened returns the names, or if there are many the first ones and the number of the
// others.
func shortened(names []string) []string {
	const shown = 8
	if len(names) <= shown+1 {
		return names
	}
	return append(slices.Clone(names[:shown]), fmt.Sprintf("and %d more", len(names)-shown))
}
