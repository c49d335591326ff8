package cli

import (
	"encoding/json"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// The formats of -o.
const (
	formatTable = "table"
	formatWide  = "wide"
	formatJSON  = "json"
	formatYAML  = "yaml"
)

func formats() []string { return []string{formatTable, formatWide, formatJSON, formatYAML} }

// output is the destination and format of a command's data.
type output struct {
	w         io.Writer
	format    string
	noHeaders bool
	// width is how many characters a line of the terminal has, 0 if Out is none.
	width int
}

// flags adds -o and --no-headers to a command that prints data.
func (o *output) flags(a *app, cmd *cobra.Command) {
	cmd.Flags().StringVarP(&o.format, "output", "o", formatTable, "`format` of the output: table, wide, json or yaml")
	cmd.Flags().BoolVar(&o.noHeaders, "no-headers", false, "leave out the first line of a table")
	mustComplete(cmd, "output", formats()...)
	before := cmd.PreRunE
	cmd.PreRunE = func(cmd *cobra.Command, args []string) error {
		o.w, o.width = cmd.OutOrStdout(), a.env.width()
		if !slices.Contains(formats(), o.format) {
			hint := ""
			if word, _, _ := strings.Cut(o.format, "="); strings.HasPrefix(word, "jsonpath") || strings.HasPrefix(word, "go-template") || word == "custom-columns" {
				hint = "; to pick fields, use -o json and jq, as 'sdnctl help output' shows"
			}
			return usageErrorf("-o %s: want one of %s%s", o.format, strings.Join(formats(), ", "), hint)
		}
		if before != nil {
			return before(cmd, args)
		}
		return nil
	}
}

// mustComplete gives a flag fixed values for completion. The flag exists, so cobra cannot
// return an error.
func mustComplete(cmd *cobra.Command, flag string, values ...string) {
	if err := cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp)); err != nil {
		panic(err)
	}
}

// table reports whether the output is a table.
func (o *output) table() bool { return o.format == formatTable || o.format == formatWide }

// data prints v, an API type, as JSON or YAML.
func (o *output) data(v any) error {
	if o.format == formatYAML {
		return writeYAML(o.w, v)
	}
	enc := json.NewEncoder(o.w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}
