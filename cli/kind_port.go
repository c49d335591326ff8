package cli

import (
	"encoding"
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/topology/model"
)

type portView = view[model.PortSpec, api.PortStatus]

func portKind() kindDef {
	columns := portColumns()
	return kindDef{
		kind: api.KindPort,
		is:   "the attachment of one interface, of a container or virtual machine, to a network",
		flags: func(a *app, cmd *cobra.Command) specFlags {
			return addSpecFlags(a, cmd, portFlags())
		},
		print:    tablePrinter(columns),
		details:  detailPrinter(columns, portLines),
		required: []string{"network"},
		optional: "node",
		example:  "web1 --network blue --node node1",
		change:   "web1 --node node2",
		pin: pinning(func(s *model.PortSpec, t api.PortStatus) error {
			s.IPs = nil
			err := errors.Join(model.SetText(&s.IP, t.IP), model.SetText(&s.MAC, t.MAC))
			if len(t.Addresses) < 2 {
				return err
			}
			s.IPs = make([]netip.Addr, len(t.Addresses))
			for i, a := range t.Addresses {
				err = errors.Join(err, model.SetText(&s.IPs[i], a.IP))
			}
			return err
		}),
	}
}

// portLines are the lines of details for a port: its conditions, and the settings of its
// interface, for users who configure it themselves. An interface with a greater MTU, which
// most devices have, would lose large packets.
func portLines(v portView) [][2]string {
	lines := conditionLines(v.now, v.status.Ready, v.status.Conditions)
	if text := droppedText(v); text != "" {
		lines = append(lines, [2]string{"dropped", text})
	}
	if v.status.IP == "" {
		return lines
	}
	must := fmt.Sprintf("%s, MAC %s, MTU %d (larger packets are lost between nodes)", addressesText(v.status), v.status.MAC, v.status.MTU)
	if gateways := gatewaysOf(v.status); len(gateways) > 0 {
		must += ", default route by " + strings.Join(gateways, " and ")
	}
	return append(lines, [2]string{"set on it", must})
}

// addressesText returns a port's addresses with their prefix lengths.
func addressesText(t api.PortStatus) string {
	var all []string
	for _, a := range t.Links() {
		all = append(all, fmt.Sprintf("%s/%d", a.IP, a.PrefixLength))
	}
	return strings.Join(all, ", ")
}

// gatewaysOf returns the gateways of a port, IPv4 first.
func gatewaysOf(t api.PortStatus) (all []string) {
	for _, a := range t.Links() {
		if a.Gateway != "" {
			all = append(all, a.Gateway)
		}
	}
	return all
}

// droppedText describes the packets of the port that were dropped, why and when; "" for
// none.
func droppedText(v portView) string {
	flooded := ""
	if n := v.status.Flooded; n > 0 {
		flooded = count(int(n), "packet") + " to all of its network: FloodLimited"
	}
	d := v.status.Drops
	if d == nil {
		return flooded
	}
	text := fmt.Sprintf("%s, the last %s ago", count(int(d.Packets), "packet"), age(v.now, d.Last))
	if d.Reason != "" {
		text += ": " + d.Reason
	}
	switch {
	case d.MAC != "":
		text += ", from " + d.MAC
	case d.IP != "":
		text += ", from " + d.IP
	}
	if flooded != "" {
		text += "; " + flooded
	}
	return text
}

