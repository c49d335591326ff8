package session

import (
	"context"
	"encoding/binary"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sdnctl/sdnctl/openflow"
)

// updatesMessage is a report of changes as a switch sends it.
func updatesMessage(t testing.TB, updates ...openflow.FlowUpdate) *openflow.MultipartReply {
	b := experimenterBody(openflow.ONFFlowMonitor)
	for _, u := range updates {
		b = append(b, encode(t, &u)...)
	}
	return &openflow.MultipartReply{Kind: openflow.MultipartExperimenter, Body: b}
}

// monitoredFake returns a session whose switch, after each barrier request and
// before the reply, says the next of says.
func monitoredFake(t *testing.T, says ...[]openflow.Message) (*Session, *FlowMonitor) {
	t.Helper()
	s := startFake(t, Config{}, func(f *fakeSwitch) error {
		for {
			m, err := f.recv()
			if err != nil {
				return err
			}
			if isBarrier(m) && len(says) > 0 {
				for _, say := range says[0] {
					if err := f.send(say); err != nil {
						return err
					}
				}
				says = says[1:]
			}
			if q, ok := m.(*openflow.MultipartRequest); ok {
				err = f.send(&openflow.MultipartReply{Header: openflow.Header{ID: q.Xid()}, Kind: q.Kind, Body: q.Body[:openflow.ExperimenterBodyLen]})
			} else if _, cancel := m.(*openflow.FlowMonitorCancel); !cancel {
				err = f.answer(m)
			}
			if err != nil {
				return err
			}
		}
	})
	return s, monitorAll(t, s)
}

func TestMonitorTake(t *testing.T) {
	drop := func(event openflow.FlowEvent, priority uint16) openflow.FlowUpdate {
		return openflow.FlowUpdate{Event: event, Flow: openflow.Flow{Table: 1, Priority: priority}}
	}
	added := func(priority uint16) string {
		u := drop(openflow.FlowAdded, priority)
		return u.String() + "\n"
	}
	own := openflow.FlowUpdate{Event: openflow.FlowAbbrev, ModXid: 9}
	paused, resumed := &openflow.FlowMonitorPaused{}, &openflow.FlowMonitorResumed{}
	malformed := updatesMessage(t, drop(openflow.FlowAdded, 3))
	malformed.Body = malformed.Body[:len(malformed.Body)-1]
	internal := openflow.FlowUpdate{Event: openflow.FlowAdded, Flow: openflow.Flow{Table: 254}}
	type said = []openflow.Message
	for _, tt := range []struct {
		name string
		says []said
		want []string // after each
	}{
		{"changes", []said{{updatesMessage(t, drop(openflow.FlowAdded, 1), drop(openflow.FlowAdded, 2)), updatesMessage(t, drop(openflow.FlowAdded, 3))}, {}},
			[]string{added(1) + added(2) + added(3), ""}},
		{"own changes", []said{{updatesMessage(t, own)}, {updatesMessage(t, drop(openflow.FlowAdded, 1), own, drop(openflow.FlowAdded, 2))}},
			[]string{"", added(1) + added(2)}},
		{"no change", []said{{updatesMessage(t)}}, []string{""}},
		{"internal table", []said{{updatesMessage(t, internal, drop(openflow.FlowAdded, 1))}}, []string{added(1)}},
		{"malformed", []said{{updatesMessage(t, drop(openflow.FlowAdded, 1)), malformed, updatesMessage(t, drop(openflow.FlowAdded, 2))}, {}},
			[]string{added(1) + added(2) + "lost\n", ""}},
		{"pause", []said{{updatesMessage(t, drop(openflow.FlowAdded, 1)), paused}, {}, {resumed}, {updatesMessage(t, drop(openflow.FlowAdded, 2))}},
			[]string{added(1) + "lost\n", "", "", added(2)}},
		{"pause with changes", []said{{paused}, {updatesMessage(t, drop(openflow.FlowAdded, 1))}, {resumed}, {updatesMessage(t, drop(openflow.FlowAdded, 2))}},
			[]string{"lost\n", "", "lost\n", added(2)}},
		{"short pause", []said{{paused, updatesMessage(t, drop(openflow.FlowAdded, 1)), resumed, updatesMessage(t, drop(openflow.FlowAdded, 2))}, {}},
			[]string{"lost\n", ""}},
		{"resumed without a pause", []said{{resumed}}, []string{"lost\n"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, m := monitoredFake(t, tt.says...)
			for i, want := range tt.want {
				if err := s.Barrier(testContext(t)); err != nil {
					t.Fatal(err)
				}
				select {
				case <-m.Changed():
				default:
					if want != "" {
						t.Errorf("Changed does not tell of step %d", i)
					}
				}
				if diff := cmp.Diff(want, taken(m)); diff != "" {
					t.Errorf("step %d (-want +got):\n%s", i, diff)
				}
			}
		})
	}
}

