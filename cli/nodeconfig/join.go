package nodeconfig

import (
	"fmt"
	"slices"
	"strings"
)

// maxBackoff is the longest pause between a switch's attempts to reach its
// controller, in milliseconds.
const maxBackoff = 1000

// Join is the desired configuration of a machine.
type Join struct {
	// Node is the name of the node, Bridge that of its bridge.
	Node   string
	Bridge string
	// Controller and Manager are the connection methods of sdnd for OpenFlow and for OVSDB
	// (ovs-vsctl(8), "Connection Methods"). Without a Manager there is no OVSDB connection.
	Controller string
	Manager    string
	// DatapathID has 16 hexadecimal digits.
	DatapathID string
	// DatapathType is the bridge's datapath_type; "" keeps the present one.
	DatapathType string
	// LocalIP is the tunnel's source address, "" for any.
	LocalIP string
	// Translated says that other nodes reach the tunnel at an address other than LocalIP,
	// which is translated on the way.
	Translated bool
	// ReadOnly says that sdnd may not write to the database.
	ReadOnly bool
	// UDPPort is the UDP port of VXLAN; 0 for Open vSwitch's default.
	UDPPort uint16
	// InactivityProbe is the time in milliseconds after which an idle connection to sdnd is
	// probed.
	InactivityProbe int
	// TLS are the files for TLS; nil for plain TCP.
	TLS *TLS
	// KernelPorts are the ports to the machine's kernel to add or remove. Others stay.
	KernelPorts []KernelPort
	// UplinkBridges are bridges of the machine to which the node gets ports, as uplinks; with
	// OnlyBridges it loses those to others.
	UplinkBridges []string
	OnlyBridges   bool
	// CardAddresses also joins if network cards in these bridges have addresses of the machine.
	CardAddresses bool
	// UnderlayMTU is the MTU in bytes of the interface with the tunnel's address; 0 if
	// unknown.
	UnderlayMTU int
}

// Plan returns the commands that make the machine the node, and that record the present state.
// They also write settings that are correct already, which changes nothing, except those that
// would drop a connection.
func (j Join) Plan(s State) (Commands, error) {
	was, known := s.snapshot(), true
	if s.Bridge.Node() != "" {
		var err error
		if was, known, err = s.recorded(); err != nil {
			return nil, err
		}
		if s.SSL != nil && s.SSL.Node == "" && j.TLS != nil && s.SSL.TLS != *j.TLS {
			was.SSL = &s.SSL.TLS // this join replaces it, not the first one
		}
	}
	var c Commands
	ssl := j.TLS != nil && (s.SSL == nil || s.SSL.Node != "" || s.SSL.TLS != *j.TLS)
	if ssl && (s.SSL == nil || s.SSL.TLS != *j.TLS || s.SSL.Node != j.Node) {
		j.setSSL(&c)
	}
	j.setBridge(&c)
	if known {
		ours := slices.ContainsFunc(s.Managers, func(m Remote) bool { return m.Target == j.Manager && m.Node == "" })
		made, found := record(was, j.Manager != "" && !ours, ssl)
		c.add("set", "bridge", j.Bridge, "external_ids:"+KeyMade+"="+valueQuote(made), "external_ids:"+KeyFound+"="+valueQuote(found))
	}
	j.setTunnel(&c)
	j.setKernelPorts(&c)
	j.setBridges(&c, s)
	j.setController(&c, s.Bridge != nil && slices.Equal(s.Bridge.targets(), []string{j.Controller}))
	has := false
	for _, m := range s.Managers {
		if m.Target == j.Manager {
			has = true
		} else if m.Node != "" { // of an earlier join
			c.add("remove", "open_vswitch", ".", "manager_options", m.UUID)
		}
	}
	if j.Manager != "" && !has {
		j.addManager(&c)
	}
	return c, nil
}

// setSSL sets the certificate of Open vSwitch.
func (j Join) setSSL(c *Commands) {
	c.add("set-ssl", j.TLS.Key, j.TLS.Cert, j.TLS.CA)
	c.add("set", "ssl", ".", "external_ids:"+KeyNode+"="+valueQuote(j.Node))
}

