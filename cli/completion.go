package cli

import (
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/sdnctl/sdnctl/controller/api"
)

// completionTimeout bounds how long a Tab may take when sdnd is slow.
const completionTimeout = time.Second

func newCompletionCmd() *cobra.Command {
	shells := []string{"bash", "zsh", "fish"}
	return &cobra.Command{
		Use:   "completion {bash|zsh|fish}",
		Short: "Print a script that makes your shell complete commands and names",
		Long: `Print a script that makes your shell complete commands, flags, and the names of
objects as sdnd has them at that moment.`,
		Example: `  source <(sdnctl completion bash)
  sdnctl completion zsh > "${fpath[1]}/_sdnctl"
  sdnctl completion fish > ~/.config/fish/completions/sdnctl.fish`,
		Args:      cobra.MatchAll(cobra.ExactArgs(1), cobra.OnlyValidArgs),
		ValidArgs: shells,
		RunE: func(cmd *cobra.Command, args []string) error {
			root, w := cmd.Root(), cmd.OutOrStdout()
			switch args[0] {
			case "bash":
				return root.GenBashCompletionV2(w, true)
			case "zsh":
				return root.GenZshCompletion(w)
			case "fish":
				return root.GenFishCompletion(w, true)
			}
			return fmt.Errorf("no completion for %s", args[0])
		},
	}
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

// mustCompleteFunc gives a flag values to complete. The flag exists, so
// cobra's error cannot happen.
func mustCompleteFunc(cmd *cobra.Command, flag string, f cobra.CompletionFunc) {
	if err := cmd.RegisterFlagCompletionFunc(flag, f); err != nil {
		panic(err)
	}
}
