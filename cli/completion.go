package cli

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sdnctl/sdnctl/controller/api"
)

// completionTimeout is the longest time that the completion of a word waits for sdnd.
const completionTimeout = time.Second

func newCompletionCmd() *cobra.Command {
	shells := []string{"bash", "zsh", "fish"}
	return &cobra.Command{
		Use:   "completion {bash|zsh|fish}",
		Short: "Print a script that makes your shell complete commands and names",
		Long: `Print a script that makes your shell complete commands, flags, and the names of
existing objects.`,
		Example: `  source <(sdnctl completion bash)
  sdnctl completion zsh > "${fpath[1]}/_sdnctl"
  sdnctl completion fish > ~/.config/fish/completions/sdnctl.fish`,
		Args:      cobra.MatchAll(cobra.ExactArgs(1), cobra.OnlyValidArgs),
		ValidArgs: shells,
		RunE: func(cmd *cobra.Command, args []string) error {
			root, w := cmd.Root(), cmd.OutOrStdout()
			switch args[0] {
			case "bash":
				return bashCompletion(root, w)
			case "zsh":
				return root.GenZshCompletion(w)
			case "fish":
				return root.GenFishCompletion(w, true)
			}
			return fmt.Errorf("no completion for %s", args[0])
		},
	}
}

// bashCompletion writes cobra's script without the functions of the package
// bash-completion, which it needs otherwise: the words of the line are split at blanks.
func bashCompletion(root *cobra.Command, w io.Writer) error {
	const needs = `_get_comp_words_by_ref "$@" cur prev words cword`
	const own = `local line="${COMP_LINE:0:COMP_POINT}"
    read -ra words <<< "${line}"
    [[ ${line} == *[[:space:]] ]] && words+=("")
    cword=$((${#words[@]} - 1))
    cur="${words[cword]}"
    prev="${words[cword-1]:-}"`
	var script strings.Builder
	if err := root.GenBashCompletionV2(&script, true); err != nil {
		return err
	}
	_, err := io.WriteString(w, strings.ReplaceAll(script.String(), needs, own))
	return err
}

// completeNames completes with the names of a kind's objects, for up to limit
// arguments; 0 is for the value of a flag, and below 0 is no limit.
func (a *app) completeNames(kind api.Kind, limit int) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if limit > 0 && len(args) >= limit {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		names := a.objectNames(cmd.Context(), kind)
		if limit != 0 {
			names = slices.DeleteFunc(names, func(n string) bool { return slices.Contains(args, n) })
		}
		return names, cobra.ShellCompDirectiveNoFileComp
	}
}

// completeObjects completes with references to objects of all kinds, for up to
// limit arguments; 0 is for the value of a flag.
func (a *app) completeObjects(limit int) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, toComplete string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if limit > 0 && len(args) >= limit {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		var refs []cobra.Completion
		kind, _, named := strings.Cut(toComplete, "/")
		for _, k := range api.Kinds() {
			switch {
			case !named:
				refs = append(refs, k.Lower()+"/")
			case k.Lower() == kind:
				for _, name := range a.objectNames(cmd.Context(), k) {
					refs = append(refs, kind+"/"+name)
				}
			}
		}
		directive := cobra.ShellCompDirectiveNoFileComp
		if !named {
			directive |= cobra.ShellCompDirectiveNoSpace
		}
		return refs, directive
	}
}

// mustCompleteFunc gives a flag values for completion. The flag exists, so cobra cannot
// return an error.
func mustCompleteFunc(cmd *cobra.Command, flag string, f cobra.CompletionFunc) {
	if err := cmd.RegisterFlagCompletionFunc(flag, f); err != nil {
		panic(err)
	}
}
