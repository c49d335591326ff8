package cli

import (
	"encoding"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/topology/model"
)

type networkView = view[model.NetworkSpec, api.NetworkStatus]

func networkKind() kindDef {
	columns := networkColumns()
	return kindDef{
		kind: api.KindNetwork,
		is:   "a VXLAN network identifier with the addresses its ports use, either stretched over all nodes or cut into a block per node",
		flags: func(a *app, cmd *cobra.Command) specFlags {
			return addSpecFlags(a, cmd, slices.Concat(networkFlags(), dhcpFlags(), dnsFlags()))
		},
		print:    tablePrinter(columns),
		details:  detailPrinter(columns, networkDetails),
		optional: "mtu",
		example:  "blue --cidr 10.0.0.0/24",
		change:   "blue --mtu 1400",
		pin:      pinning(pinNetwork),
	}
}

func networkFlags() []specFlag[model.NetworkSpec] {
	type spec = model.NetworkSpec
	mode := valueFlag("mode", "`mode`: stretched (one layer-2 domain over all nodes) or segmented (a block of addresses per node, routed) (default stretched)", func(s *spec) encoding.TextUnmarshaler { return &s.Mode })
	mode.fixed = []string{string(model.Stretched), string(model.Segmented)}
	multicast := valueFlag("multicast", "what becomes of packets to multicast groups and the broadcast address: `flood` (all other ports of the layer-2 domain get them), snoop (those that have joined the group do) or off (default off)", func(s *spec) encoding.TextUnmarshaler { return &s.Multicast })
	multicast.fixed = []string{string(model.MulticastFlood), string(model.MulticastSnoop), string(model.MulticastOff)}
	floodLimit := valueFlag("flood-limit", "with --multicast: how many `packets` a second a port may send to all of the network; off: any number, which only admins may set (default 1000)", func(s *spec) encoding.TextUnmarshaler { return &s.FloodLimit })
	floodLimit.fixed = []string{"off"}
	return []specFlag[spec]{
		{name: "cidr", usage: "`range` of the network's addresses, such as 10.0.0.0/24", several: "subnet", set: setCIDR},
		{name: "gateway", usage: "`address` of the gateway (default: the first of the range)", set: setGateway},
		{name: "reserve", usage: "`addresses` that ports never get, such as 10.0.0.1-10.0.0.9 or 10.0.0.20; may be repeated", many: true, set: setReserved},
		{name: "subnet", usage: "one of several ranges, as `CIDR[,gateway=IP][,reserve=IPS]...`; may be repeated, instead of --cidr", many: true, set: setSubnet},
		{name: "vni", usage: "VXLAN network `identifier`, 1 to 16777215 (default: allocated)", set: setVNI},
		mode,
		intFlag("containers-per-node", "segmented only: `number` of containers that a node's block must hold", func(s *spec) *int { return &s.ContainersPerNode }),
		intFlag("max-nodes", "segmented only: `number` of nodes that must get a block", func(s *spec) *int { return &s.MaxNodes }),
		{name: "block", usage: "segmented only: a fixed block for a node, as `NODE=CIDR[,gateway=IP][,gateway-mac=MAC]`; may be repeated", many: true, set: setBlock},
		intFlag("mtu", "MTU of the containers' interfaces in `bytes` (default 1450)", func(s *spec) *int { return &s.MTU }),
		boolFlag("ports-from-nodes", "whether nodes may make ports of their own in the network, as 'sdnctl attach' does: true or false (default false)", func(s *spec) *bool { return &s.PortsFromNodes }),
		boolFlag("host-access", "whether the nodes that have ports of the network and these ports reach each other by their own addresses, without translation: true or false (default false)", func(s *spec) *bool { return &s.HostAccess }),
		multicast,
		floodLimit,
		intFlag("flood-burst", "how many `packets` to all of the network a port may send at once (default: as many as --flood-limit allows in a second)", func(s *spec) *int { return &s.FloodBurst }),
		valueFlag("gateway-mac", "`MAC` of the gateway (default: derived from the VNI)", func(s *spec) encoding.TextUnmarshaler { return &s.GatewayMAC }),
	}
}

func setVNI(s *model.NetworkSpec, text string, _ bool) error {
	s.VNI = 0
	if text == "" {
		return nil
	}
	n, err := wholeNumber(text)
	if err == nil {
		s.VNI, err = model.NewVNI(int64(n))
	}
	return err
}

var errSubnets = errors.New("the network has several subnets; give them all with --subnet")

func setCIDR(s *model.NetworkSpec, text string, _ bool) error {
	if len(s.Subnets) > 1 {
		return errSubnets
	}
	var n model.Subnet
	if err := model.SetText(&n.Prefix, text); err != nil {
		return err
	}
	if len(s.Subnets) == 0 || s.Subnets[0].Prefix != n.Prefix.Masked() {
		s.Subnets = []model.Subnet{n}
	}
	return nil
}

// only returns the one subnet to which --gateway and --reserve apply.
func only(s *model.NetworkSpec) (*model.Subnet, error) {
	if len(s.Subnets) > 1 {
		return nil, errSubnets
	}
	if len(s.Subnets) == 0 {
		s.Subnets = []model.Subnet{{}}
	}
	return &s.Subnets[0], nil
}

func setGateway(s *model.NetworkSpec, text string, _ bool) error {
	n, err := only(s)
	if err != nil {
		return err
	}
	return model.SetText(&n.Gateway, text)
}

func setReserved(s *model.NetworkSpec, text string, first bool) error {
	n, err := only(s)
	if err != nil {
		return err
	}
	if first {
		n.Reserved = nil
	}
	return reserve(n, strings.Split(text, ","))
}

