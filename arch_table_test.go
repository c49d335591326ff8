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

// TestPackagePurity holds the code to what the table of packages says of it. A package of the
// standard library only depends on nothing else but such packages of ours. One that does no I/O
// imports nothing of the standard library that does, and neither does anything of ours on which
// one that is pure depends.
func TestPackagePurity(t *testing.T) {
	text, err := os.ReadFile("docs/architecture.md")
	if err != nil {
		t.Fatal(err)
	}
	impure := []string{"net", "net/http", "os", "os/exec", "io/fs", "log", "log/slog", "syscall", "math/rand", "math/rand/v2", "crypto/rand"}
	packages := list(t)
	check := func(rule, of, by string) {
		for _, i := range packages[by].Imports {
			if slices.Contains(impure, i) {
				t.Errorf("%s: %q, says the table; %s imports %s", of, rule, by, i)
			}
		}
	}
	checked := map[string]int{}
	row := regexp.MustCompile("(?m)^\\| `([a-z/]+)` \\| ([^|]*) \\|")
	for _, m := range row.FindAllStringSubmatch(string(text), -1) {
		path, says := module+"/"+m[1], m[2]
		for _, rule := range []string{stdlibOnly, noIO, pure} {
			if !strings.Contains(says, rule) {
				continue
			}
			checked[rule]++
			if rule == noIO {
				check(rule, path, path)
			}
			for _, d := range append(packages[path].Deps, path) {
				ours := strings.HasPrefix(d, module)
				if rule == stdlibOnly && !ours && !packages[d].Standard {
					t.Errorf("%s: %q, says the table; it depends on %s", path, rule, d)
				}
				if rule == pure && ours {
					check(rule, path, d)
				}
			}
		}
	}
	for _, rule := range []string{stdlibOnly, noIO, pure} {
		if checked[rule] < 3 {
			t.Errorf("the table says of %d packages that they are %q: are there other words for it now?", checked[rule], rule)
		}
	}
}

// What the table may say of what a package imports.
const (
	stdlibOnly = "standard library only"
	noIO       = "no I/O"
	pure       = "; pure"
)

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