// setBridge adds the bridge, and sets its columns.
func (j Join) setBridge(c *Commands) {
	c.add("--may-exist", "add-br", j.Bridge)
	if j.DatapathType != "" {
		c.add("set", "bridge", j.Bridge, "datapath_type="+valueQuote(j.DatapathType))
	}
	c.add("set", "bridge", j.Bridge, "fail_mode=secure", "protocols=OpenFlow13",
		"other_config:datapath-id="+j.DatapathID, "other_config:disable-in-band=true")
	ids := []string{"set", "bridge", j.Bridge, "external_ids:" + KeyNode + "=" + valueQuote(j.Node)}
	if j.UnderlayMTU > 0 {
		ids = append(ids, fmt.Sprintf("external_ids:%s=%d", KeyUnderlayMTU, j.UnderlayMTU))
	}
	if j.ReadOnly {
		ids = append(ids, "external_ids:"+KeyAccess+"=read")
	} else {
		c.add("remove", "bridge", j.Bridge, "external_ids", KeyAccess) // of an earlier join
	}
	c.add(ids...)
}

// setTunnel adds the tunnel port, and sets its columns.
func (j Join) setTunnel(c *Commands) {
	c.add("--may-exist", "add-port", j.Bridge, TunnelPort)
	c.add("clear", "interface", TunnelPort, "options") // of an earlier join
	c.add("remove", "interface", TunnelPort, "external_ids", KeyLocalIP, KeyDstPort)
	set := []string{"set", "interface", TunnelPort, "type=vxlan", "options:remote_ip=flow", "options:key=flow"}
	if j.LocalIP != "" {
		set = append(set, "options:local_ip="+valueQuote(j.LocalIP))
	}
	if j.UDPPort != 0 {
		set = append(set, fmt.Sprintf("options:dst_port=%d", j.UDPPort))
	}
	set = append(set, "external_ids:"+KeyNode+"="+valueQuote(j.Node))
	if j.Translated {
		set = append(set, "external_ids:"+KeyLocalIP+"="+valueQuote(j.LocalIP))
	}
	if j.UDPPort != 0 {
		set = append(set, fmt.Sprintf("external_ids:%s=%d", KeyDstPort, j.UDPPort))
	}
	c.add(set...)
}

// setController sets the bridge's controller, unless it is set correctly already: setting it
// again would drop the connection.
func (j Join) setController(c *Commands, isSet bool) {
	if !isSet {
		c.add("set-controller", j.Bridge, j.Controller)
	}
	c.add("set", "controller", j.Bridge, "connection_mode=out-of-band",
		fmt.Sprintf("max_backoff=%d", maxBackoff), fmt.Sprintf("inactivity_probe=%d", j.InactivityProbe))
}

// addManager adds sdnd as a manager and keeps the others, which "set-manager" would remove.
func (j Join) addManager(c *Commands) {
	c.add("--id=@sdnd", "create", "manager", "target="+valueQuote(j.Manager),
		fmt.Sprintf("max_backoff=%d", maxBackoff), fmt.Sprintf("inactivity_probe=%d", j.InactivityProbe),
		"external_ids:"+KeyNode+"="+valueQuote(j.Node))
	c.add("add", "open_vswitch", ".", "manager_options", "@sdnd")
}

// Script returns a script for a POSIX shell that configures a machine as the node, if the
// machine has no bridge of that name or is the node already. The script is idempotent. Its
// comments say what it does not check.
func (j Join) Script(globals []string) string {
	var c Commands
	if j.TLS != nil {
		j.setSSL(&c)
	}
	j.setBridge(&c)
	made, found := record(Snapshot{}, j.Manager != "", j.TLS != nil)
	c.add("set", "bridge", j.Bridge, "external_ids:"+KeyMade+"="+valueQuote(made), "external_ids:"+KeyFound+"="+valueQuote(found))
	j.setTunnel(&c)
	j.setController(&c, false)
	var get Commands
	get.add("--if-exists", "get", "bridge", j.Bridge, "external_ids:"+KeyNode)
	var exists Commands
	exists.add("br-exists", j.Bridge)
	var b strings.Builder
	fmt.Fprintf(&b, `# Makes this machine the node %s. Unlike 'sdnctl node join' it does not look for
# other VXLAN ports, does not check that Open vSwitch and sdnd accept the changes, and
# does not record the MTU of the underlay. It does not change a bridge that exists already.
if %s && [ -z "$(%s)" ]; then
    echo %s >&2
    exit 1
fi
`, j.Node, exists.line(globals), get.line(globals),
		ShellQuote(fmt.Sprintf("bridge %s exists and does not belong to a node; run 'sdnctl node join' on this machine: it lists what it would take over", j.Bridge)))
	if j.LocalIP == "" {
		b.WriteString("# Without --tunnel-ip the tunnel gets no local_ip.\n")
	}
	b.WriteString(c.Text(globals) + "\n")
	if j.Manager != "" {
		var managers, add Commands
		managers.add("get-manager")
		j.addManager(&add)
		fmt.Fprintf(&b, "%s | grep -qxF %s || %s\n", managers.line(globals), ShellQuote(j.Manager), add.Text(globals))
	}
	return b.String()
}
