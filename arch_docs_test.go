package sdnctl_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestDocsNameFiles fails for a document that names a Go file which does not exist. Decisions
// and the changelog are not rewritten.
func TestDocsNameFiles(t *testing.T) {
	file := regexp.MustCompile("`((?:[a-z0-9_]+/)+[a-z0-9_]+\\.go)`")
	found := 0
	eachFile(t, func(path string) {
		if filepath.Ext(path) != ".md" || path == "CHANGELOG.md" || strings.HasPrefix(path, "docs/decisions/") {
			return
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range file.FindAllStringSubmatch(string(text), -1) {
			found++
			if _, err := os.Stat(m[1]); err != nil {
				t.Errorf("%s names %s, which does not exist", path, m[1])
			}
		}
	})
	if found == 0 {
		t.Error("no document names a file")
	}
}