// reserve adds ranges of addresses to the reserved ones of a subnet, which ports never get.
func reserve(n *model.Subnet, ranges []string) error {
	for _, text := range ranges {
		if text == "" {
			continue
		}
		var r model.AddrRange
		if err := model.SetText(&r, text); err != nil {
			return err
		}
		n.Reserved = append(n.Reserved, r)
	}
	return nil
}

func setSubnet(s *model.NetworkSpec, text string, first bool) error {
	if first {
		s.Subnets = nil
	}
	cidr, options, err := cutOptions(text, "gateway", "reserve")
	if err != nil {
		return err
	}
	var n model.Subnet
	if err := errors.Join(model.SetText(&n.Prefix, cidr), setOption(&n.Gateway, options["gateway"]), reserve(&n, options["reserve"])); err != nil {
		return err
	}
	s.Subnets = append(s.Subnets, n)
	return nil
}

func setBlock(s *model.NetworkSpec, text string, first bool) error {
	if first {
		s.Blocks = nil
	}
	if text == "" {
		return nil
	}
	head, options, err := cutOptions(text, "gateway", "gateway-mac")
	if err != nil {
		return err
	}
	node, cidr, ok := strings.Cut(head, "=")
	if !ok {
		return fmt.Errorf("want NODE=CIDR, such as node1=10.244.1.0/24, got %q", head)
	}
	b := model.BlockSpec{Node: node}
	if err := errors.Join(model.SetText(&b.Prefix, cidr), setOption(&b.Gateway, options["gateway"]), setOption(&b.GatewayMAC, options["gateway-mac"])); err != nil {
		return err
	}
	s.Blocks = append(s.Blocks, b)
	return nil
}

// setOption sets a value from an option's text, if it was given.
func setOption(v encoding.TextUnmarshaler, texts []string) error {
	if texts == nil {
		return nil
	}
	return model.SetText(v, texts[0])
}

// cutOptions splits "head,key=value,key=value" and checks the keys.
func cutOptions(text string, known ...string) (head string, options map[string][]string, err error) {
	parts := strings.Split(text, ",")
	options = make(map[string][]string)
	for _, p := range parts[1:] {
		key, value, ok := strings.Cut(p, "=")
		if !ok || !slices.Contains(known, key) {
			return "", nil, fmt.Errorf("after the first comma want %s, got %q", strings.Join(known, "= or ")+"=", p)
		}
		options[key] = append(options[key], value)
	}
	return parts[0], options, nil
}

func networkColumns() []column[networkView] {
	return []column[networkView]{
		{header: "VNI", cell: func(v networkView) string { return number(v.status.VNI) }},
		{header: "MODE", cell: func(v networkView) string { return string(v.spec.Mode) }},
		{header: "SUBNETS", cell: func(v networkView) string {
			var cidrs []string
			for _, n := range v.spec.Subnets {
				cidrs = append(cidrs, n.Prefix.String())
			}
			return strings.Join(cidrs, ",")
		}},
		{header: "GATEWAY", cell: func(v networkView) string {
			var gateways []string
			for _, n := range v.spec.Subnets {
				if n.Gateway.IsValid() {
					gateways = append(gateways, n.Gateway.String())
				}
			}
			return strings.Join(gateways, ",")
		}},
		{header: "ROUTER", cell: func(v networkView) string { return v.status.Router }},
		{header: "PORTS", cell: func(v networkView) string { return fmt.Sprint(v.status.Ports) }},
		{header: "NODES", cell: func(v networkView) string { return fmt.Sprint(v.status.Nodes) }},
		{header: "MTU", wide: true, cell: func(v networkView) string { return number(v.spec.MTU) }},
		{header: "GATEWAY-MAC", wide: true, cell: func(v networkView) string { return v.status.GatewayMAC }},
		{header: "CONDITIONS", cell: func(v networkView) string { return conditionsText(v.status.Conditions) }},
	}
}

// floodText says how many packets a port of a network may send to all others.
func floodText(s *model.NetworkSpec) string {
	rate, burst, ok := s.Floods()
	switch {
	case !ok:
		return "off"
	case burst == rate:
		return fmt.Sprintf("%d packets/s from each port", rate)
	}
	return fmt.Sprintf("%d packets/s from each port, %d at once", rate, burst)
}

func networkDetails(v networkView) [][2]string {
	lines := conditionLines(v.now, v.status.Ready, v.status.Conditions)
	for _, n := range v.spec.Subnets {
		if len(n.Reserved) > 0 {
			var ranges []string
			for _, r := range n.Reserved {
				ranges = append(ranges, r.String())
			}
			lines = append(lines, [2]string{"reserved", strings.Join(ranges, ", ")})
		}
	}
	if v.spec.Mode == model.Segmented {
		lines = append(lines, [2]string{"sized for", fmt.Sprintf("%d containers per node, %d nodes", v.spec.ContainersPerNode, v.spec.MaxNodes)})
	}
	lines = append(lines, [2]string{"ports from nodes", yesNo(v.spec.PortsFromNodes)})
	lines = append(lines, [2]string{"host access", yesNo(v.spec.HostAccess)})
	if v.spec.Multicast != "" {
		lines = append(lines, [2]string{"multicast", string(v.spec.Multicast)}, [2]string{"flood limit", floodText(&v.spec)})
	}
	lines = append(lines, dhcpLines(&v.spec)...)
	lines = append(lines, dnsLines(v)...)
	return append(lines, blockLines(v.status.Blocks, func(b api.BlockStatus) string { return b.Node })...)
}
