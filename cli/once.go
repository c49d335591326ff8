package cli

import (
	"fmt"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// A repeated value takes each value that its flag is given, rather than the last one alone.
type repeated interface{ repeats() bool }

// repeats reports whether a flag may be given more than once. What it is given then is added up.
func repeats(f *pflag.Flag) bool {
	if _, ok := f.Value.(pflag.SliceValue); ok {
		return true
	}
	v, ok := f.Value.(repeated)
	return ok && v.repeats()
}

// A once refuses a second value that differs from the first: of a flag that has one value, the first one
// would be ignored without a word.
type once struct {
	pflag.Value
	given []string
}

// Set takes the value.
func (o *once) Set(text string) error {
	if len(o.given) > 0 && o.given[0] != text {
		fix := "leave one out"
		if v, ok := o.Value.(interface{ severalBy() string }); ok && v.severalBy() != "" {
			fix = "for several use --" + v.severalBy()
		}
		return fmt.Errorf("it was given as %q already, and takes one value: %s", o.given[0], fix)
	}
	o.given = []string{text}
	return o.Value.Set(text)
}

// onlyOnce has the flags of a command that have one value refuse a second one. The last one of --output counts,
// as an alias may give the first.
func onlyOnce(cmd *cobra.Command) {
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if repeats(f) || f.Name == "output" {
			return
		}
		if f.Value.Type() == "duration" && f.DefValue == "0s" {
			f.DefValue = "0" // pflag's usage shows no zero, and knows that of its own type alone
		}
		f.Value = &once{Value: f.Value}
	})
}
