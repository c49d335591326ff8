package pipeline_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestRuleIsOneKind: flows of one rule differ only in numbers and addresses, so a switch
// that has accepted one accepts them all.
func TestRuleIsOneKind(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("testdata", "*.flows"))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	numbers := regexp.MustCompile(`0x[0-9a-f]+|[0-9a-f]{2}(:[0-9a-f]{2}){5}|[0-9a-f]*:[0-9a-f:]*:[0-9a-f]*(/[0-9]+\b)?|[0-9]+(\.[0-9]+){3}(/[0-9]+)?|\b[0-9]+\b`)
	several := regexp.MustCompile(`(conjunction\(N,N/N\))(,conjunction\(N,N/N\))+`) // of several rules
	kinds := map[string]string{}
	flows := 0
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		rule := ""
		for l := range strings.Lines(string(b)) {
			if why, ok := strings.CutPrefix(l, "# "); ok {
				_, rule, _ = strings.Cut(why, ": ")
				continue
			}
			if !strings.HasPrefix(l, "table=") {
				continue
			}
			flows++
			kind := several.ReplaceAllString(numbers.ReplaceAllString(l, "N"), "$1")
			if before, ok := kinds[rule]; ok && before != kind {
				t.Errorf("flows of two kinds by one rule: %s%s%s", rule, before, kind)
			}
			kinds[rule] = kind
		}
	}
	if flows < 40 || len(kinds) < 15 {
		t.Errorf("only %d flows by %d rules were looked at", flows, len(kinds))
	}
}
