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
			if v.spec.RoutesIPv6() {
				return v.spec.Egress.Uplink + " (IPv6 routed)"
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
				name: "egress-ipv6", usage: "`way` in which IPv6 leaves: translated (the default), with the node's address; or routed, with the ports' own addresses, by a bridge uplink", fixed: []string{string(model.IPv6Translated), string(model.IPv6Routed)},
				set: setRouterIPv6,
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
	if text == "" {
		s.Egress = nil
		return nil
	}
	egress := model.RouterEgress{Uplink: text}
	if s.Egress != nil {
		egress.IPv6 = s.Egress.IPv6
	}
	s.Egress = &egress
	return nil
}

// setRouterIPv6 may come before the name of the uplink is given.
func setRouterIPv6(s *model.RouterSpec, text string, _ bool) error {
	var way model.IPv6Egress
	if err := way.UnmarshalText([]byte(text)); err != nil {
		return err
	}
	egress := model.RouterEgress{}
	if s.Egress != nil {
		egress = *s.Egress
	}
	egress.IPv6 = way
	s.Egress = &egress
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
