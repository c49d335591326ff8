package main

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// event is one line of "go test -json"; see "go doc test2json".
type event struct {
	Action     string
	Package    string
	ImportPath string
	Test       string
	Elapsed    float64
	Output     string
}

// test names one test: its package, and its name with those of its parents.
type test struct{ pkg, name string }

// String returns the package and the name.
func (t test) String() string {
	if t.name == "" {
		return t.pkg
	}
	return t.pkg + " " + t.name
}

// summary is the outcome of all tests.
type summary struct {
	passed  int
	failed  []test
	skipped map[test]string // why
	slowest []timed
}

// timed is a test with its subtests, and the seconds that it took.
type timed struct {
	test
	seconds float64
}

// slowestShown is how many of the slowest tests the summary names: those to look at when
// a run nears its limit.
const slowestShown = 12

// read follows the tests as they run, writes a line per package and the output of failed
// tests to progress, and returns the outcome.
func read(in io.Reader, progress io.Writer) (summary, error) {
	sum := summary{skipped: map[test]string{}}
	outcome := map[test]string{}
	output := map[test][]string{}
	scan := bufio.NewScanner(in)
	scan.Buffer(nil, 16<<20)
	for scan.Scan() {
		var e event
		if json.Unmarshal(scan.Bytes(), &e) != nil {
			// A message of the go command itself, such as that a module is missing.
			fmt.Fprintln(progress, scan.Text())
			continue
		}
		t := test{e.Package, e.Test}
		switch e.Action {
		case "output":
			output[t] = append(output[t], e.Output)
		case "build-output":
			fmt.Fprint(progress, e.Output)
		case "pass", "fail", "skip":
			outcome[t] = e.Action
			if e.Test != "" && !strings.Contains(e.Test, "/") && e.Elapsed >= 1 {
				sum.slowest = append(sum.slowest, timed{t, e.Elapsed})
			}
			if e.Action == "fail" {
				fmt.Fprint(progress, strings.Join(output[t], ""))
			}
			if e.Test == "" && e.Action != "skip" {
				fmt.Fprintf(progress, "%s %s %.1fs\n", map[string]string{"pass": "ok  ", "fail": "FAIL"}[e.Action], e.Package, e.Elapsed)
			}
			if e.Action != "skip" {
				delete(output, t)
			}
		}
	}
	parents := map[test]bool{}
	for t := range outcome {
		for name := t.name; strings.Contains(name, "/"); {
			name = name[:strings.LastIndexByte(name, '/')]
			parents[test{t.pkg, name}] = true
		}
	}
	packageFailed := map[string]bool{}
	for t, action := range outcome {
		switch {
		case t.name == "" || parents[t] && action != "fail":
		case action == "pass":
			sum.passed++
		case action == "skip":
			sum.skipped[t] = reason(output[t])
		case action == "fail":
			packageFailed[t.pkg] = true
			if !parents[t] || !childFailed(outcome, t) {
				sum.failed = append(sum.failed, t)
			}
		}
	}
	for t, action := range outcome {
		// The package did not build, or ended outside of any test.
		if t.name == "" && action == "fail" && !packageFailed[t.pkg] {
			sum.failed = append(sum.failed, t)
		}
	}
	slices.SortFunc(sum.failed, compare)
	slices.SortStableFunc(sum.slowest, func(a, b timed) int { return cmp.Compare(b.seconds, a.seconds) })
	sum.slowest = sum.slowest[:min(len(sum.slowest), slowestShown)]
	return sum, scan.Err()
}

func compare(a, b test) int { return strings.Compare(a.String(), b.String()) }

func childFailed(outcome map[test]string, parent test) bool {
	for t, action := range outcome {
		if action == "fail" && t.pkg == parent.pkg && strings.HasPrefix(t.name, parent.name+"/") {
			return true
		}
	}
	return false
}

// reason returns the text with which a test skipped itself: "file.go:12: text".
func reason(output []string) string {
	for _, line := range output {
		if _, text, ok := strings.Cut(line, ".go:"); ok {
			_, text, _ = strings.Cut(text, ": ")
			return strings.TrimSpace(text)
		}
	}
	return "no reason given"
}

// skippedBut returns the tests that were skipped, except those with a name that is allowed.
func (s summary) skippedBut(allowed *regexp.Regexp) []test {
	return slices.DeleteFunc(slices.SortedFunc(maps.Keys(s.skipped), compare), func(t test) bool { return allowed.MatchString(t.name) })
}

// print writes the summary, the counts last.
func (s summary) print(w io.Writer) {
	if len(s.slowest) > 0 {
		fmt.Fprintln(w, "\nslowest:")
		for _, t := range s.slowest {
			fmt.Fprintf(w, "  %6.1fs %s\n", t.seconds, t.test)
		}
	}
	if len(s.skipped) > 0 {
		fmt.Fprintln(w, "\nskipped:")
		for _, t := range slices.SortedFunc(maps.Keys(s.skipped), compare) {
			fmt.Fprintf(w, "  %s: %s\n", t, s.skipped[t])
		}
	}
	if len(s.failed) > 0 {
		fmt.Fprintln(w, "\nfailed:")
		for _, t := range s.failed {
			fmt.Fprintf(w, "  %s\n", t)
		}
	}
	fmt.Fprintf(w, "\n%d passed, %d failed, %d skipped\n", s.passed, len(s.failed), len(s.skipped))
}
