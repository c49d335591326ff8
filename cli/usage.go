package cli

import (
	"fmt"
	"strings"

	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// inheritedFlags is the part of cobra's usage template that repeats the flags of
// root under every command.
const inheritedFlags = `{{if .HasAvailableInheritedFlags}}

Global Flags:
{{.InheritedFlags.FlagUsages | trimTrailingWhitespaces}}{{end}}`

// seeOptions replaces inheritedFlags.
const seeOptions = `{{if .HasAvailableInheritedFlags}}

See 'sdnctl options' for the flags that all commands have.{{end}}`

// newOptionsCmd returns the command that lists the flags of inheritedFlags.
func newOptionsCmd() *cobra.Command {
	return &cobra.Command{
		Use:     "options",
		Short:   "List the flags that all commands have",
		Example: "  sdnctl options",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "These flags can be given to every command:\n\n%s", cmd.InheritedFlags().FlagUsages())
			return err
		},
		ValidArgsFunction: cobra.NoFileCompletions,
	}
}

// newHelpCmd returns a help command like that of cobra, which fails for a topic that does not
// exist.
func newHelpCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND | TOPIC]",
		Short: "Explain a command or a topic",
		Example: `  sdnctl help port create
  sdnctl help exit-codes`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			found, rest, err := cmd.Root().Find(args)
			if err != nil || len(rest) > 0 {
				text := fmt.Sprintf("there is no help about %q", strings.Join(args, " "))
				if near := cmd.Root().SuggestionsFor(args[0]); len(near) > 0 {
					text += ", did you mean " + strings.Join(near, " or ") + "?"
				}
				return usageErrorf("%s", text)
			}
			found.InitDefaultHelpFlag()
			return found.Help()
		},
		ValidArgsFunction: func(cmd *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
			found, rest, err := cmd.Root().Find(args)
			if err != nil || len(rest) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			var names []cobra.Completion
			for _, c := range found.Commands() {
				if c.IsAvailableCommand() || c.IsAdditionalHelpTopicCommand() {
					names = append(names, cobra.CompletionWithDesc(c.Name(), c.Short))
				}
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
	}
}

// flagError returns the text for an error of pflag, with the most similar flag.
func flagError(cmd *cobra.Command, err error) error {
	name, ok := strings.CutPrefix(err.Error(), "unknown flag: --")
	if !ok {
		return usageError{err}
	}
	var known []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if !f.Hidden {
			known = append(known, f.Name)
		}
	})
	if near := api.Nearest(name, known); near != "" {
		return usageErrorf("unknown flag --%s, did you mean --%s?", name, near)
	}
	return usageErrorf("unknown flag --%s", name)
}
