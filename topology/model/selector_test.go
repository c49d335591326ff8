package model

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestSelectorMistakes: each mistake in a selector is reported with its field.
func TestSelectorMistakes(t *testing.T) {
	s := Selector{
		MatchLabels: map[string]string{"-": "x", "ok": "no space"},
		MatchExpressions: []Requirement{
			{Key: "a", Operator: "Equals"},
			{Key: "b", Operator: SelectIn},
			{Key: "c", Operator: SelectExists, Values: []string{"x"}},
			{Key: "", Operator: SelectNotIn, Values: []string{"v", "w x"}},
		},
	}
	var got []string
	s.normal("spec.selector", func(_ ProblemKind, field, message, fix string) {
		if fix == "" {
			t.Errorf("%s: %s: no word on what to do", field, message)
		}
		got = append(got, strings.TrimPrefix(field, "spec.selector.")+": "+message)
	})
	want := []string{
		`matchLabels: "-" is not a label key`,
		`matchLabels: "no space" is not a value of label "ok"`,
		`matchExpressions[0].operator: "Equals" is not an operator`,
		`matchExpressions[1].values: In without values`,
		`matchExpressions[2].values: Exists takes no values`,
		`matchExpressions[3].key: "" is not a label key`,
		`matchExpressions[3].values: "w x" is not a value of label "x"`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestSelectorText: what String writes is what ParseSelector reads.
func TestSelectorText(t *testing.T) {
	for text, want := range map[string]string{
		"": "", " app=web , !test": "app=web,!test", "a==b,c!=d,e": "a=b,c!=d,e",
	} {
		s, err := ParseSelector(text)
		if err != nil || s.String() != want {
			t.Errorf("%q: %q, %v", text, s, err)
		}
	}
	s := Selector{MatchLabels: map[string]string{"b": "1", "a": "2"}, MatchExpressions: []Requirement{
		{Key: "c", Operator: SelectIn, Values: []string{"x", "y"}}, {Key: "d", Operator: SelectNotIn, Values: []string{"x", "y"}},
	}}
	if got := s.String(); got != "a=2,b=1,c in (x,y),d notin (x,y)" {
		t.Error(got)
	}
}
