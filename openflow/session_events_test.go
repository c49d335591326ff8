package openflow

import (
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
)

// A flood of packet-ins that nobody takes delays no reply and costs a bounded
// amount of memory.
func TestPacketInFlood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const flood = 20_000
		s := startFake(t, Config{PacketInQueue: 100}, func(f *fakeSwitch) error {
			for range flood {
				if err := f.send(&PacketIn{BufferID: NoBuffer, Data: make([]byte, 60)}); err != nil {
					return err
				}
			}
			return serveOn(f)
		})
		if err := s.Barrier(t.Context()); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		// One is on its way out of the queue.
		if st := s.Stats(); st.PacketInsDropped != flood-101 || st.In[TypePacketIn] != flood {
			t.Errorf("stats %+v", st)
		}
		for range 101 {
			if p, ok := (<-s.Events()).(*PacketIn); !ok || len(p.Data) != 60 {
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
				if err := f.send(&PacketIn{Data: make([]byte, 9000)}, &ErrorMsg{}, &FlowRemoved{}); err != nil {
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
		if want := uint64(2*flood - maxOtherEvents); st.EventsDropped > want || st.EventsDropped < want-2 {
			t.Errorf("%d other events dropped, want about %d", st.EventsDropped, want)
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
					m := &PortStatus{Reason: PortModified, Port: Port{No: PortNo(p + 1), Config: uint32(c)}}
					if c == 0 {
						m.Reason = PortAdded
					} else if c == changes-1 && p%2 == 0 {
						m.Reason = PortDeleted
					}
					if err := f.send(m, &PacketIn{}); err != nil {
						return err
					}
				}
			}
			return serveOn(f)
		})
		if err := s.Barrier(t.Context()); err != nil {
			t.Fatal(err)
		}
		last, first := map[PortNo]*PortStatus{}, map[PortNo]*PortStatus{}
		for done := false; !done; {
			switch e := (<-s.Events()).(type) {
			case *PortStatus:
				last[e.Port.No] = e
				if first[e.Port.No] == nil {
					first[e.Port.No] = e
				}
			case *PacketIn:
				done = true // they come after
			}
		}
		for p := PortNo(1); p <= ports; p++ {
			m := last[p]
			if m == nil || m.Port.Config != changes-1 || (m.Reason == PortDeleted) != (p%2 == 1) {
				t.Errorf("port %v ends as %+v", p, m)
			}
			if p%2 == 0 && first[p].Reason != PortAdded {
				t.Errorf("port %v begins with %v", p, first[p].Reason)
			}
		}
	})
}

func TestPortStatusMerging(t *testing.T) {
	tests := []struct {
		name    string
		reasons []PortReason
		want    PortReason
	}{
		{"modified", []PortReason{PortModified, PortModified}, PortModified},
		{"new and modified is new", []PortReason{PortAdded, PortModified}, PortAdded},
		{"new and gone is gone", []PortReason{PortAdded, PortModified, PortDeleted}, PortDeleted},
		{"replaced is new", []PortReason{PortDeleted, PortAdded}, PortAdded},
		{"replaced and modified is new", []PortReason{PortDeleted, PortAdded, PortModified}, PortAdded},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			q := newEventQueue(1)
			for i, r := range test.reasons {
				if err := q.pushPort(&PortStatus{Reason: r, Port: Port{No: 5, Config: uint32(i)}}); err != nil {
					t.Fatal(err)
				}
			}
			got, _ := q.pop()
			want := &PortStatus{Reason: test.want, Port: Port{No: 5, Config: uint32(len(test.reasons) - 1)}}
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
	for i := range PortNo(maxPortsChanged) {
		if err := q.pushPort(&PortStatus{Port: Port{No: i}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := q.pushPort(&PortStatus{Port: Port{No: maxPortsChanged}}); err == nil {
		t.Error("takes changes of any number of ports")
	}
}

// Events of the handshake are not lost.
func TestEventsDuringHandshake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := startFakeAfter(t, Config{}, func(f *fakeSwitch) error {
			if err := f.send(NewHello(), &PortStatus{Port: Port{No: 9}}); err != nil {
				return err
			}
			return f.resume(isBarrier)
		}, serveOn)
		if e, ok := (<-s.Events()).(*PortStatus); !ok || e.Port.No != 9 {
			t.Errorf("event %+v", e)
		}
	})
}
