package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/sdnctl/sdnctl/controller/api"
)

func TestUnified(t *testing.T) {
	lines := func(s string) []string { return strings.Split(s, "") }
	tests := []struct{ name, before, after, want string }{
		{"equal", "abc", "abc", ""},
		{"one line", "abcdefghi", "abcdXfghi", "@@ -2,7 +2,7 @@\n b\n c\n d\n-e\n+X\n f\n g\n h\n"},
		{"insertion", "abc", "abXc", "@@ -1,3 +1,4 @@\n a\n b\n+X\n c\n"},
		{"near differences share a hunk", "abcdefgh", "Xbcdefgh"[:7] + "Y", "@@ -1,8 +1,8 @@\n-a\n+X\n b\n c\n d\n e\n f\n g\n-h\n+Y\n"},
		{"far differences do not", "abcdefghij", "XbcdefghiY", "@@ -1,4 +1,4 @@\n-a\n+X\n b\n c\n d\n@@ -7,4 +7,4 @@\n g\n h\n i\n-j\n+Y\n"},
	}
	for _, tt := range tests {
		if d := cmp.Diff(tt.want, unified(lines(tt.before), lines(tt.after))); d != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, d)
		}
	}
	if got, want := unified(nil, []string{"a", "b"}), "@@ -0,0 +1,2 @@\n+a\n+b\n"; got != want {
		t.Errorf("from nothing: %q, want %q", got, want)
	}
}

// TestComparePatches: the kept and removed lines are the text before, the kept and added
// ones the text after.
func TestComparePatches(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		letters := rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "c"}), 0, 12)
		before, after := letters.Draw(t, "before"), letters.Draw(t, "after")
		gotBefore, gotAfter := []string{}, []string{}
		for _, l := range compare(before, after) {
			if l.sign != '+' {
				gotBefore = append(gotBefore, l.text)
			}
			if l.sign != '-' {
				gotAfter = append(gotAfter, l.text)
			}
		}
		if d := cmp.Diff(before, gotBefore) + cmp.Diff(after, gotAfter); d != "" {
			t.Fatal(d)
		}
	})
}

func TestAge(t *testing.T) {
	now := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	for ago, want := range map[time.Duration]string{
		-time.Hour: "0s", 0: "0s", 119 * time.Second: "119s", 2 * time.Minute: "2m", 119 * time.Minute: "119m",
		2 * time.Hour: "2h", 47 * time.Hour: "47h", 48 * time.Hour: "2d", 1000 * time.Hour: "41d",
	} {
		if got := age(now, now.Add(-ago)); got != want {
			t.Errorf("%v ago is %q, want %q", ago, got, want)
		}
	}
}

func TestExitCodes(t *testing.T) {
	refused := func(code string) error { return &api.Error{Code: code, Message: "no"} }
	tests := []struct {
		err  error
		want int
	}{
		{nil, 0}, {errDifferent, 1}, {errors.New("any"), 1}, {usageErrorf("odd"), 2},
		{refused(api.CodeNotFound), 3}, {codedError{ExitTimeout, context.DeadlineExceeded}, 4}, {context.DeadlineExceeded, 4},
		{refused(api.CodeExists), 5}, {refused(api.CodeConflict), 5}, {refused(api.CodeInUse), 5}, {refused(api.CodeExhausted), 5}, {refused(api.CodePrecondition), 5},
		{refused(api.CodeInvalid), 6}, {refused(api.CodeMalformed), 6}, {refused(api.CodeTooLarge), 6}, {manifestError{}, 6},
		{manifestError{refused: &api.Error{Code: api.CodeConflict}}, 5},
		{&api.UnreachableError{Host: "x", Err: fs.ErrNotExist}, 7}, {refused(api.CodeUnavailable), 7},
		{refused(api.CodeInternal), 1}, {refused("of a newer sdnd"), 1}, {context.Canceled, 130},
	}
	for _, tt := range tests {
		if got := exitCode(tt.err); got != tt.want {
			t.Errorf("%#v: exit code %d, want %d", tt.err, got, tt.want)
		}
	}
}

func TestUnreachableSaysWhatToDo(t *testing.T) {
	tests := []struct {
		host string
		err  error
		want string
	}{
		{"unix:///run/s", fs.ErrNotExist, "systemctl start sdnd"},
		{"unix:///run/s", fs.ErrPermission, "use sudo, or join the group that owns it (see: ls -l /run/s)"},
		{"http://10.0.0.1:80", errors.New("no route to host"), "sdnd does not answer at http://10.0.0.1:80: no route to host"},
	}
	for _, tt := range tests {
		if got := explain(&api.UnreachableError{Host: tt.host, Err: tt.err}); !strings.Contains(got, tt.want) {
			t.Errorf("%s, %v: %q does not say %q", tt.host, tt.err, got, tt.want)
		}
	}
	lost := fmt.Errorf("create: %w", &api.UnreachableError{Host: "unix:///run/s", Err: io.EOF, MaybeDone: true})
	if got := explain(lost); !strings.Contains(got, "the change may have been made; 'sdnctl history' shows") || strings.Contains(got, "is it running") {
		t.Errorf("a change that was not answered: %q", got)
	}
}
