package cli

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/topology/model"
)

type routerView = view[model.RouterSpec, api.RouterStatus]

func routerKind() kindDef {
	columns := []column[routerView]{
		{header: "NETWORKS", cell: func(v routerView) string { return strings.Join(v.spec.Networks, ",") }},
		{header: "EGRESS", wide: true, cell: func(v routerView) string {
			if v.spec.Egress == nil {
				return ""
			}
			return v.spec.Egress.Uplink
		}},
		{header: "ROUTES", wide: true, cell: func(v routerView) string { return listText(v.spec.Routes, " ", model.Route.String) }},
		{header: "CONDITIONS", cell: func(v routerView) string { return conditionsText(v.status.Conditions) }},
		{header: "ID", wide: true, cell: func(v routerView) string { return number(v.status.ID) }},
	}
	return kindDef{
		kind: api.KindRouter,
		is:   "a distributed router that connects networks, so that each can reach the addresses of the others",
		flags: func(a *app, cmd *cobra.Command) specFlags {
			return addSpecFlags(a, cmd, []specFlag[model.RouterSpec]{{
				name: "egress", usage: "`uplink` by which packets leave that are for none of its networks; '' for none",
				refers: api.KindUplink, set: setRouterEgress,
			}, {
				name: "network", usage: "`network` that it joins; may be repeated, or several separated by commas",
				many: true, refers: api.KindNetwork,
				set: func(s *model.RouterSpec, text string, first bool) error {
					if first {
						s.Networks = nil
					}
					for _, n := range strings.Split(text, ",") {
						if n != "" {
							s.Networks = append(s.Networks, n)
						}
					}
					return nil
				},
			}, {
				name: "route", usage: "static `route` DESTINATION=NEXTHOP[,NEXTHOP...], such as 10.51.0.0/24=10.0.0.2,10.0.0.3 or 0.0.0.0/0=10.0.0.2; may be repeated; '' for none",
				many: true, set: setRouterRoute,
			}})
		},
		print:    tablePrinter(columns),
		details:  detailPrinter(columns, func(routerView) [][2]string { return nil }),
		required: []string{"network"},
		optional: "network",
		example:  "main --network blue,green",
		change:   "main --network blue,green,red",
		pin:      pinning(func(*model.RouterSpec, api.RouterStatus) error { return nil }),
	}
}

func setRouterEgress(s *model.RouterSpec, text string, _ bool) error {
	s.Egress = nil
	if text != "" {
		s.Egress = &model.RouterEgress{Uplink: text}
	}
	return nil
}

func setRouterRoute(s *model.RouterSpec, text string, first bool) error {
	if first {
		s.Routes = nil
	}
	if text == "" {
		return nil
	}
	r, err := model.ParseRoute(text)
	if err != nil {
		return err
	}
	s.Routes = append(s.Routes, r)
	return nil
}
