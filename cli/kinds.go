package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/topology/model"
)

// A kindDef has what the commands need for one kind of object.
type kindDef struct {
	kind api.Kind
	// is describes an object of this kind, for help texts.
	is string
	// flags adds the flags of the spec's fields and returns them.
	flags func(a *app, cmd *cobra.Command) specFlags
	// print prints objects as a table; details prints one object as lines.
	print   func(o *output, now time.Time, objects []api.Object) error
	details func(o *output, now time.Time, object api.Object) error
	// more prints further output below the details of show; nil prints none.
	more func(ctx context.Context, a *app, client *api.Client, o *output, name string) error
	// required are the flags that create requires.
	required []string
	// optional is a flag whose field has a default, for help texts.
	optional string
	// example has the flags of a typical create, and change those of a typical set.
	example, change string
	// pin writes the values that were allocated for an object into its spec.
	pin func(o api.Object) (json.RawMessage, error)
	// verbs are commands that only this kind has.
	verbs func(a *app) []*cobra.Command
}

// name returns the kind as users type it.
func (k kindDef) name() string { return k.kind.Lower() }

// kinds returns the definition of every kind of object.
func kinds() []kindDef {
	all := model.ForEachKind(nodeKind(), networkKind(), uplinkKind(), routerKind(), portKind(), portGroupKind(), policyKind(), serviceKind(), floatingIPKind(), egressIPKind(), dnsRecordKind())
	return all.All()
}

func newKindCmds(a *app) []*cobra.Command {
	var cmds []*cobra.Command
	for _, k := range kinds() {
		cmds = append(cmds, newKindCmd(a, k))
	}
	return cmds
}

// aName returns the name with its indefinite article, such as "an uplink".
func (k kindDef) aName() string {
	if strings.ContainsRune("aeiou", rune(k.name()[0])) {
		return "an " + k.name()
	}
	return "a " + k.name()
}

// upperFirst returns text with its first letter, which must be ASCII, in upper case.
func upperFirst(text string) string { return strings.ToUpper(text[:1]) + text[1:] }

// newKindCmd returns the command of a kind, which has its verbs.
func newKindCmd(a *app, k kindDef) *cobra.Command {
	cmd := &cobra.Command{
		Use:     k.name(),
		Aliases: []string{k.kind.Plural()},
		Short:   fmt.Sprintf("Create, list, show, change and delete %s", k.kind.Plural()),
		Long:    fmt.Sprintf("%s is %s.", upperFirst(k.aName()), k.is),
		Example: fmt.Sprintf("  sdnctl %s create %s\n  sdnctl %[1]s list -o wide", k.name(), k.example),
		Args:    cobra.ArbitraryArgs,
		RunE:    runGroup,
	}
	cmd.AddCommand(newCreateCmd(a, k), newListCmd(a, k), newShowCmd(a, k), newSetCmd(a, k), newDeleteCmd(a, k))
	if k.verbs != nil {
		cmd.AddCommand(k.verbs(a)...)
	}
	return cmd
}

// A view is one decoded object.
type view[S, T any] struct {
	api.Object
	spec   S
	status T
	now    time.Time
}

// views decodes objects whose spec is an S and whose status is a T.
func views[S, T any](now time.Time, objects []api.Object) ([]view[S, T], error) {
	vs := make([]view[S, T], len(objects))
	for i, o := range objects {
		vs[i].Object, vs[i].now = o, now
		if err := json.Unmarshal(o.Spec, &vs[i].spec); err != nil {
			return nil, fmt.Errorf("%s: decode its spec: %w", o.Ref(), err)
		}
		if len(o.Status) == 0 {
			continue
		}
		if err := json.Unmarshal(o.Status, &vs[i].status); err != nil {
			return nil, fmt.Errorf("%s: decode its status: %w", o.Ref(), err)
		}
	}
	return vs, nil
}

// tablePrinter makes the print function of a kind from its columns.
func tablePrinter[S, T any](columns []column[view[S, T]]) func(*output, time.Time, []api.Object) error {
	return func(o *output, now time.Time, objects []api.Object) error {
		vs, err := views[S, T](now, objects)
		if err != nil {
			return err
		}
		all := []column[view[S, T]]{{header: "NAME", cell: func(v view[S, T]) string { return v.Name }}}
		all = append(all, columns...)
		all = append(all, column[view[S, T]]{header: "LABELS", wide: true, cell: func(v view[S, T]) string { return labelText(v.Labels) }})
		return printTable(o, all, vs)
	}
}

