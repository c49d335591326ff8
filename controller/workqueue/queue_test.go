package workqueue

import (
	"maps"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/sdnctl/sdnctl/controller/pipeline"
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

func (m *Queue) mustTake(t *testing.T) Job {
	t.Helper()
	select {
	case <-m.Notify():
	default:
		t.Fatal("nobody is notified that there is work")
	}
	j, ok := m.Take()
	if !ok {
		t.Fatal("there is no work")
	}
	return j
}

func revisions(rs ...topology.Revision) []topology.Revision { return rs }

// TestUnconfirmed: a revision that is noted singly, or in bulk, is unconfirmed until it is
// confirmed.
func TestUnconfirmed(t *testing.T) {
	var o Unconfirmed
	for r := topology.Revision(10); r < 20; r += 2 {
		o.add(r)
		o.add(r)
	}
	if !o.Includes(10) || o.Includes(11) || !o.Includes(18) || o.Includes(20) || o.Includes(9) {
		t.Errorf("unconfirmed %+v", o)
	}
	before := o
	o.confirm(14)
	if o.Includes(10) || o.Includes(14) || !o.Includes(16) || !before.Includes(10) {
		t.Errorf("unconfirmed %+v, and before %+v", o, before)
	}
	o.confirm(18)
	if o.Includes(18) {
		t.Errorf("unconfirmed %+v when all is confirmed", o)
	}
	for r := topology.Revision(100); r < 100+2*maxUnconfirmed; r++ {
		o.add(r)
	}
	if len(o.each) > maxUnconfirmed || !o.Includes(100) || !o.Includes(100+2*maxUnconfirmed-1) || o.Includes(99) || o.Includes(100+2*maxUnconfirmed) {
		t.Errorf("unconfirmed %+v", o)
	}
	o.confirm(150)
	if o.Includes(150) || !o.Includes(151) {
		t.Errorf("unconfirmed %+v", o)
	}
	o.confirm(100 + 2*maxUnconfirmed)
	if o.Includes(151) || o.from != 0 {
		t.Errorf("unconfirmed %+v when all is confirmed", o)
	}
}

func TestQueueMerges(t *testing.T) {
	v := views(t, 4)
	m := New()
	m.Post(v[0], v[1], unit("p"))
	m.Post(v[1], v[2], unit("p"))
	m.Post(v[2], v[3], unit("q"))
	j := m.mustTake(t)
	want := Marks{unit("p")[0]: v[0], unit("q")[0]: v[2]}
	if j.Scope == Full || !maps.Equal(j.Units, want) || j.View != v[3] {
		t.Errorf("took %+v, want p since revision 1 and q since revision 3, for view 4", j)
	}
	if s := m.Status(); s.Wanted != 4 || s.Acknowledged != 0 || !slices.Equal(s.Unconfirmed.each, revisions(2, 3, 4)) || s.Idle {
		t.Errorf("state = %d %d %v %v while busy", s.Wanted, s.Acknowledged, s.Unconfirmed, s.Idle)
	}
	m.Done(Cost{})
	if s := m.Status(); s.Wanted != 4 || s.Acknowledged != 4 || !s.Idle {
		t.Errorf("state = %d %d %v when done", s.Wanted, s.Acknowledged, s.Idle)
	}
}

func TestQueueHolds(t *testing.T) {
	v := views(t, 4)
	m := New()
	p, q := unit("p"), unit("q")
	m.Hold(v[0], v[1], append(slices.Clone(p), q...))
	if s := m.Status(); s.Wanted != 2 || !s.Unconfirmed.Includes(2) || s.Idle {
		t.Errorf("state = %d %v %v while units are held", s.Wanted, s.Unconfirmed, s.Idle)
	}
	m.Post(v[1], v[2], q) // overtakes nothing: q goes with what waits
	j := m.mustTake(t)
	if want := (Marks{q[0]: v[0]}); !maps.Equal(j.Units, want) {
		t.Errorf("took %v, want q as of revision 1", j.Units)
	}
	if j.Held == nil || !maps.Equal(j.Held, map[pipeline.Unit]bool{p[0]: true}) {
		t.Errorf("late = %v, %v still held; q was held, and p is", j.Held != nil, j.Held)
	}
	m.Done(Cost{})
	if s := m.Status(); !s.Unconfirmed.Includes(2) || s.Idle {
		t.Errorf("state = %v %v while p is held", s.Unconfirmed, s.Idle)
	}
	m.Release(v[3], append(slices.Clone(p), q...))
	j = m.mustTake(t)
	if want := (Marks{p[0]: v[0]}); !maps.Equal(j.Units, want) || j.View != v[3] {
		t.Errorf("took %+v, want p as of revision 1", j)
	}
	if j.Held == nil || len(j.Held) > 0 {
		t.Errorf("late = %v, %v still held; p was the last", j.Held != nil, j.Held)
	}
	m.Done(Cost{})
	m.Post(v[2], v[3], q)
	if j = m.mustTake(t); j.Held != nil {
		t.Error("what never had to wait is late")
	}
	m.Done(Cost{})
	if s := m.Status(); s.Acknowledged != 4 || !s.Idle || s.Unconfirmed.Includes(2) {
		t.Errorf("state = %d %v %v in the end", s.Acknowledged, s.Unconfirmed, s.Idle)
	}
	m.Release(v[3], p) // once more is nothing
	if s := m.Status(); !s.Idle {
		t.Error("a unit was released twice")
	}
}

func TestQueueCallsWhenDone(t *testing.T) {
	v := views(t, 3)
	m := New()
	called := 0
	m.WhenDone(v[0].Seq, func() { called++ })
	if called != 1 {
		t.Fatalf("called %d times when nothing waits", called)
	}
	m.Post(v[0], v[1], unit("p"))
	m.mustTake(t)
	m.Post(v[1], v[2], unit("p"))
	m.WhenDone(v[2].Seq, func() { called++ })
	m.Done(Cost{})
	if called != 1 {
		t.Fatal("called before the view was confirmed")
	}
	m.mustTake(t)
	m.Done(Cost{})
	if called != 2 {
		t.Fatalf("called %d times, want 2", called)
	}
}

func TestQueueFullConfirmsNothingBefore(t *testing.T) {
	v := views(t, 2)
	m := New()
	m.Compare(v[1])
	m.Post(v[1], v[1], unit("p"))
	j := m.mustTake(t)
	if j.Scope != Full {
		t.Errorf("took %+v, want a full comparison", j)
	}
	if s := m.Status(); !s.Unconfirmed.Includes(1) || !s.Unconfirmed.Includes(2) || s.Unconfirmed.Includes(3) {
		t.Errorf("unconfirmed %+v, want every revision there is", s.Unconfirmed)
	}
	m.Done(Cost{})
	if s := m.Status(); s.Unconfirmed.Includes(1) || s.Unconfirmed.Includes(2) || !s.Idle {
		t.Errorf("unconfirmed %+v when done", s.Unconfirmed)
	}
}

func TestQueueFailureBecomesFull(t *testing.T) {
	v := views(t, 3)
	m := New()
	m.Post(v[0], v[1], unit("p"))
	m.mustTake(t)
	m.Post(v[1], v[2], unit("q"))
	m.Failed()
	j := m.mustTake(t)
	if s := m.Status(); j.Scope != Full || j.View != v[2] || !slices.Equal(s.Unconfirmed.each, revisions(2, 3)) {
		t.Errorf("took %+v, unconfirmed %v, want a full comparison that confirms revisions 2 and 3", j, s.Unconfirmed)
	}
}

// What is held is not lost, whatever else makes the node do it: its change is in the view
// that is taken then.
func TestQueueHeldIsNotLost(t *testing.T) {
	t.Run("a full comparison waits", func(t *testing.T) {
		v := views(t, 3)
		m := New()
		m.Compare(v[1])
		m.Hold(v[1], v[2], unit("p"))
		m.Release(v[2], unit("p"))
		if j := m.mustTake(t); j.Scope != Full || j.View != v[2] {
			t.Errorf("took %+v, want a full comparison with the newest view", j)
		}
	})
	t.Run("the unit waits", func(t *testing.T) {
		v := views(t, 3)
		m := New()
		m.Post(v[0], v[1], unit("p"))
		m.Hold(v[1], v[2], unit("p"))
		m.Release(v[2], unit("p"))
		if j := m.mustTake(t); j.View != v[2] || j.Units[unit("p")[0]] != v[0] {
			t.Errorf("took %+v, want p from the first view to the newest", j)
		}
	})
	t.Run("the switch refuses what was before", func(t *testing.T) {
		v := views(t, 3)
		m := New()
		m.Post(v[0], v[1], unit("q"))
		m.mustTake(t)
		m.Hold(v[1], v[2], unit("p"))
		m.Failed()
		if j := m.mustTake(t); j.Scope != Full || j.View != v[2] {
			t.Errorf("took %+v, want a full comparison with the newest view", j)
		}
	})
}

func TestQueueIsBounded(t *testing.T) {
	v := views(t, 4)
	m := New()
	units := make([]pipeline.Unit, minMarked)
	for i := range units {
		units[i] = pipeline.Unit{Kind: pipeline.UnitPort, Name: time.Duration(i).String()}
	}
	m.Post(v[0], v[1], units)
	m.Hold(v[0], v[1], unit("held"))
	m.Post(v[1], v[2], unit("one more"))
	m.Post(v[2], v[3], unit("another"))
	m.Hold(v[2], v[3], unit("late"))
	j := m.mustTake(t)
	if j.Scope == Full || j.Since != v[1] || len(j.Units) != minMarked+1 || j.Units[unit("held")[0]] != v[0] || j.View != v[3] {
		t.Errorf("%d units wait, and all others since view %v; want what waited and was held at first, and all others since %v", len(j.Units), j.Since, v[1])
	}
	if len(m.held) != 0 {
		t.Errorf("held: %v", m.held)
	}
}

func TestQueueEmpty(t *testing.T) {
	if j, ok := New().Take(); ok {
		t.Errorf("took %+v from an empty queue", j)
	}
}

// TestResync: without a failed job, Distrust makes a comparison wait, with the newest view.
func TestResync(t *testing.T) {
	vs := views(t, 3)
	m := New()
	m.Compare(vs[1])
	m.mustTake(t)
	m.Done(Cost{})
	m.Distrust(vs[1])
	if j := m.mustTake(t); j.Scope != Full || j.View != vs[1] {
		t.Errorf("%+v", j)
	}
	m.Done(Cost{})
	m.Post(vs[1], vs[2], unit("p"))
	m.Distrust(vs[1])
	if j := m.mustTake(t); j.Scope != Full || j.View != vs[2] {
		t.Errorf("with work waiting: %+v", j)
	}
	m.Done(Cost{})
	if s := m.Status(); !s.Idle || s.Acknowledged != vs[2].Topo.Revision() {
		t.Errorf("acknowledged %d, idle %v", s.Acknowledged, s.Idle)
	}
}
