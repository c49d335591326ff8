package cli

import (
	"context"
	"fmt"
	"slices"

	"github.com/sdnctl/sdnctl/controller/api"
)

func (o *flowsOptions) listGroups(ctx context.Context, client *api.Client, node string) error {
	list, err := client.Groups(ctx, node)
	if err != nil {
		return err
	}
	all := len(list.Groups)
	list.Groups = slices.DeleteFunc(list.Groups, func(g api.Group) bool { return !o.matches(g.Object, g.Installed) })
	if !o.output.table() {
		return o.output.data(list)
	}
	if err := printTable(&o.output, groupColumns(), list.Groups); err != nil {
		return err
	}
	countInstalled(o, "groups", all, list.Groups, func(g api.Group) string { return g.Installed })
	return nil
}

func (o *flowsOptions) listMeters(ctx context.Context, client *api.Client, node string) error {
	list, err := client.Meters(ctx, node)
	if err != nil {
		return err
	}
	all := len(list.Meters)
	list.Meters = slices.DeleteFunc(list.Meters, func(m api.Meter) bool { return !o.matches(m.Object, m.Installed) })
	if !o.output.table() {
		return o.output.data(list)
	}
	if err := printTable(&o.output, meterColumns(), list.Meters); err != nil {
		return err
	}
	countInstalled(o, "meters", all, list.Meters, func(m api.Meter) string { return m.Installed })
	return nil
}

func groupColumns() []column[api.Group] {
	return []column[api.Group]{
		{header: "ID", cell: func(g api.Group) string { return fmt.Sprint(g.ID) }},
		{header: "INSTALLED", cell: func(g api.Group) string { return g.Installed }},
		{header: "FLOWS", cell: func(g api.Group) string { return fmt.Sprint(g.Flows) }},
		{header: "PACKETS", cell: func(g api.Group) string { return fmt.Sprint(g.Packets) }},
		{header: "BYTES", wide: true, cell: func(g api.Group) string { return fmt.Sprint(g.Bytes) }},
		{header: "GROUP", wide: true, cell: func(g api.Group) string { return g.Group }},
		{header: "OBJECT", cell: func(g api.Group) string { return g.Object }},
		{header: "WHY", cell: func(g api.Group) string { return g.Why }},
	}
}

func meterColumns() []column[api.Meter] {
	return []column[api.Meter]{
		{header: "ID", cell: func(m api.Meter) string { return fmt.Sprint(m.ID) }},
		{header: "INSTALLED", cell: func(m api.Meter) string { return m.Installed }},
		{header: "FLOWS", cell: func(m api.Meter) string { return fmt.Sprint(m.Flows) }},
		{header: "PACKETS", cell: func(m api.Meter) string { return fmt.Sprint(m.Packets) }},
		{header: "BYTES", wide: true, cell: func(m api.Meter) string { return fmt.Sprint(m.Bytes) }},
		{header: "EXCEEDED", cell: func(m api.Meter) string { return fmt.Sprint(m.Exceeded) }},
		{header: "METER", wide: true, cell: func(m api.Meter) string { return m.Meter }},
		{header: "OBJECT", cell: func(m api.Meter) string { return m.Object }},
		{header: "WHY", cell: func(m api.Meter) string { return m.Why }},
	}
}