// conditionsText lists the reasons of conditions, for a table.
func conditionsText(all []api.Condition) string {
	reasons := make([]string, len(all))
	for i, c := range all {
		reasons[i] = c.Reason
	}
	return strings.Join(reasons, ",")
}

// conditionLines are the lines of details for the conditions of an object.
func conditionLines(now time.Time, ready bool, all []api.Condition) [][2]string {
	lines := [][2]string{{"ready", yesNo(ready)}}
	for _, c := range all {
		lines = append(lines,
			[2]string{c.Severity, fmt.Sprintf("%s, since %s: %s", c.Reason, age(now, c.Since), c.Message)},
			[2]string{"fix", c.Action})
	}
	return lines
}

// detailPrinter makes the details function of a kind: every column as a line, followed by
// the lines of extra.
func detailPrinter[S, T any](columns []column[view[S, T]], extra func(v view[S, T]) [][2]string) func(*output, time.Time, api.Object) error {
	return func(o *output, now time.Time, object api.Object) error {
		vs, err := views[S, T](now, []api.Object{object})
		if err != nil {
			return err
		}
		v := vs[0]
		lines := [][2]string{{"name", v.Name}, {"labels", labelText(v.Labels)}}
		for _, c := range columns {
			lines = append(lines, [2]string{strings.ToLower(c.header), c.cell(v)})
		}
		lines = append(lines, extra(v)...)
		if v.Meta != nil {
			lines = append(lines,
				[2]string{"created", fmt.Sprintf("revision %d, %s ago", v.Meta.Created, age(now, v.Meta.CreatedAt))},
				[2]string{"changed", fmt.Sprintf("revision %d", v.Meta.Revision)})
		}
		columns := []column[[2]string]{
			{cell: func(l [2]string) string { return l[0] + ":" }},
			{cell: func(l [2]string) string { return l[1] }},
		}
		plain := *o
		plain.noHeaders = true
		return printTable(&plain, columns, lines)
	}
}

// labelText writes labels as "a=b,c=d", sorted.
func labelText(labels map[string]string) string {
	var parts []string
	for _, k := range slices.Sorted(maps.Keys(labels)) {
		parts = append(parts, k+"="+labels[k])
	}
	return strings.Join(parts, ",")
}

// age returns the time since t, in its largest unit or two.
func age(now, t time.Time) string {
	d := max(now.Sub(t), 0)
	switch {
	case d < 2*time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	case d < 2*time.Hour:
		return fmt.Sprintf("%dm", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh", int(d.Hours()))
	}
	return fmt.Sprintf("%dd", int(d.Hours()/24))
}

// yesNo returns "yes" or "no".
func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// number returns n as text, "" for 0.
func number[N ~int | ~uint32 | ~uint64](n N) string {
	if n == 0 {
		return ""
	}
	return strconv.FormatUint(uint64(n), 10)
}

// blockLines are the lines of details for blocks; by returns the first cell of each.
func blockLines(blocks []api.BlockStatus, by func(api.BlockStatus) string) [][2]string {
	var lines [][2]string
	for _, b := range blocks {
		lines = append(lines, [2]string{"block of " + by(b), fmt.Sprintf("%s, gateway %s (%s)", b.CIDR, b.Gateway, b.GatewayMAC)})
	}
	return lines
}

// objectNames lists the names of a kind's objects for completion.
func (a *app) objectNames(ctx context.Context, kind api.Kind) []string {
	ctx, cancel := context.WithTimeout(ctx, completionTimeout)
	defer cancel()
	client, err := a.client()
	if err != nil {
		return nil
	}
	defer client.Close()
	list, err := client.Objects(ctx, kind, api.ListOptions{})
	if err != nil {
		return nil // a completing shell cannot show an error
	}
	names := make([]string, len(list.Items))
	for i, o := range list.Items {
		names[i] = o.Name
	}
	slices.SortFunc(names, cmp.Compare)
	return names
}
