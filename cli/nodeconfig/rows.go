package nodeconfig

import (
	"regexp"
	"slices"
	"strings"
)

// state returns the state that the rows of the tables describe.
func state(bridge string, bridges, ports, ifaces, controllers, managers, ssl []row) State {
	byUUID := func(rows []row) map[string]row {
		m := make(map[string]row, len(rows))
		for _, r := range rows {
			m[r.text("_uuid")] = r
		}
		return m
	}
	portOf, ifaceOf, controllerOf := byUUID(ports), byUUID(ifaces), byUUID(controllers)
	s := State{Bridges: map[string]string{}, Members: map[string][]string{}}
	for _, r := range bridges {
		name := r.text("name")
		ours := name == bridge
		s.Bridges[name] = r.text("datapath_type")
		if ours {
			s.Bridge = &Bridge{
				Name: name, DatapathID: r.text("datapath_id"), DatapathType: r.text("datapath_type"),
				FailMode: r.text("fail_mode"), Protocols: r.texts("protocols"),
				OtherConfig: r.dict("other_config"), ExternalIDs: r.dict("external_ids"),
			}
			for _, id := range r.texts("controller") {
				s.Bridge.Controllers = append(s.Bridge.Controllers, remote(controllerOf[id]))
			}
			slices.SortFunc(s.Bridge.Controllers, func(a, b Remote) int { return strings.Compare(a.Target, b.Target) })
		} else if r.dict("external_ids")[KeyNode] != "" {
			s.Others = append(s.Others, name)
		}
		for _, id := range r.texts("ports") {
			port := portOf[id]
			if ours && isLink(port.text("name")) {
				s.Bridge.KernelPorts = append(s.Bridge.KernelPorts, port.text("name"))
			} else if ours && port.text("name") != name && port.text("name") != TunnelPort {
				s.Bridge.Ports = append(s.Bridge.Ports, port.text("name"))
			}
			for _, i := range port.texts("interfaces") {
				t := tunnel(ifaceOf[i], name)
				if t.Name != name && t.Name != TunnelPort && isCard(t.Type) {
					s.Members[name] = append(s.Members[name], t.Name)
				}
				switch {
				case ours && t.Name == TunnelPort:
					s.Bridge.Tunnel = &t
				case t.Type == "vxlan":
					s.Tunnels = append(s.Tunnels, t)
				}
			}
		}
		slices.Sort(s.Members[name])
		if ours {
			slices.Sort(s.Bridge.Ports)
			slices.Sort(s.Bridge.KernelPorts)
		}
	}
	slices.Sort(s.Others)
	slices.SortFunc(s.Tunnels, func(a, b Tunnel) int { return strings.Compare(a.Name, b.Name) })
	for _, r := range managers {
		s.Managers = append(s.Managers, remote(r))
	}
	slices.SortFunc(s.Managers, func(a, b Remote) int { return strings.Compare(a.Target, b.Target) })
	for _, r := range ssl {
		s.SSL = &SSL{
			TLS:  TLS{CA: r.text("ca_cert"), Cert: r.text("certificate"), Key: r.text("private_key")},
			Node: r.dict("external_ids")[KeyNode],
		}
	}
	return s
}

// tunnel returns the tunnel of a row of the Interface table.
func tunnel(r row, bridge string) Tunnel {
	return Tunnel{
		Name: r.text("name"), Bridge: bridge, Type: r.text("type"), Options: r.dict("options"),
		ExternalIDs: r.dict("external_ids"), OFPort: r.number("ofport"), Error: r.text("error"),
	}
}

// observed are the columns of Controller and Manager rows that Open vSwitch
// writes itself.
var observed = []string{"_uuid", "is_connected", "role", "status"}

// remote returns the Remote of a row of the Controller or Manager table.
func remote(r row) Remote {
	c := Remote{
		UUID: r.text("_uuid"), Target: r.text("target"), Node: r.dict("external_ids")[KeyNode],
		Connected: r.text("is_connected") == "true", Status: r.dict("status"),
		Columns: map[string]string{},
	}
	for column := range r {
		if v := r.value(column); v != "" && !slices.Contains(observed, column) {
			c.Columns[column] = v
		}
	}
	return c
}

// normalFlow matches the flow that Open vSwitch itself adds to a bridge in standalone mode
// without a controller, so that it works as a learning switch.
var normalFlow = regexp.MustCompile(`^(cookie=0(x0)?,? *)?(table=0,? *)?priority=0,? *actions=NORMAL$`)

// ownFlows returns the flows in the output of ovs-ofctl that Open vSwitch did not make itself.
func ownFlows(out string, b *Bridge) []string {
	var flows []string
	for line := range strings.Lines(out) {
		line = strings.TrimSpace(line)
		if !strings.Contains(line, "actions=") {
			continue
		}
		if normalFlow.MatchString(line) && b.FailMode != "secure" && len(b.Controllers) == 0 {
			continue
		}
		flows = append(flows, line)
	}
	return flows
}
