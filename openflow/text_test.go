package openflow

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestFlowText(t *testing.T) {
	for _, k := range flowKinds() {
		t.Run(k.name, func(t *testing.T) {
			if diff := cmp.Diff(k.want, k.flow.String()); diff != "" {
				t.Errorf("text (-want +got):\n%s", diff)
			}
		})
	}
}
