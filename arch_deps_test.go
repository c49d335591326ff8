package sdnctl_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestDependencies: a decision gives the reason for each direct dependency.
func TestDependencies(t *testing.T) {
	pages, err := filepath.Glob("docs/decisions/*.md")
	if err != nil {
		t.Fatal(err)
	}
	var decisions strings.Builder
	for _, p := range pages {
		text, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		decisions.Write(text)
	}
	mod, err := os.ReadFile("go.mod")
	if err != nil {
		t.Fatal(err)
	}
	direct := 0
	for line := range strings.Lines(string(mod)) {
		name, version, ok := strings.Cut(strings.TrimSpace(line), " ")
		if !ok || !strings.HasPrefix(version, "v") || strings.HasSuffix(version, "// indirect") {
			continue
		}
		direct++
		// pflag is cobra's, netns is netlink's: a line has both, by their last names.
		if short := "`" + name[strings.LastIndexByte(name, '/')+1:] + "`"; !strings.Contains(decisions.String(), "`"+name+"`") && !strings.Contains(decisions.String(), short) {
			t.Errorf("%s: no table in docs/decisions has it; give its reason there", name)
		}
	}
	if direct < 5 {
		t.Errorf("only %d direct dependencies were read from go.mod", direct)
	}
}
