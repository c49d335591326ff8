package cli

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func TestTableFitsTheTerminal(t *testing.T) {
	columns := []column[[3]string]{
		{header: "NAME", cell: func(l [3]string) string { return l[0] }},
		{header: "WHY", cell: func(l [3]string) string { return l[1] }},
		{header: "MORE", wide: true, cell: func(l [3]string) string { return l[2] }},
	}
	items := [][3]string{{"web1", "takes IP packets from the port, sent from its own addresses", "x"}, {"web2", "", "y"}}
	print := func(format string, width int) string {
		var b strings.Builder
		o := output{w: &b, format: format, width: width}
		if err := printTable(&o, columns, items); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	want := "NAME  WHY\nweb1  takes IP packets from t…\nweb2  -\n"
	if d := cmp.Diff(want, print(formatTable, 30)); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
	for _, width := range []int{0, 200} {
		if got := print(formatTable, width); strings.Contains(got, "…") {
			t.Errorf("cut at width %d:\n%s", width, got)
		}
	}
	if got := print(formatWide, 30); strings.Contains(got, "…") || !strings.Contains(got, "MORE") {
		t.Errorf("-o wide is cut:\n%s", got)
	}
	for line := range strings.Lines(print(formatTable, 5)) { // cannot be
		if n := utf8.RuneCountInString(strings.TrimSpace(line)); n > 4+gap+least {
			t.Errorf("%d characters: %q", n, line)
		}
	}
}
