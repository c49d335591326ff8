package cli

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sdnctl/sdnctl/controller/pipeline"
)

// TestTableNames: sdnctl does not import the pipeline, but completes the names of its
// tables.
func TestTableNames(t *testing.T) {
	var want []string
	for _, table := range pipeline.Tables() {
		want = append(want, table.Name)
	}
	if d := cmp.Diff(want, tableNames()); d != "" {
		t.Errorf("tables of the pipeline, and those completed (-want +got):\n%s", d)
	}
}
