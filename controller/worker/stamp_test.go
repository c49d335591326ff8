package worker

import (
	"testing"

	"github.com/sdnctl/sdnctl/controller/pipeline"
)

// TestJudge: drift is reported exactly if a switch does not have what its stamp says.
func TestJudge(t *testing.T) {
	stamped := readStamp{known: true, digest: pipeline.Digest{Bundled: 7}}
	for _, tt := range []struct {
		name        string
		stamp       readStamp
		has, wanted uint64
		none        bool
		want        verdict
	}{
		{"as left", stamped, 7, 7, false, untouched},
		{"other flows wanted meanwhile", stamped, 7, 9, false, changesMeanwhile},
		{"not one flow of those wanted", stamped, 7, 9, true, changesMeanwhile},
		{"tampered with", stamped, 8, 7, false, byOthers},
		{"emptied but for the stamp", stamped, 0, 7, true, byOthers},
		{"tampered with, and other flows wanted", stamped, 8, 9, false, byOthersAndUs},
		{"another stamp", stamped, 8, 8, false, stampByOthers},
		{"an altered stamp", readStamp{altered: true}, 8, 7, false, stampByOthers},
		{"no stamp, in order", readStamp{}, 7, 7, false, noStamp},
		{"no stamp, with flows of others", readStamp{}, 8, 7, false, noStamp},
		{"while units waited", readStamp{known: true}, 8, 7, false, noStamp},
		{"rebooted", readStamp{}, 1, 7, true, freshSwitch},
	} {
		if got := judge(tt.stamp, pipeline.Digest{Bundled: tt.has}, pipeline.Digest{Bundled: tt.wanted}, tt.none); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

// TestMetersAreKnown: a meter that is missing or altered was changed by others only if sdnd
// cannot have been changing meters at that time.
func TestMetersAreKnown(t *testing.T) {
	with := func(bundled, meters uint64) pipeline.Digest { return pipeline.Digest{Bundled: bundled, Meters: meters} }
	for name, tt := range map[string]struct {
		stamp  readStamp
		wanted pipeline.Digest
		want   bool
	}{
		"the meters that the stamp says":       {readStamp{known: true, digest: with(7, 3)}, with(9, 3), true},
		"other meters are wanted":              {readStamp{known: true, digest: with(7, 3)}, with(7, 4), false},
		"no meters, before and now":            {readStamp{known: true, digest: with(7, 0)}, with(7, 0), true},
		"no stamp":                             {readStamp{}, with(0, 0), false},
		"a stamp that says nothing":            {readStamp{known: true}, with(0, 0), false},
		"an altered stamp beside one of ours ": {readStamp{known: true, altered: true, digest: with(7, 3)}, with(7, 3), false},
	} {
		if got := metersAreKnown(tt.stamp, tt.wanted); got != tt.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}
