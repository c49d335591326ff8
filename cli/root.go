package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sdnctl/sdnctl/controller/api"
)

// Run runs one sdnctl command line (without the program's name) and returns the exit code.
// Errors have then been printed to env.Err.
func Run(ctx context.Context, env Env, args []string) int {
	binary := env.Out
	env.Out, env.Err = &printable{w: env.Out}, &printable{w: env.Err}
	a := &app{env: env, binary: binary}
	root := newRootCmd(a)
	root.SetArgs(translate(args))
	root.SetIn(env.In)
	root.SetOut(env.Out)
	root.SetErr(env.Err)
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil || errors.Is(err, errDifferent) || errors.Is(err, errNotReady) {
		return exitCode(err)
	}
	if !a.started { // an error that cobra found before it ran a command
		err = usageError{err}
	}
	fmt.Fprintf(env.Err, "sdnctl: %s\n", explain(err))
	if exitCode(err) == ExitUsage {
		fmt.Fprintf(env.Err, "\nUsage:\n  %s\n\nSee '%s --help'.\n", cmd.UseLine(), cmd.CommandPath())
	}
	return exitCode(err)
}

// app has what the commands of one invocation share.
type app struct {
	env Env
	// binary is standard output for binary data.
	binary io.Writer
	host   string
	// proof has the user's credentials for TCP.
	proof proofFlags
	// started is set once the command line has been parsed.
	started bool
}

// client makes a client of the daemon that --host or SDNCTL_HOST names.
func (a *app) client() (*api.Client, error) {
	host := a.host
	if host == "" {
		host = a.env.Getenv("SDNCTL_HOST")
	}
	if strings.HasPrefix(host, "/") { // a socket's path says enough
		host = "unix://" + host
	}
	options := api.ClientOptions{Author: a.env.Author()}
	if err := a.proof.clientOptions(a.env.Getenv, host, &options); err != nil {
		return nil, err
	}
	c, err := api.NewClient(host, options)
	if err != nil {
		return nil, usageError{err}
	}
	return c, nil
}

// note prints a message about the data to the user.
func (a *app) note(format string, args ...any) {
	fmt.Fprintf(a.env.Err, format+"\n", args...)
}

// The groups under which "sdnctl --help" lists commands.
const (
	groupObjects = "objects"
	groupWhole   = "whole"
	groupLook    = "look"
	groupMachine = "machine"
	groupOther   = "other"
)

func newRootCmd(a *app) *cobra.Command {
	root := &cobra.Command{
		Use:   "sdnctl",
		Short: "Manage virtual networks on Open vSwitch",
		Long: `sdnctl is the client of sdnd, an OpenFlow controller for Open vSwitch. It declares
nodes, networks, routers, ports, port groups, policies, services and uplinks, and
shows their state.`,
		Example: `  sdnctl apply -f topology.yaml --wait
  sdnctl port create web1 --network blue
  sdnctl status`,
		Version:           a.env.Version,
		SilenceErrors:     true,
		SilenceUsage:      true,
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
		Args:              cobra.ArbitraryArgs,
		RunE:              runGroup,
	}
	root.PersistentFlags().StringVar(&a.host, "host", "", "`address` of sdnd: unix:///path or https://host:port (default $SDNCTL_HOST, else "+api.DefaultHost+")")
	a.proof.add(root)
	root.SetFlagErrorFunc(flagError)
	root.SetHelpCommand(newHelpCmd())
	// Every command has the flags of root; "sdnctl options" lists them once.
	root.SetUsageTemplate(strings.Replace(root.UsageTemplate(), inheritedFlags, seeOptions, 1))
	root.AddGroup(
		&cobra.Group{ID: groupWhole, Title: "Topology:"},
		&cobra.Group{ID: groupObjects, Title: "Objects:"},
		&cobra.Group{ID: groupMachine, Title: "On a node:"},
		&cobra.Group{ID: groupLook, Title: "Observe and troubleshoot:"},
		&cobra.Group{ID: groupOther, Title: "Other:"},
	)
	add := func(group string, cmds ...*cobra.Command) {
		for _, c := range cmds {
			c.GroupID = group
			root.AddCommand(c)
		}
	}
	add(groupWhole, newApplyCmd(a), newDiffCmd(a), newExportCmd(a), newHistoryCmd(a), newBackupCmd(a), newRestoreCmd(a), newIPAMCmd(a))
	add(groupObjects, newKindCmds(a)...)
	add(groupMachine, newAttachCmd(a), newDetachCmd(a))
	add(groupLook, newStatusCmd(a), newFlowsCmd(a), newWaitCmd(a), newWatchCmd(a), newSwitchesCmd(a), newDriftCmd(a), newAnswersCmd(a), newDNSCmd(a), newMulticastCmd(a))
	add(groupOther, newPKICmd(a), newTokenCmd(a), newCompletionCmd(), newOptionsCmd(), newVersionCmd(a))
	root.AddCommand(newManCmd())
	root.SetHelpCommandGroupID(groupOther)
	root.AddCommand(newHelpTopics()...)
	a.finish(root)
	return root
}

// runGroup is the RunE of a command that only has subcommands.
func runGroup(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return cmd.Help()
	}
	text := fmt.Sprintf("unknown command %q for %q", args[0], cmd.CommandPath())
	if ours := kubectlVerb(args[0]); ours != "" && cmd.Parent() == nil {
		return usageErrorf("%s: give the kind first, as in: sdnctl port %s", text, ours)
	}
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		text += ", did you mean " + strings.Join(near, " or ") + "?"
	}
	return usageErrorf("%s", text)
}

// finish sets the properties that all commands below cmd have in common.
func (a *app) finish(cmd *cobra.Command) {
	cmd.SuggestionsMinimumDistance = 2
	if cmd.HasParent() {
		onlyOnce(cmd)
	}
	if check := cmd.Args; check != nil {
		cmd.Args = func(cmd *cobra.Command, args []string) error { return argsError(cmd, args, check(cmd, args)) }
	}
	if run := cmd.RunE; run != nil {
		cmd.RunE = func(cmd *cobra.Command, args []string) error {
			a.started = true
			return run(cmd, args)
		}
	}
	for _, c := range cmd.Commands() {
		a.finish(c)
	}
}

// argsError replaces cobra's errors about the number of arguments by a text that says what
// the command takes.
func argsError(cmd *cobra.Command, args []string, err error) error {
	if err == nil {
		return nil
	}
	text := err.Error()
	if !strings.Contains(text, "arg(s)") && !strings.Contains(text, "unknown command") {
		return err
	}
	_, want, _ := strings.Cut(cmd.Use, " ")
	if want == "" {
		return usageErrorf("%s takes no arguments, got %q", cmd.CommandPath(), args)
	}
	if len(args) == 0 {
		return usageErrorf("%s needs %s", cmd.CommandPath(), want)
	}
	return usageErrorf("%s takes %s, got %q", cmd.CommandPath(), want, args)
}
