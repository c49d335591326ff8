package reconcile_test

import (
	"bufio"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
)

var update = flag.Bool("update", false, "write what the scripts give into their files")

// TestScripts runs the scripts in testdata/scripts: events in, messages per switch out. A
// script is blocks, divided by empty lines. A block is a command with its arguments, lines
// of input if it takes any, a line "----" and what came of it. Lines that begin with # are
// comments. scriptBed has the commands.
//
// A script runs in a bubble of testing/synctest. After each command everything runs until
// it waits; only "advance" lets time pass. So the outcome is the same each time.
func TestScripts(t *testing.T) {
	files, err := filepath.Glob("testdata/scripts/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			synctest.Test(t, func(t *testing.T) {
				got := runScript(t, string(text))
				if *update {
					if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
						t.Error(err)
					}
				} else if got != string(text) {
					t.Errorf("what came of it differs; -update writes it.%s", firstDifference(string(text), got))
				}
			})
		})
	}
}

// runScript runs a script and returns it with what came of its commands.
func runScript(t *testing.T, text string) string {
	bed := newScriptBed(t)
	defer bed.stop()
	var out strings.Builder
	var command []string // words
	var input []string
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
		case line == "" || strings.HasPrefix(line, "#"):
		case line == "----":
			if command == nil {
				t.Fatal("---- without a command")
			}
			out.WriteString(bed.run(command, input))
			command, input, skip = nil, nil, true
		case command == nil:
			command = strings.Fields(line)
		default:
			input = append(input, line)
		}
	}
	return out.String()
}

// firstDifference shows where two texts begin to differ.
func firstDifference(want, got string) string {
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	at := 0
	for at < min(len(w), len(g)) && w[at] == g[at] {
		at++
	}
	part := func(l []string) string { return strings.Join(slices.Clone(l[max(0, at-6):min(len(l), at+6)]), "\n\t") }
	return fmt.Sprintf(" From line %d\nwant:\n\t%s\ngot:\n\t%s", at+1, part(w), part(g))
}
