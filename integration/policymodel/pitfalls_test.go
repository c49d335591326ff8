package policymodel_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestPitfallsAreCovered: the table of pitfalls in docs/policies.md has each row once, with
// existing tests that name the row's number, or with the reason why there is no test.
func TestPitfallsAreCovered(t *testing.T) {
	const root = "../.."
	doc, err := os.ReadFile(filepath.Join(root, "docs/policies.md"))
	if err != nil {
		t.Fatal(err)
	}
	// sources returns the tests of a package.
	sources := func(folder string) string {
		files, err := filepath.Glob(filepath.Join(root, folder, "*_test.go"))
		if err != nil {
			t.Fatal(err)
		}
		var all strings.Builder
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			all.Write(text)
		}
		return all.String()
	}
	tests := regexp.MustCompile("`([a-z/]+)` `(Test[A-Za-z]+)`")
	number := 0
	for _, line := range strings.Split(string(doc), "\n") {
		if !strings.HasPrefix(line, "| P-POL-") {
			continue
		}
		number++
		cells := strings.Split(line, "|")
		row := strings.TrimSpace(cells[1])
		if row != fmt.Sprintf("P-POL-%02d", number) || len(cells) != 6 {
			t.Fatalf("row %d is %s", number, line)
		}
		covered := strings.TrimSpace(cells[4])
		named := tests.FindAllStringSubmatch(covered, -1)
		if reason, no := strings.CutPrefix(covered, "not yet: "); no != (len(named) == 0) || no && reason == "" {
			t.Errorf("%s: %q is neither tests nor a reason", row, covered)
		}
		for _, n := range named {
			text := sources(n[1])
			if !strings.Contains(text, "func "+n[2]+"(t *testing.T)") || !strings.Contains(text, row) {
				t.Errorf("%s: %s has no %s, or no test there names the row", row, n[1], n[2])
			}
		}
	}
	if number != 21 {
		t.Errorf("%d rows", number)
	}
}
