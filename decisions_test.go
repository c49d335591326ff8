package sdnctl_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestDecisionsAreNumbered: each decision has a number of its own, in its file's name
// and in its title.
func TestDecisionsAreNumbered(t *testing.T) {
	files, err := filepath.Glob("docs/decisions/[0-9]*.md")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d decisions, %v", len(files), err)
	}
	seen := map[int]string{}
	for _, file := range files {
		var n int
		if _, err := fmt.Sscanf(filepath.Base(file), "%d-", &n); err != nil {
			t.Errorf("%s: %v", file, err)
		}
		if seen[n] != "" {
			t.Errorf("%s and %s have one number", seen[n], file)
		}
		seen[n] = file
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if want := fmt.Sprintf("# %d. ", n); !strings.HasPrefix(string(text), want) {
			t.Errorf("%s begins with %.30q, want %q", file, text, want)
		}
	}
}
