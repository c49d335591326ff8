// Package script plays text scripts in tests: commands and their results.
//
// A script is blocks, divided by empty lines. A block is a command with its arguments, lines
// of input if it takes any, a line "----" and the result. Lines between blocks that
// begin with # are comments. So a test that fails shows the scenario, and a change of
// behaviour shows as a difference of text.
package script

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Run plays each file that a pattern matches as a subtest, by play, which returns the
// script with the results: see Play. The results must be those in the file, unless update
// is set: then they are written to it.
func Run(t *testing.T, pattern string, update bool, play func(t *testing.T, text string) string) {
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts %s: %v", pattern, err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), filepath.Ext(file)), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := play(t, string(text))
			if update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Error(err)
				}
			} else if diff := cmp.Diff(string(text), got); diff != "" {
				t.Errorf("what came of it differs (-want +got); -update writes it:\n%s", diff)
			}
		})
	}
}

// Play runs the commands of a script and returns it with the results. run gets the words of
// a command and its lines of input, and returns lines.
func Play(t *testing.T, text string, run func(command, input []string) []string) string {
	var out strings.Builder
	var command, input []string
	skip := false // what is said to come of a command
	lines := bufio.NewScanner(strings.NewReader(text))
	for lines.Scan() {
		line := lines.Text()
		if skip && line != "" {
			continue
		}
		if skip = false; line == "" && command != nil {
			t.Fatalf("command %q has no line ----", command)
		}
		fmt.Fprintln(&out, line)
		switch {
		case line == "" || command == nil && strings.HasPrefix(line, "#"):
		case line == "----":
			if command == nil {
				t.Fatal("---- without a command")
			}
			for _, l := range run(command, input) {
				fmt.Fprintln(&out, l)
			}
			command, input, skip = nil, nil, true
		case command == nil:
			command = strings.Fields(line)
		default:
			input = append(input, line)
		}
	}
	return out.String()
}
