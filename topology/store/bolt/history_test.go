package bolt

import (
	"encoding/json"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sdnctl/sdnctl/topology"
)

func TestHistory(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "sdnd.db"))
	apply(t, s, put(topology.KindNetwork, "a", network("10.0.0.0/24")))
	apply(t, s, topology.Op{Verb: topology.Create, Ref: ref(topology.KindPort, "p"), Spec: topology.PortSpec{Network: "a"}})
	apply(t, s, topology.Op{Verb: topology.Put, Ref: ref(topology.KindPort, "p"), Labels: map[string]string{"app": "web"}, Spec: topology.PortSpec{Network: "a", InterfaceID: "x"}})
	apply(t, s, del(topology.KindPort, "p"), del(topology.KindNetwork, "a"))

	type line struct {
		Revision   topology.Revision
		What       string
		From, To   string
		Labels     map[string]string
		LabelsFrom map[string]string
	}
	const net = `{"mode":"stretched","subnets":[{"cidr":"10.0.0.0/24","gateway":"10.0.0.1"}],"mtu":1450}`
	const port, bound = `{"network":"a"}`, `{"network":"a","interfaceID":"x"}`
	all := []line{
		{Revision: 4, What: "delete network/a", From: net},
		{Revision: 4, What: "delete port/p", From: bound, LabelsFrom: map[string]string{"app": "web"}},
		{Revision: 3, What: "put port/p", From: port, To: bound, Labels: map[string]string{"app": "web"}},
		{Revision: 2, What: "create port/p", To: port},
		{Revision: 1, What: "create network/a", To: net},
	}
	for _, tt := range []struct {
		name  string
		from  topology.Revision
		limit int
		want  []line
	}{
		{"all", 0, 0, all},
		{"newest", 0, 1, all[:2]},
		{"from the middle", 3, 2, all[2:4]},
		{"from the future", 99, 1, all[:2]},
		{"from the first", 1, 10, all[4:]},
	} {
		t.Run(tt.name, func(t *testing.T) {
			entries, err := s.History(tt.from, tt.limit, nil)
			if err != nil {
				t.Fatal(err)
			}
			var got []line
			for _, e := range entries {
				if e.Author != "alice" || !e.Time.Equal(epoch) {
					t.Errorf("revision %d: by %q at %v", e.Revision, e.Author, e.Time)
				}
				for _, c := range e.Changes {
					got = append(got, line{e.Revision, string(c.Verb) + " " + c.Ref.String(), specText(t, c.Before), specText(t, c.After), c.LabelsAfter, c.LabelsBefore})
				}
			}
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Errorf("history (-want +got):\n%s", d)
			}
		})
	}
}

func TestHistoryOfNothing(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "sdnd.db"))
	if h, err := s.History(0, 0, nil); err != nil || len(h) != 0 {
		t.Errorf("%v, %v", h, err)
	}
}

// specText is a spec as JSON; "" for nil.
func specText(t *testing.T, spec topology.Spec) string {
	t.Helper()
	if spec == nil {
		return ""
	}
	b, err := json.Marshal(spec)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
