package cli

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// everyCommand calls f for every command except cobra's own.
func everyCommand(cmd *cobra.Command, f func(*cobra.Command)) {
	f(cmd)
	for _, c := range cmd.Commands() {
		everyCommand(c, f)
	}
}

// testRoot returns the commands of a program that cannot do anything.
func testRoot() *cobra.Command {
	return newRootCmd(&app{env: Env{Version: "v0.0.0", Getenv: func(string) string { return "" }}})
}

func TestEveryCommand(t *testing.T) {
	root := testRoot()
	everyCommand(root, func(cmd *cobra.Command) {
		if cmd.IsAdditionalHelpTopicCommand() {
			if cmd.Short == "" || cmd.Long == "" {
				t.Errorf("help topic %s has no text", cmd.CommandPath())
			}
			return
		}
		if cmd.Short == "" || cmd.Example == "" {
			t.Errorf("%s has no short text or no example", cmd.CommandPath())
		}
		if cmd.Args == nil || cmd.RunE == nil {
			t.Errorf("%s does not check its arguments, or has no RunE", cmd.CommandPath())
		}
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			if _, ok := cmd.GetFlagCompletionFunc(f.Name); !ok && f.Value.Type() == "string" && !completedByFiles(f.Name) {
				t.Errorf("%s --%s completes file names, which it does not take", cmd.CommandPath(), f.Name)
			}
		})
	})
}

// completedByFiles names the flags that may complete file names.
func completedByFiles(flag string) bool {
	return slices.Contains([]string{"db", "host", "ca", "cert", "key", "token-file", "dir", "file"}, flag)
}

// TestExamplesParse: every command line in the examples is valid.
func TestExamplesParse(t *testing.T) {
	call := regexp.MustCompile(`(?:^|[|(] *|sudo |ssh other )sdnctl ([^|>)]*)`)
	everyCommand(testRoot(), func(cmd *cobra.Command) {
		for _, line := range strings.Split(cmd.Example, "\n") {
			for _, m := range call.FindAllStringSubmatch(strings.TrimSpace(line), -1) {
				args := strings.Fields(m[1])
				root := testRoot()
				found, rest, err := root.Find(args)
				if err == nil {
					err = found.ParseFlags(rest)
				}
				if err == nil {
					err = found.ValidateArgs(found.Flags().Args())
				}
				if err == nil {
					err = found.ValidateRequiredFlags()
				}
				if err != nil {
					t.Errorf("%s: example %q: %v", cmd.CommandPath(), m[0], err)
				}
			}
		}
	})
}

// TestReference compares docs/cli.md with the commands. UPDATE=1 writes it.
func TestReference(t *testing.T) {
	var b bytes.Buffer
	fmt.Fprint(&b, "# sdnctl\n\nWritten from the program's own help by `UPDATE=1 go test ./cli -run TestReference`.\n")
	root := testRoot()
	root.InitDefaultHelpCmd()
	everyCommand(root, func(cmd *cobra.Command) {
		if cmd.Hidden || cmd.Name() == "help" {
			return
		}
		cmd.InitDefaultHelpFlag()
		text := cmd.Long
		if text == "" {
			text = cmd.Short
		}
		if cmd.IsAdditionalHelpTopicCommand() {
			fmt.Fprintf(&b, "\n## sdnctl help %s\n\n```\n%s\n```\n", cmd.Name(), text)
			return
		}
		fmt.Fprintf(&b, "\n## %s\n\n", cmd.CommandPath())
		fmt.Fprintf(&b, "%s\n\n```\n%s```\n", text, cmd.UsageString())
	})
	file := filepath.Join("..", "docs", "cli.md")
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(file, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(have), b.String()); d != "" {
		t.Errorf("docs/cli.md is not what the program says; run UPDATE=1 go test ./cli -run TestReference (-file +program):\n%s", d)
	}
}

// BenchmarkCommands makes all commands, which every start of sdnctl does.
func BenchmarkCommands(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		testRoot()
	}
}
