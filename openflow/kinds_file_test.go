package openflow

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestKindsFile keeps testdata/kinds.txt equal to flowKinds: for each kind of flow
// its name, its text and the message that adds it. Tests of sessions send them.
func TestKindsFile(t *testing.T) {
	var want strings.Builder
	for _, k := range flowKinds() {
		fmt.Fprintf(&want, "%s\t%s\t%x\n", k.name, k.want, k.flow.AppendAdd(nil, 0))
	}
	const file = "testdata/kinds.txt"
	if *update {
		if err := os.WriteFile(file, []byte(want.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want.String(), string(got)); diff != "" {
		t.Errorf("%s is not current (-want +got); -update writes it:\n%s", file, diff)
	}
}
