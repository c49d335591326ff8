package simswitch_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/sdnctl/sdnctl/integration/lab"
	"github.com/sdnctl/sdnctl/integration/simswitch"
	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestReconcilerDrivesFleet has the daemon's reconciler keep 200 switches.
func TestReconcilerDrivesFleet(t *testing.T) {
	const nodes = 200
	b := newBed(t, nodes)
	b.declare()
	b.settled()
	if st := b.fleet.Status(); st.Connected != nodes || st.Stats.Refused > 0 {
		t.Errorf("after the start: %+v", st)
	}

	t.Run("a segmented port touches its node alone", func(t *testing.T) {
		before := b.flowMods()
		b.apply(portOn("pods", 7, 3))
		b.settled()
		if got := b.touched(before); len(got) != 1 || got["node7"] == 0 {
			t.Errorf("touched: %v", got)
		}
	})
	t.Run("a stretched port touches those that have the network", func(t *testing.T) {
		before := b.flowMods()
		b.apply(portOn("lan", 20, 4))
		b.settled()
		got := b.touched(before)
		if len(got) != nodes/10 {
			t.Errorf("%d nodes touched, want %d: %v", len(got), nodes/10, got)
		}
	})
	t.Run("an interface that goes and comes", func(t *testing.T) {
		s := b.fleet.Switch("node8")
		flows := s.NumFlows()
		if !s.RemovePort("eth1") {
			t.Fatal("no eth1")
		}
		b.await("its flows to go", func() error {
			if n := s.NumFlows(); n >= flows {
				return fmt.Errorf("%d flows", n)
			}
			return nil
		})
		b.settled()
		if err := s.AddPort(openflow.Port{No: 44, Name: "eth1"}); err != nil {
			t.Fatal(err)
		}
		b.await("its flows to be back", func() error {
			if n := s.NumFlows(); n != flows {
				return fmt.Errorf("%d flows, had %d", n, flows)
			}
			return nil
		})
		b.settled()
	})
	t.Run("switches that come back empty", func(t *testing.T) {
		before := b.flowMods()
		for i := range 20 {
			b.fleet.Switch(nodeName(i)).Reset()
		}
		b.settled()
		if got := b.touched(before); len(got) != 20 {
			t.Errorf("%d nodes touched, want 20", len(got))
		}
	})
	t.Run("switches that come back as they were", func(t *testing.T) {
		handshakes, before := b.fleet.Status().Stats.Handshakes, b.flowMods()
		for _, name := range b.fleet.Names() {
			b.fleet.Switch(name).Disconnect()
		}
		b.await("new connections", func() error {
			if n := b.fleet.Status().Stats.Handshakes - handshakes; n < nodes {
				return fmt.Errorf("%d of %d", n, nodes)
			}
			return nil
		})
		b.settled()
		if got := b.touched(before); len(got) != 0 {
			t.Errorf("touched: %v", got)
		}
	})
	t.Run("a switch that is full holds up nobody", func(t *testing.T) {
		full := b.fleet.Switch("node9")
		full.SetFaults(simswitch.Faults{RefuseFlows: true})
		b.apply(portOn("pods", 9, 3), portOn("pods", 10, 4))
		b.await("the error", func() error {
			if s, _ := b.fabric.NodeStatus("node9"); !strings.Contains(s.LastError, "TABLE_FULL") {
				return fmt.Errorf("last error: %q", s.LastError)
			}
			return b.asCompiled("node10")
		})
		full.SetFaults(simswitch.Faults{})
		b.settled()
	})
	t.Run("everything deleted", func(t *testing.T) {
		var ops []topology.Op
		for p := range b.store.Snapshot().Ports() {
			ops = append(ops, remove(topology.KindPort, p.Name))
		}
		b.apply(ops...)
		b.settled()
	})
}

// TestReconcilerWithFaultySwitches has switches that drop connections, answer
// late or read slowly come to what they are to be, once they behave.
func TestReconcilerWithFaultySwitches(t *testing.T) {
	b := newBed(t, 12)
	for i, f := range []simswitch.Faults{{DropAfter: 4}, {DropAfter: 9}, {ReplyDelay: 20 * time.Millisecond}, {ReadRate: 20000}, {StopReading: true}} {
		b.fleet.Switch(nodeName(i)).SetFaults(f)
	}
	b.declare()
	b.await("those that behave", func() error {
		for i := 5; i < 12; i++ {
			if err := b.asCompiled(nodeName(i)); err != nil {
				return err
			}
			if b.fleet.Switch(nodeName(i)).NumFlows() == 0 {
				return fmt.Errorf("%s has no flows", nodeName(i))
			}
		}
		return nil
	})
	b.await("the slow ones", func() error {
		for _, i := range []int{2, 3} {
			if err := b.asCompiled(nodeName(i)); err != nil {
				return err
			}
		}
		return nil
	})
	for i := range 5 {
		b.fleet.Switch(nodeName(i)).SetFaults(simswitch.Faults{})
	}
	b.settled()
}

// await waits until check finds nothing wrong.
func (b *bed) await(what string, check func() error) {
	b.Helper()
	if err := lab.PollFor(b.Context(), 30*time.Second, what, func(context.Context) error { return check() }); err != nil {
		b.Fatal(err)
	}
}
