package condition

import (
	"net/netip"
	"strings"
)

// tunnelPort is the name of the VXLAN port on every node.
const tunnelPort = "vxlan-sdn"

// Tunnel is what OVSDB reports of the interface vxlan-sdn.
type Tunnel struct {
	Type, RemoteIP, Key, DstPort string
	// Error says why Open vSwitch could not create it, "" if it could.
	Error string
	// WantDstPort is the UDP port that the other nodes use, in the form of
	// DstPort: "" is 4789.
	WantDstPort string
	// Own says that sdnd sets the options, and OwnDstPort the value of DstPort that it sets.
	Own        bool
	OwnDstPort string
}

// tunnel adds the conditions of the VXLAN port.
func tunnel(l *list, f NodeFacts) {
	t := f.Tunnel
	switch {
	case !f.TunnelPort && t != nil && t.Error != "":
		l.add(TunnelPortFailed,
			"Open vSwitch could not make the port vxlan-sdn: "+t.Error,
			"on "+f.Name+", see what has the UDP port: ovs-vsctl show; ip -d link show type vxlan")
	case !f.TunnelPort && f.OtherTunnel != "":
		l.add(TunnelPortMissing,
			"the bridge has no port vxlan-sdn, but a VXLAN port "+f.OtherTunnel+", which sdnd does not use; no packet goes from or to another node",
			"on "+f.Name+": ovs-vsctl del-port "+f.Bridge+" "+f.OtherTunnel+" -- "+addTunnel(f))
	case !f.TunnelPort:
		l.add(TunnelPortMissing,
			"the bridge has no port vxlan-sdn, so no packet goes from or to another node",
			"on "+f.Name+": ovs-vsctl "+addTunnel(f))
	default:
		if f.TunnelDisabled != (Disabled{}) {
			l.add(TunnelPortDisabled,
				"vxlan-sdn "+f.TunnelDisabled.text()+", so packets from or to other nodes are dropped",
				"on "+f.Name+": "+f.TunnelDisabled.cure(f.Bridge, tunnelPort))
		}
	}
	if t != nil && t.Error == "" {
		if wrong, cure := t.wrong(); len(wrong) > 0 {
			l.add(TunnelOptionsWrong,
				"vxlan-sdn has "+strings.Join(wrong, ", ")+", so packets from or to other nodes are lost",
				t.cure(f, cure))
		}
	}
}

// cure returns how to fix wrong options: the given command, where sdnd does not fix them
// itself.
func (t *Tunnel) cure(f NodeFacts, command string) string {
	switch {
	case !t.Own && f.ReadOnly:
		return "on " + f.Name + ": " + command + "; sdnd does not do so, as the node joined with --ovsdb read"
	case !t.Own:
		return "on " + f.Name + ": " + command
	case t.DstPort != t.OwnDstPort || t.DstPort == t.WantDstPort:
		return ownCure(f)
	case t.WantDstPort == "":
		return "on " + f.Name + ": ovs-vsctl remove interface vxlan-sdn external_ids sdnctl-dst-port"
	}
	return "on " + f.Name + ": ovs-vsctl set interface vxlan-sdn external_ids:sdnctl-dst-port=" + t.WantDstPort
}

// ownCure returns how to fix options that sdnd sets itself.
func ownCure(f NodeFacts) string {
	return "sdnd sets it right by itself; if it does not stay so, this shows who else sets it, on " + f.Name + ": ovsdb-tool -mm show-log | grep -C9 vxlan-sdn"
}

// addTunnel returns the command that creates the port.
func addTunnel(f NodeFacts) string {
	command := "add-port " + f.Bridge + " vxlan-sdn -- set interface vxlan-sdn type=vxlan options:remote_ip=flow options:key=flow"
	if f.TunnelIP.IsValid() {
		command += " options:local_ip=" + optionAddr(f.TunnelIP)
	}
	return command
}

// optionAddr returns an address as a value for ovs-vsctl, which takes an address with colons in
// quotes only.
func optionAddr(a netip.Addr) string {
	if a.Is6() {
		return `'"` + a.String() + `"'`
	}
	return a.String()
}

// wrong returns the options that are wrong, as a list of clauses, and the command that fixes
// all of them.
func (t *Tunnel) wrong() (wrong []string, cure string) {
	var set, remove []string
	need := func(column, name, have, want string) {
		if have == want {
			return
		}
		switch {
		case have == "":
			wrong = append(wrong, "no "+name+" where "+want+" is needed")
		case want == "":
			wrong = append(wrong, name+"="+have+" where other nodes use 4789")
			remove = append(remove, name)
			return
		default:
			wrong = append(wrong, name+"="+have+" where "+want+" is needed")
		}
		set = append(set, column+"="+want)
	}
	need("type", "type", t.Type, "vxlan")
	need("options:remote_ip", "remote_ip", t.RemoteIP, "flow")
	need("options:key", "key", t.Key, "flow")
	need("options:dst_port", "dst_port", t.DstPort, t.WantDstPort)
	var commands []string
	if len(set) > 0 {
		commands = append(commands, "set interface vxlan-sdn "+strings.Join(set, " "))
	}
	if len(remove) > 0 {
		commands = append(commands, "remove interface vxlan-sdn options "+strings.Join(remove, " "))
	}
	return wrong, "ovs-vsctl " + strings.Join(commands, " -- ")
}
