package cli

import (
	"encoding"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/topology/model"
)

type floatingIPView = view[model.FloatingIPSpec, api.FloatingIPStatus]

func floatingIPKind() kindDef {
	columns := []column[floatingIPView]{
		{header: "ADDRESS", cell: func(v floatingIPView) string { return v.spec.Address.String() }},
		{header: "UPLINK", cell: func(v floatingIPView) string { return v.spec.Uplink }},
		{header: "TO", cell: func(v floatingIPView) string {
			if v.spec.Port != "" {
				return v.spec.Port
			}
			return listText(v.spec.Forwards, ",", model.FloatingForward.String)
		}},
		{header: "NODE", cell: func(v floatingIPView) string { return v.status.Node }},
		{header: "CONDITIONS", cell: func(v floatingIPView) string { return conditionsText(v.status.Conditions) }},
	}
	return kindDef{
		kind: api.KindFloatingIP,
		is:   "an address on the network of an uplink that leads to a port from outside, or several of its ports to several; the node of the port answers for it",
		flags: func(a *app, cmd *cobra.Command) specFlags {
			return addSpecFlags(a, cmd, []specFlag[model.FloatingIPSpec]{
				{name: "uplink", usage: "`uplink` of the type bridge, on whose network the address is", refers: api.KindUplink,
					set: func(s *model.FloatingIPSpec, text string, _ bool) error { s.Uplink = text; return nil }},
				valueFlag("address", "the `address`, one of the uplink's addresses that nobody else has", func(s *model.FloatingIPSpec) encoding.TextUnmarshaler { return &s.Address }),
				{name: "port", usage: "`port` that gets all that is sent to the address, and leaves with it", refers: api.KindPort, set: setFloatingPort},
				{name: "forward", usage: "port of the address and who gets it, as a `forward` such as tcp/443:web1 or tcp/443:web1:8443, instead of --port; may be repeated, or several separated by commas", many: true, set: setFloatingForwards},
			})
		},
		print: tablePrinter(columns),
		details: detailPrinter(columns, func(v floatingIPView) [][2]string {
			return append([][2]string{{"mac", v.status.MAC}}, conditionLines(v.now, v.status.Ready, v.status.Conditions)...)
		}),
		required: []string{"uplink", "address"},
		example:  "web --uplink ext --address 192.0.2.70 --port web1",
		change:   "web --forward tcp/443:web1:8443,udp/53:dns1",
		pin:      pinning(func(*model.FloatingIPSpec, api.FloatingIPStatus) error { return nil }),
	}
}

// setFloatingPort leads all of the address to a port.
func setFloatingPort(s *model.FloatingIPSpec, text string, _ bool) error {
	s.Port, s.Forwards = text, nil
	return nil
}

func setFloatingForwards(s *model.FloatingIPSpec, text string, first bool) error {
	if first {
		s.Port, s.Forwards = "", nil
	}
	for _, one := range strings.Split(text, ",") {
		if one == "" {
			continue
		}
		f, err := parseForward(one)
		if err != nil {
			return err
		}
		s.Forwards = append(s.Forwards, f)
	}
	return nil
}

// parseForward reads a forward such as tcp/443:web1:8443.
func parseForward(text string) (f model.FloatingForward, err error) {
	parts := strings.Split(text, ":")
	var from model.PolicyPort
	if len(parts) < 2 || len(parts) > 3 || from.UnmarshalText([]byte(parts[0])) != nil || from.Any || from.Name != "" || from.First != from.Last {
		return f, fmt.Errorf("%q is not a forward such as tcp/443:web1:8443", text)
	}
	f = model.FloatingForward{Protocol: from.Protocol, Port: from.First, To: parts[1]}
	if len(parts) == 3 {
		var target model.TargetPort
		if err := model.SetText(&target, parts[2]); err != nil || target.Name != "" {
			return f, fmt.Errorf("%q is not a number of a port in the forward %q", parts[2], text)
		}
		f.TargetPort = target.Number
	}
	return f, nil
}
