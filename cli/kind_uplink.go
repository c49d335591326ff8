package cli

import (
	"encoding"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/topology/model"
)

type uplinkView = view[model.UplinkSpec, api.UplinkStatus]

func uplinkKind() kindDef {
	columns := []column[uplinkView]{
		{header: "TYPE", cell: func(v uplinkView) string { return string(v.spec.Type) }},
		{header: "RANGES", cell: func(v uplinkView) string {
			return prefixesText(append(slices.Clone(v.spec.Ranges), v.spec.Addresses...))
		}},
		{header: "ROUTERS", cell: func(v uplinkView) string { return fmt.Sprint(v.status.Routers) }},
		{header: "BRIDGE", wide: true, cell: func(v uplinkView) string { return v.spec.Bridge }},
	}
	return kindDef{
		kind: api.KindUplink,
		is:   "a way out of the networks for packets of routers, for example to the internet. Nodes have it if they joined with 'sdnctl node join --uplink host', or --uplink bridge:NAME",
		flags: func(a *app, cmd *cobra.Command) specFlags {
			return addSpecFlags(a, cmd, []specFlag[model.UplinkSpec]{
				{name: "type", usage: "`type` of the way out: host (the default), by the node's own kernel; or bridge, by a bridge of its Open vSwitch", fixed: []string{string(model.UplinkHost), string(model.UplinkBridge)},
					set: func(s *model.UplinkSpec, text string, _ bool) error { return s.Type.UnmarshalText([]byte(text)) }},
				{name: "range", usage: "addresses between a node's Open vSwitch and its kernel, as a `prefix`; may be repeated, once for each family", many: true, set: setUplinkRange},
				{name: "bridge", usage: "`name` of the bridge on every node; of the type bridge", set: func(s *model.UplinkSpec, text string, _ bool) error { s.Bridge = text; return nil }},
				valueFlag("subnet", "addresses of the network that the bridge is part of, as a `prefix`; of the type bridge", func(s *model.UplinkSpec) encoding.TextUnmarshaler { return &s.Subnet }),
				valueFlag("gateway", "`address` of the router of that network; of the type bridge", func(s *model.UplinkSpec) encoding.TextUnmarshaler { return &s.Gateway }),
				valueFlag("subnet6", "IPv6 addresses of that network, as a `prefix`; of the type bridge", func(s *model.UplinkSpec) encoding.TextUnmarshaler { return &s.Subnet6 }),
				valueFlag("gateway6", "`address` of its IPv6 router, which may be link-local; of the type bridge", func(s *model.UplinkSpec) encoding.TextUnmarshaler { return &s.Gateway6 }),
				{name: "address", usage: "part of the subnets that no other machine uses, for the addresses of nodes, as a `prefix`; may be repeated; of the type bridge", many: true, set: setUplinkAddress},
			})
		},
		print:    tablePrinter(columns),
		details:  detailPrinter(columns, uplinkDetails),
		optional: "range",
		example:  "wan",
		change:   "wan --range 198.19.0.0/16",
		pin:      pinning(func(*model.UplinkSpec, api.UplinkStatus) error { return nil }),
	}
}

func setUplinkRange(s *model.UplinkSpec, text string, first bool) error {
	return setPrefixes(&s.Ranges, text, first)
}

func setUplinkAddress(s *model.UplinkSpec, text string, first bool) error {
	return setPrefixes(&s.Addresses, text, first)
}

func setPrefixes(all *[]netip.Prefix, text string, first bool) error {
	if first {
		*all = nil
	}
	for _, one := range strings.Split(text, ",") {
		if one == "" {
			continue
		}
		p, err := netip.ParsePrefix(one)
		if err != nil {
			return fmt.Errorf("%q is not a range of addresses such as 198.18.0.0/16", one)
		}
		*all = append(*all, p)
	}
	return nil
}

func uplinkDetails(v uplinkView) [][2]string {
	if v.spec.Type != model.UplinkBridge {
		return nil
	}
	var all [][2]string
	for i, f := range model.Families() {
		if subnet, ok := v.spec.SubnetOf(f); ok {
			gateway, _ := v.spec.GatewayOf(f)
			all = append(all, [2]string{[...]string{"subnet", "subnet6"}[i], subnet.String()}, [2]string{[...]string{"gateway", "gateway6"}[i], valueText(gateway)})
		}
	}
	return all
}

// prefixesText lists prefixes, for a table.
func prefixesText(all []netip.Prefix) string {
	text := make([]string, len(all))
	for i, p := range all {
		text[i] = p.String()
	}
	return strings.Join(text, ",")
}
