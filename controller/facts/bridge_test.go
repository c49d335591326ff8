package facts

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sdnctl/sdnctl/controller/ovsdb"
	"github.com/sdnctl/sdnctl/openflow"
)

// TestCandidates: a port of OpenFlow is matched with its interface also before OVSDB reports the
// number, as when a device comes back. OpenFlow truncates names to 15 bytes (OpenFlow 1.3.5,
// 7.2.1).
func TestCandidates(t *testing.T) {
	named := func(name string) *ovsdb.Interface { return &ovsdb.Interface{Name: name} }
	b := bridge{
		ifaces:   []*ovsdb.Interface{named("a"), named("fifteen-letters"), named("fifteen-letters-and-more"), named("gone0"), named("gone01")},
		numbered: map[openflow.PortNo]*ovsdb.Interface{7: named("a")},
	}
	for _, tt := range []struct {
		number openflow.PortNo
		name   string
		want   []string
	}{
		{7, "other", []string{"a"}},
		{8, "gone0", []string{"gone0"}},
		{8, "fifteen-letters", []string{"fifteen-letters", "fifteen-letters-and-more"}},
		{8, "nosuch", nil},
	} {
		var got []string
		for _, i := range b.candidates(tt.number, tt.name) {
			got = append(got, i.Name)
		}
		if d := cmp.Diff(tt.want, got); d != "" {
			t.Errorf("port %d, %s: %s", tt.number, tt.name, d)
		}
	}
}
