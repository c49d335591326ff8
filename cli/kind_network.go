package cli

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sdnctl/sdnctl/controller/api"
)

type networkView = view[api.NetworkSpec, api.NetworkStatus]

func networkKind() kindDef {
	columns := networkColumns()
	return kindDef{
		kind: api.KindNetwork,
		is:   "a VXLAN network identifier with the addresses its ports use, either stretched over all nodes or cut into a block per node",
		flags: func(a *app, cmd *cobra.Command) specFlags {
			return addSpecFlags(a, cmd, networkFlags())
		},
		print:    tablePrinter(columns),
		details:  detailPrinter(columns, networkDetails),
		optional: "mtu",
		example:  "blue --cidr 10.0.0.0/24",
		change:   "blue --mtu 1400",
		pin:      pinning(pinNetwork),
	}
}

func networkFlags() []specFlag[api.NetworkSpec] {
	type spec = api.NetworkSpec
	mode := textFlag("mode", "`mode`: stretched (one layer-2 domain over all nodes) or segmented (a block of addresses per node, routed) (default stretched)", func(s *spec) *string { return &s.Mode })
	mode.fixed = []string{api.ModeStretched, api.ModeSegmented}
	return []specFlag[spec]{
		{name: "cidr", usage: "`range` of the network's addresses, such as 10.0.0.0/24", set: setCIDR},
		{name: "gateway", usage: "`address` of the gateway (default: the first of the range)", set: setGateway},
		{name: "reserve", usage: "`addresses` that ports never get, such as 10.0.0.1-10.0.0.9 or 10.0.0.20; may be repeated", many: true, set: setReserved},
		{name: "subnet", usage: "one of several ranges, as `CIDR[,gateway=IP][,reserve=IPS]...`; may be repeated, instead of --cidr", many: true, set: setSubnet},
		{name: "vni", usage: "VXLAN network `identifier`, 1 to 16777215 (default: allocated)", set: setVNI},
		mode,
		intFlag("containers-per-node", "segmented only: how `many` containers a node's block must hold", func(s *spec) *int { return &s.ContainersPerNode }),
		intFlag("max-nodes", "segmented only: how `many` nodes must get a block", func(s *spec) *int { return &s.MaxNodes }),
		{name: "block", usage: "segmented only: a certain block for a node, as `NODE=CIDR[,gateway=IP][,gateway-mac=MAC]`; may be repeated", many: true, set: setBlock},
		intFlag("mtu", "MTU of the containers' interfaces in `bytes` (default 1450)", func(s *spec) *int { return &s.MTU }),
		boolFlag("ports-from-nodes", "whether nodes may make ports of their own in the network, as 'sdnctl attach' does: `true` or false (default false)", func(s *spec) *bool { return &s.PortsFromNodes }),
		textFlag("gateway-mac", "`MAC` of the gateway (default: derived from the VNI)", func(s *spec) *string { return &s.GatewayMAC }),
	}
}

func setVNI(s *api.NetworkSpec, text string, _ bool) error {
	s.VNI = nil
	if text == "" {
		return nil
	}
	n, err := wholeNumber(text)
	s.VNI = &n
	return err
}

func setCIDR(s *api.NetworkSpec, text string, _ bool) error {
	if len(s.Subnets) > 1 {
		return errors.New("the network has several subnets; give them all with --subnet")
	}
	if len(s.Subnets) == 0 || s.Subnets[0].CIDR != text {
		s.Subnets = []api.Subnet{{CIDR: text}}
	}
	return nil
}

// only returns the one subnet that --gateway and --reserve are about.
func only(s *api.NetworkSpec) (*api.Subnet, error) {
	if len(s.Subnets) > 1 {
		return nil, errors.New("the network has several subnets; give them all with --subnet")
	}
	if len(s.Subnets) == 0 {
		s.Subnets = []api.Subnet{{}}
	}
	return &s.Subnets[0], nil
}

func setGateway(s *api.NetworkSpec, text string, _ bool) error {
	n, err := only(s)
	if err == nil {
		n.Gateway = text
	}
	return err
}

func setReserved(s *api.NetworkSpec, text string, first bool) error {
	n, err := only(s)
	if err != nil {
		return err
	}
	if first {
		n.Reserved = nil
	}
	for _, r := range strings.Split(text, ",") {
		if r != "" {
			n.Reserved = append(n.Reserved, r)
		}
	}
	return nil
}

func setSubnet(s *api.NetworkSpec, text string, first bool) error {
	if first {
		s.Subnets = nil
	}
	cidr, options, err := cutOptions(text, "gateway", "reserve")
	if err != nil {
		return err
	}
	n := api.Subnet{CIDR: cidr, Reserved: options["reserve"]}
	if g := options["gateway"]; g != nil {
		n.Gateway = g[0]
	}
	s.Subnets = append(s.Subnets, n)
	return nil
}

func setBlock(s *api.NetworkSpec, text string, first bool) error {
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
	b := api.BlockSpec{Node: node, CIDR: cidr}
	if g := options["gateway"]; g != nil {
		b.Gateway = g[0]
	}
	if m := options["gateway-mac"]; m != nil {
		b.GatewayMAC = m[0]
	}
	s.Blocks = append(s.Blocks, b)
	return nil
}

// cutOptions cuts "head,key=value,key=value" and knows which keys there are.
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
		{header: "MODE", cell: func(v networkView) string { return v.spec.Mode }},
		{header: "SUBNETS", cell: func(v networkView) string {
			var cidrs []string
			for _, n := range v.spec.Subnets {
				cidrs = append(cidrs, n.CIDR)
			}
			return strings.Join(cidrs, ",")
		}},
		{header: "GATEWAY", cell: func(v networkView) string {
			var gateways []string
			for _, n := range v.spec.Subnets {
				if n.Gateway != "" {
					gateways = append(gateways, n.Gateway)
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

func networkDetails(v networkView) [][2]string {
	lines := conditionLines(v.now, v.status.Ready, v.status.Conditions)
	for _, n := range v.spec.Subnets {
		if len(n.Reserved) > 0 {
			lines = append(lines, [2]string{"reserved", strings.Join(n.Reserved, ", ")})
		}
	}
	if v.spec.Mode == api.ModeSegmented {
		lines = append(lines, [2]string{"sized for", fmt.Sprintf("%d containers per node, %d nodes", v.spec.ContainersPerNode, v.spec.MaxNodes)})
	}
	lines = append(lines, [2]string{"ports from nodes", yesNo(v.spec.PortsFromNodes)})
	return append(lines, blockLines(v.status.Blocks, func(b api.BlockStatus) string { return b.Node })...)
}
