package cli

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/topology/model"
)

type egressIPView = view[model.EgressIPSpec, api.EgressIPStatus]

func egressIPKind() kindDef {
	columns := []column[egressIPView]{
		{header: "ADDRESSES", cell: func(v egressIPView) string { return listText(v.spec.Addresses, ",", netip.Addr.String) }},
		{header: "UPLINK", cell: func(v egressIPView) string { return v.spec.Uplink }},
		{header: "PORTS", cell: func(v egressIPView) string { return selectionText(v.spec.Ports) }},
		{header: "NODES", cell: func(v egressIPView) string { return strings.Join(v.spec.Nodes, ",") }},
		{header: "NODE", cell: func(v egressIPView) string { return v.status.Node }},
		{header: "CONDITIONS", cell: func(v egressIPView) string { return conditionsText(v.status.Conditions) }},
	}
	return kindDef{
		kind: api.KindEgressIP,
		is:   "addresses on the network of an uplink with which selected ports leave, by the first of several nodes that is reached",
		flags: func(a *app, cmd *cobra.Command) specFlags {
			return addSpecFlags(a, cmd, []specFlag[model.EgressIPSpec]{
				{name: "uplink", usage: "`uplink` of the type bridge, on whose network the addresses are", refers: api.KindUplink,
					set: func(s *model.EgressIPSpec, text string, _ bool) error { s.Uplink = text; return nil }},
				{name: "address", usage: "`address` of the uplink that nobody else has; may be repeated, or several separated by commas: each port leaves with one of them of each family", many: true, set: func(s *model.EgressIPSpec, text string, first bool) error {
					return setAddresses(&s.Addresses, text, first)
				}},
				{name: "ports", usage: "ports that leave with the addresses, as a `selector` such as app=crawler; '*' for all, group:NAME or network:NAME",
					set: func(s *model.EgressIPSpec, text string, _ bool) (err error) {
						s.Ports, err = parseSelection(text)
						return err
					}},
				{name: "node", usage: "`node` by which they leave; may be repeated, or several separated by commas, the preferred one first", many: true, refers: api.KindNode,
					set: func(s *model.EgressIPSpec, text string, first bool) error { return setNames(&s.Nodes, text, first) }},
			})
		},
		print:    tablePrinter(columns),
		details:  detailPrinter(columns, egressDetails),
		required: []string{"uplink", "address", "ports", "node"},
		example:  "crawlers --uplink ext --address 192.0.2.80 --ports app=crawler --node node1,node2",
		change:   "crawlers --node node2,node1",
		pin:      pinning(func(*model.EgressIPSpec, api.EgressIPStatus) error { return nil }),
	}
}

func egressDetails(v egressIPView) (lines [][2]string) {
	lines = append(lines, [2]string{"ports that leave with it", fmt.Sprint(v.status.PortCount)}, [2]string{"macs", strings.Join(v.status.MACs, ", ")})
	for _, g := range v.status.Gateways {
		state := "stands by"
		switch {
		case !g.Reached:
			state = "is not reached"
		case !g.Bridge:
			state = "has no port to the uplink's bridge"
		case g.Node == v.status.Node:
			state = "has the addresses"
		}
		lines = append(lines, [2]string{"node " + g.Node, state})
	}
	return append(lines, conditionLines(v.now, v.status.Ready, v.status.Conditions)...)
}