// A caller that takes nothing bounds the memory, and learns that it missed some;
// what it takes is the beginning without a gap.
func TestMonitorOverflow(t *testing.T) {
	var flood []openflow.Message
	size := 0
	for i := 0; size < 2*MonitorQueue; i++ {
		f := testFlow(i)
		flood = append(flood, updatesMessage(t, openflow.FlowUpdate{Event: openflow.FlowAdded, Flow: f}))
		size += len(encode(t, flood[i]))
	}
	last := openflow.FlowUpdate{Event: openflow.FlowDeleted, Flow: testFlow(0)}
	s, m := monitoredFake(t, flood, []openflow.Message{updatesMessage(t, last)})
	if err := s.Barrier(testContext(t)); err != nil {
		t.Fatal(err)
	}
	changes, lost := m.Take()
	if !lost || len(changes) < 5000 || len(changes) >= len(flood) {
		t.Errorf("%d of %d changes, lost %v", len(changes), len(flood), lost)
	}
	for i, c := range changes {
		if c.Cookie != testFlow(i).Cookie {
			t.Fatalf("change %d is %v", i, &c)
		}
	}
	if err := s.Barrier(testContext(t)); err != nil {
		t.Fatal(err)
	}
	if got := taken(m); got != last.String()+"\n" {
		t.Errorf("afterwards: %s", got)
	}
}

func TestMonitorFlowsRefused(t *testing.T) {
	s := startFake(t, Config{}, func(f *fakeSwitch) error {
		for _, code := range []uint16{4, 3, 2, 7} {
			m, err := f.recv()
			if err == nil {
				err = f.send(&openflow.ErrorMsg{Header: openflow.Header{ID: m.Xid()}, ErrType: openflow.ErrTypeBadRequest, Code: code})
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	for _, unsupported := range []bool{true, true, true, false} {
		_, err := s.MonitorFlows(testContext(t), openflow.AllFlowChanges())
		var refused *openflow.ErrorMsg
		if errors.Is(err, ErrMonitorUnsupported) != unsupported || !errors.As(err, &refused) {
			t.Errorf("error %v", err)
		}
	}
	for _, flag := range []openflow.MonitorFlags{openflow.MonitorInitial, openflow.MonitorOwn} {
		q := openflow.AllFlowChanges()
		q.Flags |= flag
		if _, err := s.MonitorFlows(testContext(t), q); !errors.Is(err, openflow.ErrBadValue) {
			t.Errorf("flags %v: %v", q.Flags, err)
		}
	}
}

func TestMonitorOneAtATime(t *testing.T) {
	ctx := testContext(t)
	s, m := monitoredFake(t, nil, []openflow.Message{updatesMessage(t, openflow.FlowUpdate{Flow: testFlow(1)})})
	if _, err := s.MonitorFlows(ctx, openflow.AllFlowChanges()); err == nil {
		t.Error("a second monitor is allowed")
	}
	for range 2 {
		if err := m.Close(ctx); err != nil {
			t.Error(err)
		}
	}
	if err := s.Barrier(ctx); err != nil { // before which the switch reports once more
		t.Fatal(err)
	}
	if got := taken(m); got != "" {
		t.Errorf("reported after Close: %s", got)
	}
	if n := s.Stats().Unmatched; n != 1 {
		t.Errorf("%d messages that nobody waited for, want the one report", n)
	}
	if _, err := s.MonitorFlows(ctx, openflow.AllFlowChanges()); err != nil {
		t.Errorf("after Close: %v", err)
	}
}

// A caller that gives up while the switch has not answered leaves no monitor
// behind.
func TestMonitorGivenUp(t *testing.T) {
	asked, cancelled := make(chan uint32, 1), make(chan uint32, 1)
	s := startFake(t, Config{}, func(f *fakeSwitch) error {
		for {
			m, err := f.recv()
			if err != nil {
				return err
			}
			switch m := m.(type) {
			case *openflow.MultipartRequest:
				for q, err := range m.FlowMonitors() {
					if err != nil {
						return err
					}
					asked <- q.ID
				}
			case *openflow.FlowMonitorCancel:
				cancelled <- m.MonitorID
			}
		}
	})
	ctx, giveUp := context.WithCancel(testContext(t))
	failed := make(chan error, 1)
	go func() {
		_, err := s.MonitorFlows(ctx, openflow.AllFlowChanges())
		failed <- err
	}()
	id := <-asked
	giveUp()
	if err := <-failed; !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	select {
	case got := <-cancelled:
		if got != id {
			t.Errorf("monitor %d is cancelled, not %d", got, id)
		}
	case <-testContext(t).Done():
		t.Error("the monitor is not cancelled")
	}
	s.Close()
	if _, err := s.MonitorFlows(testContext(t), openflow.AllFlowChanges()); !errors.Is(err, ErrClosed) {
		t.Errorf("after the session's end: %v", err)
	}
}

// TestMonitorHostile gives a monitor every beginning of what a switch sends it,
// as a message of its own.
func TestMonitorHostile(t *testing.T) {
	for _, msg := range []openflow.Message{
		&openflow.MultipartReply{Kind: openflow.MultipartExperimenter, Body: sampleUpdates(t)},
		updatesMessage(t, openflow.FlowUpdate{Event: openflow.FlowAbbrev}), &openflow.FlowMonitorPaused{}, &openflow.FlowMonitorResumed{},
	} {
		whole := encode(t, msg)
		for n := openflow.HeaderLen; n <= len(whole); n++ {
			s := newSession(nil, Config{})
			m := &FlowMonitor{s: s, wake: make(chan struct{}, 1)}
			s.monitor.Store(m)
			frame := append([]byte(nil), whole[:n]...)
			binary.BigEndian.PutUint16(frame[2:], uint16(n))
			s.monitored(frame)
			changes, lost := m.Take()
			for _, c := range changes {
				_ = c.String()
			}
			if bad := s.Stats().Undecodable; bad > 1 || bad == 1 && !lost {
				t.Errorf("%T, %d bytes: %d malformed, lost %v", msg, n, bad, lost)
			}
		}
	}
}
