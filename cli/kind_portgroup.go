package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/topology/model"
)

type portGroupView = view[model.PortGroupSpec, api.PortGroupStatus]

func portGroupKind() kindDef {
	columns := []column[portGroupView]{
		{header: "PORTS", cell: func(v portGroupView) string { return fmt.Sprint(v.status.Count) }},
		{header: "SELECTOR", cell: func(v portGroupView) string {
			if v.spec.Selector == nil {
				return ""
			}
			if text := v.spec.Selector.String(); text != "" {
				return text
			}
			return "*"
		}},
	}
	return kindDef{
		kind: api.KindPortGroup,
		is:   "a named set of ports: those that a label selector picks, also when they come later, or those that are listed",
		flags: func(a *app, cmd *cobra.Command) specFlags {
			return addSpecFlags(a, cmd, []specFlag[model.PortGroupSpec]{
				{name: "match", usage: "labels that pick the ports, as a `selector` such as app=web,tier!=test; '*' picks all", set: setGroupSelector},
				{name: "port", usage: "`port` of the group, instead of a selector; may be repeated, or several separated by commas", many: true, refers: api.KindPort, set: setGroupPorts},
			})
		},
		print:    tablePrinter(columns),
		details:  detailPrinter(columns, portGroupDetails),
		optional: "match",
		example:  "web --match app=web",
		change:   "web --match app=web,tier=front",
		pin:      pinning(func(*model.PortGroupSpec, api.PortGroupStatus) error { return nil }),
	}
}

func setGroupSelector(s *model.PortGroupSpec, text string, _ bool) error {
	s.Selector = nil
	if text == "" {
		return nil
	}
	selector, err := model.ParseSelector(strings.TrimPrefix(text, "*"))
	s.Selector, s.Ports = &selector, nil
	return err
}

func setGroupPorts(s *model.PortGroupSpec, text string, first bool) error {
	if first {
		s.Selector, s.Ports = nil, nil
	}
	for _, p := range strings.Split(text, ",") {
		if p != "" {
			s.Ports = append(s.Ports, p)
		}
	}
	return nil
}

func portGroupDetails(v portGroupView) [][2]string {
	lines := [][2]string{{"members", strings.Join(v.status.Ports, ", ")}}
	if v.status.Continue != "" {
		lines = append(lines, [2]string{"more", "sdnctl port list --group " + v.Name})
	}
	return lines
}
