package worker

import (
	"slices"
	"testing"

	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/openflow"
)

// TestStale: which versions of Open vSwitch may modify the wrong cached flow.
func TestStale(t *testing.T) {
	for version, want := range map[string]bool{
		"2.13.8": true, "2.17.7": true, "2.17.8": false, "2.17.9": false,
		"3.0.4": true, "3.0.5": false, "3.1.0": true, "3.1.2-1.el9": true, "3.1.3": false, "3.2.0": false, "3.3.1": false,
		"4.0.0": false, "": false, "simswitch": false, "3.1": false,
	} {
		if got := Stale(version); got != want {
			t.Errorf("%q: %t", version, got)
		}
	}
}

// TestInvalidationsFollowTheirTables: a table that has an invalidation no more loses it, and a new one
// gets one, also in a change that leaves all other items as they are.
func TestInvalidationsFollowTheirTables(t *testing.T) {
	w := &Worker{assignment: assignment{node: "n1"}, workspace: newWorkspace(nil), entries: []openflow.TableID{0, 20, 40}}
	w.digest = pipeline.Digest{Bundled: 7}
	sent := func(entries []openflow.TableID, d pipeline.Digest) (removed, added []openflow.TableID) {
		w.invalidate(entries, d, func(m itemMod) bool {
			f, err := openflow.DecodeFlowMod(m.msg)
			if err != nil {
				t.Fatal(err)
			}
			if m.removes {
				removed = append(removed, f.Flow.Table)
			} else {
				added = append(added, f.Flow.Table)
			}
			return true
		})
		return removed, added
	}
	for _, tt := range []struct {
		name           string
		entries        []openflow.TableID
		digest         uint64
		removed, added []openflow.TableID
	}{
		{"nothing changes", []openflow.TableID{0, 20, 40}, 7, nil, nil},
		{"other tables, and no other item", []openflow.TableID{0, 40, 60}, 7, []openflow.TableID{20}, []openflow.TableID{60}},
		{"other items", []openflow.TableID{0, 40}, 8, []openflow.TableID{0, 20, 40}, []openflow.TableID{0, 40}},
	} {
		removed, added := sent(tt.entries, pipeline.Digest{Bundled: tt.digest})
		if !slices.Equal(removed, tt.removed) || !slices.Equal(added, tt.added) {
			t.Errorf("%s: removed from %v, added to %v; want %v and %v", tt.name, removed, added, tt.removed, tt.added)
		}
	}
}
