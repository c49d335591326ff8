package reconcile

import (
	"testing"

	"github.com/sdnctl/sdnctl/controller/pipeline"
)

// TestJudge: drift is told only where it cannot be anything else.
func TestJudge(t *testing.T) {
	confirmed := memory{known: true, digest: 7}
	for _, tt := range []struct {
		name        string
		before      memory
		has, wanted uint64
		none        bool
		want        verdict
	}{
		{"as left", confirmed, 7, 7, false, nothingWrong},
		{"first connection, in order", memory{}, 7, 7, false, nothingWrong},
		{"first connection, with flows of others", memory{}, 8, 7, false, cannotTell},
		{"tampered", confirmed, 8, 7, false, byOthers},
		{"changed in the topology meanwhile", confirmed, 7, 9, false, changesMeanwhile},
		{"both", confirmed, 8, 9, false, cannotTell},
		{"its last bundle was lost", memory{digest: 7}, 8, 7, false, cannotTell},
		{"where ports are was guessed", memory{known: true, digest: 7, guessed: true}, 8, 7, false, cannotTell},
		{"rebooted", confirmed, 1, 7, true, freshSwitch},
	} {
		if got := judge(tt.before, pipeline.Digest(tt.has), pipeline.Digest(tt.wanted), tt.has != tt.wanted, tt.none); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}
