package reconcile

import (
	"maps"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
)

// views returns n views at revisions 1..n.
func views(t *testing.T, n int) []*pipeline.View {
	t.Helper()
	v := pipeline.NewView(topology.NewSnapshot())
	var all []*pipeline.View
	for i := range n {
		r, err := topology.Plan(v.Topo, []topology.Op{{
			Verb: topology.Create, Ref: topology.Ref{Kind: topology.KindNode, Name: string(rune('a' + i))}, Spec: topology.NodeSpec{
				TunnelIP: netip.AddrFrom4([4]byte{192, 0, 2, byte(i + 1)}),
			},
		}}, time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		v = v.Next(pipeline.Update{Topo: r.Next, Changes: r.Changes})
		all = append(all, v)
	}
	return all
}

func unit(name string) []pipeline.Unit {
	return []pipeline.Unit{{Kind: pipeline.UnitPort, Name: name}}
}

func (m *mailbox) mustTake(t *testing.T) job {
	t.Helper()
	select {
	case <-m.notify:
	default:
		t.Fatal("nobody was told that there is work")
	}
	j, ok := m.take()
	if !ok {
		t.Fatal("there is no work")
	}
	return j
}

func revisions(rs ...topology.Revision) []topology.Revision { return rs }

// TestUnconfirmed: what is noted singly, or in bulk, is unconfirmed until it is confirmed.
func TestUnconfirmed(t *testing.T) {
	var o unconfirmed
	for r := topology.Revision(10); r < 20; r += 2 {
		o.add(r)
		o.add(r)
	}
	if !o.includes(10) || o.includes(11) || !o.includes(18) || o.includes(20) || o.includes(9) {
		t.Errorf("owes %+v", o)
	}
	before := o
	o.confirm(14)
	if o.includes(10) || o.includes(14) || !o.includes(16) || !before.includes(10) {
		t.Errorf("owes %+v, and before %+v", o, before)
	}
	o.confirm(18)
	if o.includes(18) {
		t.Errorf("owes %+v when all is confirmed", o)
	}
	for r := topology.Revision(100); r < 100+2*maxUnconfirmed; r++ {
		o.add(r)
	}
	if len(o.each) > maxUnconfirmed || !o.includes(100) || !o.includes(100+2*maxUnconfirmed-1) || o.includes(99) || o.includes(100+2*maxUnconfirmed) {
		t.Errorf("owes %+v", o)
	}
	o.confirm(150)
	if o.includes(150) || !o.includes(151) {
		t.Errorf("owes %+v", o)
	}
	o.confirm(100 + 2*maxUnconfirmed)
	if o.includes(151) || o.from != 0 {
		t.Errorf("owes %+v when all is confirmed", o)
	}
}

func TestMailboxMerges(t *testing.T) {
	v := views(t, 4)
	m := newMailbox()
	m.post(v[0], v[1], unit("p"), false)
	m.post(v[1], v[2], unit("p"), false)
	m.post(v[2], v[3], unit("q"), false)
	j := m.mustTake(t)
	want := marks{unit("p")[0]: v[0], unit("q")[0]: v[2]}
	if j.full || !maps.Equal(j.units, want) || j.view != v[3] {
		t.Errorf("took %+v, want p since revision 1 and q since revision 3, brought to 4", j)
	}
	if wanted, acked, unconfirmed, idle := m.state(); wanted != 4 || acked != 0 || !slices.Equal(unconfirmed.each, revisions(2, 3, 4)) || idle {
		t.Errorf("state = %d %d %v %v while busy", wanted, acked, unconfirmed, idle)
	}
	m.done()
	if wanted, acked, _, idle := m.state(); wanted != 4 || acked != 4 || !idle {
		t.Errorf("state = %d %d %v when done", wanted, acked, idle)
	}
}

func TestMailboxHolds(t *testing.T) {
	v := views(t, 4)
	m := newMailbox()
	p, q := unit("p"), unit("q")
	m.hold(v[0], v[1], append(slices.Clone(p), q...))
	if wanted, _, unconfirmed, idle := m.state(); wanted != 2 || !unconfirmed.includes(2) || idle {
		t.Errorf("state = %d %v %v while units are held", wanted, unconfirmed, idle)
	}
	m.post(v[1], v[2], q, false) // overtakes nothing: q goes with what waits
	j := m.mustTake(t)
	if want := (marks{q[0]: v[0]}); !maps.Equal(j.units, want) {
		t.Errorf("took %v, want q as of revision 1", j.units)
	}
	if !j.late || !maps.Equal(j.held, map[pipeline.Unit]bool{p[0]: true}) {
		t.Errorf("late = %v, %v still held; q was held, and p is", j.late, j.held)
	}
	m.done()
	if _, _, unconfirmed, idle := m.state(); !unconfirmed.includes(2) || idle {
		t.Errorf("state = %v %v while p is held", unconfirmed, idle)
	}
	m.release(v[3], append(slices.Clone(p), q...))
	j = m.mustTake(t)
	if want := (marks{p[0]: v[0]}); !maps.Equal(j.units, want) || j.view != v[3] {
		t.Errorf("took %+v, want p as of revision 1", j)
	}
	if !j.late || len(j.held) > 0 {
		t.Errorf("late = %v, %v still held; p was the last", j.late, j.held)
	}
	m.done()
	m.post(v[2], v[3], q, false)
	if j = m.mustTake(t); j.late {
		t.Error("what never had to wait is late")
	}
	m.done()
	if _, acked, unconfirmed, idle := m.state(); acked != 4 || !idle || unconfirmed.includes(2) {
		t.Errorf("state = %d %v %v in the end", acked, unconfirmed, idle)
	}
	m.release(v[3], p) // once more is nothing
	if _, _, _, idle := m.state(); !idle {
		t.Error("a unit was released twice")
	}
}

func TestMailboxTellsWhenDone(t *testing.T) {
	v := views(t, 3)
	m := newMailbox()
	called := 0
	m.whenDone(v[0].Seq, func() { called++ })
	if called != 1 {
		t.Fatalf("told %d times that nothing waits", called)
	}
	m.post(v[0], v[1], unit("p"), false)
	m.mustTake(t)
	m.post(v[1], v[2], unit("p"), false)
	m.whenDone(v[2].Seq, func() { called++ })
	m.done()
	if called != 1 {
		t.Fatal("told before the view was confirmed")
	}
	m.mustTake(t)
	m.done()
	if called != 2 {
		t.Fatalf("told %d times, want 2", called)
	}
}

func TestMailboxFullConfirmsNothingBefore(t *testing.T) {
	v := views(t, 2)
	m := newMailbox()
	m.post(v[0], v[1], nil, true)
	m.post(v[1], v[1], unit("p"), false)
	j := m.mustTake(t)
	if !j.full {
		t.Errorf("took %+v, want a full comparison", j)
	}
	if _, _, unconfirmed, _ := m.state(); !unconfirmed.includes(1) || !unconfirmed.includes(2) || unconfirmed.includes(3) {
		t.Errorf("owes %+v, want every revision there is", unconfirmed)
	}
	m.done()
	if _, _, unconfirmed, idle := m.state(); unconfirmed.includes(1) || unconfirmed.includes(2) || !idle {
		t.Errorf("owes %+v when done", unconfirmed)
	}
}

func TestMailboxFailureBecomesFull(t *testing.T) {
	v := views(t, 3)
	m := newMailbox()
	m.post(v[0], v[1], unit("p"), false)
	m.mustTake(t)
	m.post(v[1], v[2], unit("q"), false)
	m.failed()
	j := m.mustTake(t)
	if _, _, unconfirmed, _ := m.state(); !j.full || j.view != v[2] || !slices.Equal(unconfirmed.each, revisions(2, 3)) {
		t.Errorf("took %+v, owes %v, want a full comparison that confirms revisions 2 and 3", j, unconfirmed)
	}
}

// What is held is not lost, whatever else makes the node do it: its change is in
// the view that is then taken.
func TestMailboxHeldIsNotLost(t *testing.T) {
	t.Run("a full comparison waits", func(t *testing.T) {
		v := views(t, 3)
		m := newMailbox()
		m.post(v[0], v[1], nil, true)
		m.hold(v[1], v[2], unit("p"))
		m.release(v[2], unit("p"))
		if j := m.mustTake(t); !j.full || j.view != v[2] {
			t.Errorf("took %+v, want a full comparison with the newest view", j)
		}
	})
	t.Run("the unit waits", func(t *testing.T) {
		v := views(t, 3)
		m := newMailbox()
		m.post(v[0], v[1], unit("p"), false)
		m.hold(v[1], v[2], unit("p"))
		m.release(v[2], unit("p"))
		if j := m.mustTake(t); j.view != v[2] || j.units[unit("p")[0]] != v[0] {
			t.Errorf("took %+v, want p from the first view to the newest", j)
		}
	})
	t.Run("the switch refuses what was before", func(t *testing.T) {
		v := views(t, 3)
		m := newMailbox()
		m.post(v[0], v[1], unit("q"), false)
		m.mustTake(t)
		m.hold(v[1], v[2], unit("p"))
		m.failed()
		if j := m.mustTake(t); !j.full || j.view != v[2] {
			t.Errorf("took %+v, want a full comparison with the newest view", j)
		}
	})
}

func TestMailboxIsBounded(t *testing.T) {
	v := views(t, 4)
	m := newMailbox()
	units := make([]pipeline.Unit, minMarked)
	for i := range units {
		units[i] = pipeline.Unit{Kind: pipeline.UnitPort, Name: time.Duration(i).String()}
	}
	m.post(v[0], v[1], units, false)
	m.hold(v[0], v[1], unit("held"))
	m.post(v[1], v[2], unit("one more"), false)
	m.post(v[2], v[3], unit("another"), false)
	m.hold(v[2], v[3], unit("late"))
	j := m.mustTake(t)
	if j.full || j.wide != v[1] || len(j.units) != minMarked+1 || j.units[unit("held")[0]] != v[0] || j.view != v[3] {
		t.Errorf("%d units wait, and all others since view %v; want what waited and was held at first, and all others since %v", len(j.units), j.wide, v[1])
	}
	if len(m.held) != 0 {
		t.Errorf("held: %v", m.held)
	}
}

func TestMailboxEmpty(t *testing.T) {
	if j, ok := newMailbox().take(); ok {
		t.Errorf("took %+v from an empty mailbox", j)
	}
}

func TestDifference(t *testing.T) {
	wanted := func(cs ...openflow.Cookie) (es []pipeline.Item) {
		for _, c := range cs {
			es = append(es, pipeline.Item{Sum: pipeline.Sum(c)})
		}
		return es
	}
	installed := func(cs ...openflow.Cookie) (hs []had) {
		for _, c := range cs {
			hs = append(hs, had{sum: pipeline.Sum(c)})
		}
		return hs
	}
	type cookies = []openflow.Cookie
	tests := []struct {
		name      string
		installed []had
		wanted    []pipeline.Item
		foreign   []had
		missing   cookies
	}{
		{"equal", installed(1, 2, 3), wanted(1, 2, 3), nil, nil},
		{"empty switch", nil, wanted(1, 2), nil, cookies{1, 2}},
		{"nothing wanted", installed(0, 0, 7), nil, installed(0, 7), nil},
		{"one cookie in two tables", []had{{sum: 0, table: 1, altered: true}, {sum: 0, table: 1, altered: true}, {sum: 0, table: 4, altered: true}}, nil, []had{{sum: 0, table: 1, altered: true}, {sum: 0, table: 4, altered: true}}, nil},
		{"both", installed(0, 2, 4, 9), wanted(1, 2, 5), installed(0, 4, 9), cookies{1, 5}},
		{"ours twice", installed(2, 2, 3), wanted(2, 3), installed(2), cookies{2}},
		{"ours in another table", []had{{sum: 2, table: 7, altered: false}}, wanted(2), []had{{sum: 2, table: 7, altered: false}}, cookies{2}},
		{"altered", []had{{sum: 2, table: 0, altered: true}, {sum: 3, table: 0, altered: false}}, wanted(2, 3), []had{{sum: 2, table: 0, altered: true}}, cookies{2}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			foreign, missing := difference(tt.installed, tt.wanted)
			var gone cookies
			for _, e := range missing {
				gone = append(gone, e.Cookie())
			}
			if !slices.Equal(foreign, tt.foreign) || !slices.Equal(gone, tt.missing) {
				t.Errorf("foreign %v, missing %v; want %v, %v", foreign, gone, tt.foreign, tt.missing)
			}
		})
	}
}
