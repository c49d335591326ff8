package condition

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

func ref(k topology.Kind, name string) topology.Ref { return topology.Ref{Kind: k, Name: name} }

// TestTrackerSince: a condition begins once and keeps its time until it is gone, whatever other
// conditions come and go.
func TestTrackerSince(t *testing.T) {
	tr, n := NewTracker(), ref(topology.KindNode, "node1")
	at := func(s int64) time.Time { return time.Unix(s, 0) }
	first := node(func(f *NodeFacts) { f.OVSDB = false })
	both := node(func(f *NodeFacts) { f.OVSDB, f.TunnelPort = false, false })
	if !tr.Set(n, first, at(1)) || tr.Set(n, first, at(2)) || !tr.Set(n, both, at(3)) {
		t.Error("Set does not report what changed")
	}
	tr.Stamp(n, both, at(4))
	if both[0].Since != at(1) || both[1].Since != at(3) {
		t.Errorf("since %v and %v, want 1 s and 3 s", both[0].Since, both[1].Since)
	}
	if !tr.Set(n, nil, at(5)) || tr.Set(n, nil, at(6)) {
		t.Error("Set does not report what is cured")
	}
	tr.Set(n, first, at(7))
	if tr.Stamp(n, first, at(8)); first[0].Since != at(7) {
		t.Errorf("since %v, want 7 s: it came back", first[0].Since)
	}
}

// TestTrackerCounts: objects with errors come first, and the counts follow each change.
func TestTrackerCounts(t *testing.T) {
	tr, now := NewTracker(), time.Unix(1, 0)
	bad := port(func(f *PortFacts) { f.Bound = false })
	for _, name := range []string{"b", "a"} {
		tr.Set(ref(topology.KindPort, name), bad, now)
	}
	tr.Set(ref(topology.KindNode, "z"), node(func(f *NodeFacts) { f.Connected = false }), now)
	want := []topology.Ref{ref(topology.KindNode, "z"), ref(topology.KindPort, "a"), ref(topology.KindPort, "b")}
	if got := tr.First(9); !slices.Equal(got, want) {
		t.Errorf("objects %v, want %v", got, want)
	}
	if got := tr.First(1); !slices.Equal(got, want[:1]) {
		t.Errorf("first object %v", got)
	}
	if errors, warnings := tr.Kind(topology.KindPort); tr.Count(NotBound) != 2 || errors != 2 || warnings != 0 {
		t.Errorf("%d not bound, %d ports with errors, %d with warnings", tr.Count(NotBound), errors, warnings)
	}
	for _, o := range want {
		tr.Set(o, nil, now)
	}
	if errors, _ := tr.Kind(topology.KindPort); len(tr.First(9)) != 0 || tr.Count(NotBound) != 0 || errors != 0 {
		t.Errorf("all is cured, and there are %v", tr.First(9))
	}
}

// BenchmarkTracker: one more object costs the same whatever the number of others.
func BenchmarkTracker(b *testing.B) {
	tr, now, bad := NewTracker(), time.Unix(1, 0), port(func(f *PortFacts) { f.Bound = false })
	for i := range 100_000 {
		tr.Set(ref(topology.KindPort, string(rune(i))), bad, now)
	}
	p := ref(topology.KindPort, "web")
	b.ReportAllocs()
	for b.Loop() {
		tr.Set(p, bad, now)
		tr.Set(p, nil, now)
	}
}

// TestTrackerKinds: objects of all kinds are counted, and two with the same name stay apart.
func TestTrackerKinds(t *testing.T) {
	tr := NewTracker()
	var want []topology.Ref
	for _, k := range model.Kinds() {
		o := topology.Ref{Kind: k, Name: "same"}
		tr.Set(o, []Condition{{Reason: NotConnected}}, time.Time{})
		if k != topology.KindPort {
			want = append(want, o)
		}
	}
	want = append(want, topology.Ref{Kind: topology.KindPort, Name: "same"})
	if diff := cmp.Diff(want, tr.First(100)); diff != "" {
		t.Errorf("listed (-want +got):\n%s", diff)
	}
	if errors, warnings := tr.All(); errors != len(want) || warnings != 0 {
		t.Errorf("%d errors, %d warnings", errors, warnings)
	}
}
