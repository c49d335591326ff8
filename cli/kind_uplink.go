package cli

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/topology/model"
)

type uplinkView = view[model.UplinkSpec, api.UplinkStatus]

func uplinkKind() kindDef {
	columns := []column[uplinkView]{
		{header: "TYPE", cell: func(v uplinkView) string { return string(v.spec.Type) }},
		{header: "RANGES", cell: func(v uplinkView) string { return prefixesText(v.spec.Ranges) }},
		{header: "ROUTERS", cell: func(v uplinkView) string { return fmt.Sprint(v.status.Routers) }},
	}
	return kindDef{
		kind: api.KindUplink,
		is:   "a way out of the networks for packets of routers, for example to the internet. Nodes have it if they joined with 'sdnctl node join --uplink host'",
		flags: func(a *app, cmd *cobra.Command) specFlags {
			return addSpecFlags(a, cmd, []specFlag[model.UplinkSpec]{
				{name: "type", usage: "`how` packets leave a node: host (the default), by the node's own kernel", fixed: []string{string(model.UplinkHost)},
					set: func(s *model.UplinkSpec, text string, _ bool) error { return s.Type.UnmarshalText([]byte(text)) }},
				{name: "range", usage: "addresses between a node's Open vSwitch and its kernel, as a `prefix`; may be repeated, once for each family", many: true, set: setUplinkRange},
			})
		},
		print:    tablePrinter(columns),
		details:  detailPrinter(columns, func(uplinkView) [][2]string { return nil }),
		optional: "range",
		example:  "wan",
		change:   "wan --range 198.19.0.0/16",
		pin:      pinning(func(*model.UplinkSpec, api.UplinkStatus) error { return nil }),
	}
}

func setUplinkRange(s *model.UplinkSpec, text string, first bool) error {
	if first {
		s.Ranges = nil
	}
	for _, one := range strings.Split(text, ",") {
		if one == "" {
			continue
		}
		p, err := netip.ParsePrefix(one)
		if err != nil {
			return fmt.Errorf("%q is not a range of addresses such as 198.18.0.0/16", one)
		}
		s.Ranges = append(s.Ranges, p)
	}
	return nil
}

// prefixesText lists prefixes, for a table.
func prefixesText(all []netip.Prefix) string {
	text := make([]string, len(all))
	for i, p := range all {
		text[i] = p.String()
	}
	return strings.Join(text, ",")
}