func portFlags() []specFlag[model.PortSpec] {
	type spec = model.PortSpec
	network := textFlag("network", "`network` that the port is on", func(s *spec) *string { return &s.Network })
	network.refers = api.KindNetwork
	node := textFlag("node", "`node` that the port is pinned to (default: where its interface shows up, on stretched networks)", func(s *spec) *string { return &s.Node })
	node.refers = api.KindNode
	return []specFlag[spec]{
		network,
		node,
		{name: "ip", usage: "`address` (default: allocated); may be repeated, or two separated by a comma, for one of each family", many: true, set: setIP},
		valueFlag("mac", "`MAC` address (default: derived from the address and the VNI)", func(s *spec) encoding.TextUnmarshaler { return &s.MAC }),
		{name: "address", usage: "further address, as `IP|PREFIX[,mac=MAC]` or mac=MAC: virtual addresses, ranges behind the port; may be repeated", many: true, set: setAddress},
		{name: "port-security", usage: "whether packets from other addresses are dropped (strict, the default) or not (off, for admins)", fixed: []string{"strict", "off"}, set: func(s *spec, text string, _ bool) error {
			return s.PortSecurity.UnmarshalText([]byte(text))
		}},
		{name: "named-port", usage: "name of a port that it serves, as `NAME=PROTOCOL/PORT`, such as http=tcp/8080, for rules of policies; may be repeated", many: true, set: setNamedPort},
		textFlag("interface-id", "`value` of external_ids:iface-id or container_id of its OVS interface (default: the port's name)", func(s *spec) *string { return &s.InterfaceID }),
		textFlag("interface", "`name` of its OVS interface on the node, which then binds it by that name alone", func(s *spec) *string { return &s.Interface }),
	}
}

func setNamedPort(s *model.PortSpec, text string, first bool) error {
	if first {
		s.NamedPorts = nil
	}
	if text == "" {
		return nil
	}
	name, is, _ := strings.Cut(text, "=")
	var p model.PolicyPort
	if err := model.SetText(&p, is); err != nil {
		return err
	}
	if s.NamedPorts == nil {
		s.NamedPorts = map[string]model.PolicyPort{}
	}
	s.NamedPorts[name] = p
	return nil
}

func setIP(s *model.PortSpec, text string, first bool) error {
	if first {
		s.IP, s.IPs = netip.Addr{}, nil
	}
	for one := range strings.SplitSeq(text, ",") {
		var a netip.Addr
		if err := model.SetText(&a, one); err != nil {
			return err
		}
		switch {
		case !a.IsValid():
		case !s.IP.IsValid():
			s.IP = a
		case s.IPs == nil:
			s.IPs = []netip.Addr{s.IP, a}
		default:
			s.IPs = append(s.IPs, a)
		}
	}
	return nil
}

func setAddress(s *model.PortSpec, text string, first bool) error {
	if first {
		s.Addresses = nil
	}
	if text == "" {
		return nil
	}
	var a model.PortAddress
	mac, bare := strings.CutPrefix(text, "mac=")
	if bare {
		err := model.SetText(&a.MAC, mac)
		s.Addresses = append(s.Addresses, a)
		return err
	}
	head, options, err := cutOptions(text, "mac")
	if err != nil {
		return err
	}
	if strings.Contains(head, "/") {
		err = model.SetText(&a.Prefix, head)
	} else {
		err = model.SetText(&a.IP, head)
	}
	err = errors.Join(err, setOption(&a.MAC, options["mac"]))
	s.Addresses = append(s.Addresses, a)
	return err
}

func portColumns() []column[portView] {
	return []column[portView]{
		{header: "NETWORK", cell: func(v portView) string { return v.spec.Network }},
		{header: "IP", cell: func(v portView) string {
			if v.status.IP == "" {
				return valueText(v.spec.IP)
			}
			return addressesText(v.status)
		}},
		{header: "MAC", cell: func(v portView) string { return v.status.MAC }},
		{header: "NODE", cell: func(v portView) string {
			if v.status.Node != "" {
				return v.status.Node
			}
			return v.spec.Node
		}},
		{header: "BOUND", cell: func(v portView) string { return yesNo(v.status.Bound) }},
		{header: "INTERFACE", cell: func(v portView) string { return v.status.Interface }},
		{header: "GATEWAY", wide: true, cell: func(v portView) string { return strings.Join(gatewaysOf(v.status), ", ") }},
		{header: "VNI", wide: true, cell: func(v portView) string { return number(v.status.VNI) }},
		{header: "MTU", wide: true, cell: func(v portView) string { return number(v.status.MTU) }},
		{header: "DROPPED", wide: true, cell: droppedText},
		{header: "INTERFACE-ID", wide: true, cell: func(v portView) string { return v.spec.InterfaceID }},
		{header: "CONDITIONS", cell: func(v portView) string { return conditionsText(v.status.Conditions) }},
		{header: "MESSAGE", cell: func(v portView) string { return v.status.Message }},
	}
}
