package main

import (
	"io"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const stream = `
{"Action":"run","Package":"p","Test":"TestA"}
{"Action":"run","Package":"p","Test":"TestA/one"}
{"Action":"pass","Package":"p","Test":"TestA/one"}
{"Action":"output","Package":"p","Test":"TestA/two","Output":"    a_test.go:7: wrong\n"}
{"Action":"fail","Package":"p","Test":"TestA/two","Elapsed":2}
{"Action":"fail","Package":"p","Test":"TestA","Elapsed":2.5}
{"Action":"output","Package":"p","Test":"TestB","Output":"=== RUN   TestB\n"}
{"Action":"output","Package":"p","Test":"TestB","Output":"    b_test.go:9: no lab here: not root\n"}
{"Action":"skip","Package":"p","Test":"TestB"}
{"Action":"pass","Package":"p","Test":"TestC","Elapsed":31}
{"Action":"fail","Package":"p"}
{"Action":"skip","Package":"no/tests"}
{"ImportPath":"q","Action":"build-output","Output":"q.go:1:1: syntax error\n"}
{"Action":"fail","Package":"q"}
`

func TestRead(t *testing.T) {
	var progress strings.Builder
	sum, err := read(strings.NewReader(strings.TrimSpace(stream)), &progress)
	if err != nil {
		t.Fatal(err)
	}
	var got strings.Builder
	sum.print(&got)
	const want = `
slowest:
    31.0s p TestC
     2.5s p TestA

skipped:
  p TestB: no lab here: not root

failed:
  p TestA/two
  q

2 passed, 2 failed, 1 skipped
`
	if diff := cmp.Diff(want, got.String()); diff != "" {
		t.Errorf("summary (-want +got):\n%s", diff)
	}
	for _, part := range []string{"a_test.go:7: wrong\n", "q.go:1:1: syntax error\n", "FAIL p "} {
		if !strings.Contains(progress.String(), part) {
			t.Errorf("progress lacks %q:\n%s", part, progress.String())
		}
	}
}

func TestReadCountsNothingAsNothing(t *testing.T) {
	sum, err := read(strings.NewReader(""), io.Discard)
	if err != nil || sum.passed != 0 || len(sum.failed) != 0 || len(sum.skipped) != 0 {
		t.Errorf("summary of nothing: %+v, %v", sum, err)
	}
}

// TestSkippedBut: a skipped test is reported unless its whole name is allowed.
func TestSkippedBut(t *testing.T) {
	sum, err := read(strings.NewReader(strings.TrimSpace(stream)), io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	for allowed, want := range map[string]int{"TestB": 0, "TestA|TestB": 0, "Test": 1, "": 1} {
		if got := sum.skippedBut(regexp.MustCompile("^(?:" + allowed + ")$")); len(got) != want {
			t.Errorf("allowed %q: %v, want %d", allowed, got, want)
		}
	}
}
