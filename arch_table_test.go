package sdnctl_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestPackageTable holds the code to the picture and the table of packages in
// docs/architecture.md: every package is in both, imports what its row says, no
// more and no less, and only what the picture has below it.
func TestPackageTable(t *testing.T) {
	text, err := os.ReadFile("docs/architecture.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "\n## Packages\n")
	section, _, _ := strings.Cut(rest, "\n## ")
	rows, layer := packageRows(section), packageLayers(section)
	imports := map[string][]string{}
	for path, p := range list(t) {
		name, ours := strings.CutPrefix(path, module+"/")
		if !ours || within(path, "integration") {
			continue
		}
		imports[name] = []string{}
		for _, d := range p.Imports {
			if dep, ours := strings.CutPrefix(d, module+"/"); ours {
				imports[name] = append(imports[name], dep)
				if layer[name] >= layer[dep] {
					t.Errorf("%s imports %s, which the picture does not have below it", name, dep)
				}
			}
		}
		slices.Sort(imports[name])
		if layer[name] == 0 {
			t.Errorf("%s is not in the picture", name)
		}
	}
	if len(layer) != len(imports) {
		t.Errorf("the picture has %d packages, the module %d", len(layer), len(imports))
	}
	if diff := cmp.Diff(imports, rows); diff != "" {
		t.Errorf("imports as they are (-) and as the table says (+):\n%s", diff)
	}
}

// packageRows returns what each row of the table says that a package imports.
func packageRows(section string) map[string][]string {
	quoted := regexp.MustCompile("`([a-z/]+)`")
	rows := map[string][]string{}
	for line := range strings.Lines(section) {
		cells := strings.Split(strings.TrimSpace(line), "|")
		if len(cells) != 5 {
			continue
		}
		m := quoted.FindStringSubmatch(cells[1])
		if m == nil {
			continue
		}
		rows[m[1]] = []string{}
		for _, dep := range quoted.FindAllStringSubmatch(cells[3], -1) {
			rows[m[1]] = append(rows[m[1]], dep[1])
		}
	}
	return rows
}

// packageLayers returns the line of each package in the picture, from 1 at the top.
func packageLayers(section string) map[string]int {
	layer := map[string]int{}
	n := 0
	for line := range strings.Lines(section) {
		if !strings.HasPrefix(line, "    ") {
			continue
		}
		n++
		for _, name := range strings.Fields(line) {
			layer[name] = n
		}
	}
	return layer
}
