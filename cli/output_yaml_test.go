package cli

import (
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// TestYAMLIsTextForAllReaders: text stays text for readers of YAML 1.1 such as PyYAML, and
// unambiguous text is not quoted.
func TestYAMLIsTextForAllReaders(t *testing.T) {
	quoted := []string{
		"yes", "No", "on", "OFF", "y", "N", "true", "null", "~", "=", "1", "0123", "1_000", "1.10", "1e3", "0123e4", "1.", ".5",
		"0x1F", "0b10", "0o17", ".inf", "-.NaN", "10:20:30:40:50:12", "52:54:00:12:34:56", "2026-01-01", "",
	}
	plain := []string{"web1", "10.0.0.7", "10.0.0.0/24", "02:00:00:00:00:0a", "node", "yesterday", "v1.2", "1a", "e3", "1.2.3", "on-call"}
	written := func(text string) string {
		var b strings.Builder
		if err := writeYAML(&b, map[string]string{text: text}); err != nil {
			t.Fatal(err)
		}
		var back map[string]string
		if err := yaml.Unmarshal([]byte(b.String()), &back); err != nil || len(back) != 1 || back[text] != text {
			t.Errorf("%q was written as %q and read as %v, %v", text, b.String(), back, err)
		}
		return strings.TrimSpace(b.String())
	}
	for _, text := range quoted {
		if got := written(text); !strings.HasSuffix(got, `: "`+text+`"`) || !strings.HasPrefix(got, `"`) {
			t.Errorf("%q is not quoted: %s", text, got)
		}
	}
	for _, text := range plain {
		if got := written(text); got != text+": "+text {
			t.Errorf("%q is written as %s", text, got)
		}
	}
}
