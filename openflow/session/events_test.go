package session

import (
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/sdnctl/sdnctl/openflow"
)

// A flood of packet-ins that nobody takes delays no reply and costs a bounded
// amount of memory.
func TestPacketInFlood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const flood = 20_000
		s := startFake(t, Config{PacketInQueue: 100}, func(f *fakeSwitch) error {
			for range flood {
				if err := f.send(&openflow.PacketIn{BufferID: openflow.NoBuffer, Data: make([]byte, 60)}); err != nil {
					return err
				}
			}
			return serveOn(f)
		})
		if err := s.Barrier(t.Context()); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if st := s.Stats(); st.PacketInsDropped != flood-100 || st.In[openflow.TypePacketIn] != flood {
			t.Errorf("stats %+v", st)
		}
		for range 100 {
			if p, ok := nextEvent(s).(*openflow.PacketIn); !ok || len(p.Data) != 60 {
				t.Fatalf("event %+v", p)
			}
		}
	})
}

// Large packet-ins are bounded by their bytes, errors by their number.
func TestOtherFloods(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const flood = 5000
		s := startFake(t, Config{PacketInQueue: 1 << 20, UnaskedBurst: 1 << 20}, func(f *fakeSwitch) error {
			for range flood {
				if err := f.send(&openflow.PacketIn{Data: make([]byte, 9000)}, &openflow.ErrorMsg{}, &openflow.FlowRemoved{}); err != nil {
					return err
				}
			}
			return serveOn(f)
		})
		if err := s.Barrier(t.Context()); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		st := s.Stats()
		if st.PacketInsDropped < flood-200 {
			t.Errorf("only %d packet-ins dropped", st.PacketInsDropped)
		}
		if want := uint64(2*flood - maxOtherEvents); st.EventsDropped != want {
			t.Errorf("%d other events dropped, want %d", st.EventsDropped, want)
		}
	})
}

// However many changes of ports nobody takes, the last of each port arrives.
func TestPortStatusIsNeverLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const ports, changes = 50, 200
		s := startFake(t, Config{PacketInQueue: 1}, func(f *fakeSwitch) error {
			for c := range changes {
				for p := range ports {
					m := &openflow.PortStatus{Reason: openflow.PortModified, Port: openflow.Port{No: openflow.PortNo(p + 1), Config: uint32(c)}}
					if c == 0 {
						m.Reason = openflow.PortAdded
					} else if c == changes-1 && p%2 == 0 {
						m.Reason = openflow.PortDeleted
					}
					if err := f.send(m, &openflow.PacketIn{}); err != nil {
						return err
					}
				}
			}
			return serveOn(f)
		})
		if err := s.Barrier(t.Context()); err != nil {
			t.Fatal(err)
		}
		last, first := map[openflow.PortNo]*openflow.PortStatus{}, map[openflow.PortNo]*openflow.PortStatus{}
		for done := false; !done; {
			switch e := nextEvent(s).(type) {
			case *openflow.PortStatus:
				last[e.Port.No] = e
				if first[e.Port.No] == nil {
					first[e.Port.No] = e
				}
			case *openflow.PacketIn:
				done = true // they come after
			}
		}
		for p := openflow.PortNo(1); p <= ports; p++ {
			m := last[p]
			if m == nil || m.Port.Config != changes-1 || (m.Reason == openflow.PortDeleted) != (p%2 == 1) {
				t.Errorf("port %v ends as %+v", p, m)
			}
			if p%2 == 0 && first[p].Reason != openflow.PortAdded {
				t.Errorf("port %v begins with %v", p, first[p].Reason)
			}
		}
	})
}

func TestPortStatusMerging(t *testing.T) {
	tests := []struct {
		name    string
		reasons []openflow.PortReason
		want    openflow.PortReason
	}{
		{"modified", []openflow.PortReason{openflow.PortModified, openflow.PortModified}, openflow.PortModified},
		{"new and modified is new", []openflow.PortReason{openflow.PortAdded, openflow.PortModified}, openflow.PortAdded},
		{"new and gone is gone", []openflow.PortReason{openflow.PortAdded, openflow.PortModified, openflow.PortDeleted}, openflow.PortDeleted},
		{"replaced is new", []openflow.PortReason{openflow.PortDeleted, openflow.PortAdded}, openflow.PortAdded},
		{"replaced and modified is new", []openflow.PortReason{openflow.PortDeleted, openflow.PortAdded, openflow.PortModified}, openflow.PortAdded},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			q := newEventQueue(1)
			for i, r := range test.reasons {
				if err := q.pushPort(&openflow.PortStatus{Reason: r, Port: openflow.Port{No: 5, Config: uint32(i)}}); err != nil {
					t.Fatal(err)
				}
			}
			got, _ := q.pop()
			want := &openflow.PortStatus{Reason: test.want, Port: openflow.Port{No: 5, Config: uint32(len(test.reasons) - 1)}}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if again, _ := q.pop(); again != nil {
				t.Errorf("another event: %+v", again)
			}
		})
	}
}

func TestPortStatusFlood(t *testing.T) {
	q := newEventQueue(1)
	for i := range openflow.PortNo(maxPortsChanged) {
		if err := q.pushPort(&openflow.PortStatus{Port: openflow.Port{No: i}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := q.pushPort(&openflow.PortStatus{Port: openflow.Port{No: maxPortsChanged}}); err == nil {
		t.Error("takes changes of any number of ports")
	}
}

// Events of the handshake are not lost.
func TestEventsDuringHandshake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := startFakeAfter(t, Config{}, func(f *fakeSwitch) error {
			if err := f.send(openflow.NewHello(), &openflow.PortStatus{Port: openflow.Port{No: 9}}); err != nil {
				return err
			}
			return f.resume(isBarrier)
		}, serveOn)
		if e, ok := nextEvent(s).(*openflow.PortStatus); !ok || e.Port.No != 9 {
			t.Errorf("event %+v", e)
		}
	})
}
