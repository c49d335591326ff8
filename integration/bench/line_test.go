package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestGoals(t *testing.T) {
	tests := []struct {
		name       string
		line       Line
		met, known bool
	}{
		{"no goal", Line{Ours: Value(1)}, false, false},
		{"at most, equal", Line{Ours: Value(5), Goal: AtMost(5)}, true, true},
		{"at most, above", Line{Ours: Value(5.1), Goal: AtMost(5)}, false, true},
		{"at least", Line{Ours: Value(4), Goal: AtLeast(5)}, false, true},
		{"ours missing", Line{Ours: None("broke"), Goal: AtMost(5)}, false, false},
		{"ratio without a baseline", Line{Ours: Value(1), Goal: RatioAtMost(1)}, false, false},
		{"baseline missing", Line{Ours: Value(1), Baseline: "b", Theirs: None("no b"), Goal: RatioAtMost(1)}, false, false},
		{"ratio met", Line{Ours: Value(1.1), Baseline: "b", Theirs: Value(1), Goal: RatioAtMost(1.15)}, true, true},
		{"ratio missed", Line{Ours: Value(1.2), Baseline: "b", Theirs: Value(1), Goal: RatioAtMost(1.15)}, false, true},
		{"ratio at least", Line{Ours: Value(0.9), Baseline: "b", Theirs: Value(1), Goal: RatioAtLeast(0.95)}, false, true},
		{"times less", Line{Ours: Value(1), Baseline: "b", Theirs: Value(10), Goal: TimesLess(10)}, true, true},
		{"not times less", Line{Ours: Value(1.1), Baseline: "b", Theirs: Value(10), Goal: TimesLess(10)}, false, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if met, known := tt.line.Met(); met != tt.met || known != tt.known {
				t.Errorf("met %t, known %t; want %t, %t", met, known, tt.met, tt.known)
			}
		})
	}
}

func TestNumber(t *testing.T) {
	for v, want := range map[float64]string{
		0: "0", 5: "5", 0.1234: "0.123", 1.234: "1.23", 12.34: "12.3", 123.4: "123",
		1234: "1,234", 1234567.8: "1,234,568", -1234: "-1,234", 100: "100",
	} {
		if got := number(v); got != want {
			t.Errorf("%v: %q, want %q", v, got, want)
		}
	}
}

func someLines() []Line {
	return []Line{
		{Bench: "a", Section: "S", Name: "fast", Unit: "ms", Ours: Value(1.5).With("n 3"), Baseline: "other", Theirs: Value(3), Goal: RatioAtMost(1)},
		{Bench: "b", Section: "S", Name: "broken|pipe", Ours: None("it broke"), Goal: AtMost(1), Note: "a note"},
		{Bench: "c", Section: "T", Name: "slow", Ours: Value(9), Goal: AtMost(1)},
	}
}

func TestTable(t *testing.T) {
	var b bytes.Buffer
	if err := WriteTable(&b, someLines()); err != nil {
		t.Fatal(err)
	}
	want := `line         ours             baseline     ratio  goal          met
fast         1.50 ms (n 3)    other: 3 ms  0.50   ratio ≤ 1.00  yes
broken|pipe  none (it broke)                      ≤ 1           unknown
slow         9                                    ≤ 1           no
`
	if d := cmp.Diff(want, b.String()); d != "" {
		t.Error(d)
	}
}

func TestMarkdown(t *testing.T) {
	var b bytes.Buffer
	if err := WriteMarkdown(&b, Machine{}, someLines()); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"Goals met: 1; missed: 1; unknown: 1.", "## S\n", "## T\n",
		"| fast | 1.50 ms (n 3) | other: 3 ms | 0.50 | ratio ≤ 1.00 | yes |\n",
		`| broken\|pipe<br>*a note* | none (it broke) |  |  | ≤ 1 | unknown |`,
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, b.String())
		}
	}
}

func TestJSON(t *testing.T) {
	var b bytes.Buffer
	if err := WriteJSON(&b, Machine{}, someLines()); err != nil {
		t.Fatal(err)
	}
	var got struct{ Lines []map[string]any }
	if err := json.Unmarshal(b.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"bench": "a", "section": "S", "line": "fast", "unit": "ms", "baseline": "other", "ratio": 0.5, "goal": "ratio ≤ 1.00", "met": true,
		"ours": map[string]any{"value": 1.5, "detail": "n 3"}, "theirs": map[string]any{"value": 3.0},
	}
	if d := cmp.Diff(want, got.Lines[0]); d != "" {
		t.Error(d)
	}
	if _, present := got.Lines[1]["met"]; present {
		t.Error("a goal that cannot be judged is said to be met or missed")
	}
}

// What fails is a line, and what follows runs all the same.
func TestRun(t *testing.T) {
	e, err := NewEnv(".", ".", true)
	if err != nil {
		t.Fatal(err)
	}
	suite := []Bench{
		{Name: "x/panics", Run: func(context.Context, *Env, *Report) error { panic("oh") }},
		{Name: "x/fails", Run: func(_ context.Context, _ *Env, r *Report) error {
			r.Add(Line{Name: "before", Ours: Value(1)})
			return errors.New("broke")
		}},
		{Name: "x/hangs", Limit: time.Millisecond, Run: func(ctx context.Context, _ *Env, _ *Report) error {
			<-ctx.Done()
			return ctx.Err()
		}},
		{Name: "x/silent", Run: func(context.Context, *Env, *Report) error { return nil }},
		{Name: "y", Run: func(context.Context, *Env, *Report) error { t.Error("y was not asked for"); return nil }},
		{Name: "x/works", Section: "S", Run: func(_ context.Context, _ *Env, r *Report) error {
			r.Add(Line{Name: "works", Ours: Value(2)})
			return nil
		}},
	}
	var got []string
	for _, l := range Run(t.Context(), e, suite, regexp.MustCompile("^x/")) {
		got = append(got, l.Bench+" "+l.String())
	}
	want := []string{
		"x/panics x/panics: none (panic: oh)",
		"x/fails before: 1",
		"x/fails x/fails: none (broke)",
		"x/hangs x/hangs: none (took longer than 1ms context deadline exceeded)",
		"x/silent x/silent: none (it gave no line)",
		"x/works works: 2",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestSuiteNames(t *testing.T) {
	seen := map[string]bool{}
	for _, b := range Suite() {
		if seen[b.Name] || b.Section == "" || b.Run == nil {
			t.Errorf("bench %q: its name is taken, or it has no section or nothing to run", b.Name)
		}
		seen[b.Name] = true
	}
}
