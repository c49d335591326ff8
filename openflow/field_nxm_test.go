package openflow

import "testing"

// TestNXMAgreesWithTable holds nxm to the list of fields: what it changes is the
// field's other header there.
func TestNXMAgreesWithTable(t *testing.T) {
	changed := 0
	for _, info := range newFields() {
		if n := info.field.nxm(); n != info.field {
			changed++
			if n != info.twin {
				t.Errorf("%s: nxm %#x, want %#x", info.match, uint32(n), uint32(info.twin))
			}
		}
	}
	if changed != 18 {
		t.Errorf("%d fields have another header, want 18", changed)
	}
}
