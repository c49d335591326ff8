package simswitch_test

import (
	"fmt"
	"runtime/metrics"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sdnctl/sdnctl/integration/simswitch"
	"github.com/sdnctl/sdnctl/topology"
)

// TestBurst makes ten thousand changes, each of which concerns every node, as
// fast as the store takes them. Nodes get theirs merged, a slow one more than
// others; nobody is starved meanwhile, and the slow one delays only itself.
func TestBurst(t *testing.T) {
	const (
		nodes   = 20
		changes = 10_000
		writers = 64
		slow    = "node3"
	)
	b := newBed(t, nodes)
	b.declare()
	for i := range nodes {
		if i%10 != 0 {
			b.apply(portOn("lan", i, 3)) // now on all nodes
		}
	}
	b.settled()
	b.fleet.Switch(slow).SetFaults(simswitch.Faults{ReplyDelay: 200 * time.Millisecond})
	mods, bundles := b.flowMods(), b.bundles()

	var left atomic.Int64
	left.Store(changes)
	var writing sync.WaitGroup
	for range writers {
		writing.Go(func() {
			for i := left.Add(-1); i >= 0; i = left.Add(-1) {
				op := set(topology.KindPort, fmt.Sprintf("burst-%d", i), topology.PortSpec{Network: "lan", Node: "node0"})
				if _, err := b.store.Apply(b.Context(), "test", []topology.Op{op}); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	// What concerns one node alone is confirmed while the burst goes on.
	probes := 0
	for _, op := range []topology.Op{portOn("pods", 8, 4), portOn("pods", 7, 4)} {
		c, err := b.store.Apply(b.Context(), "test", []topology.Op{op})
		if err != nil {
			t.Fatal(err)
		}
		b.await("a change of one node", func() error {
			for _, p := range b.fabric.Acks(c.Revision).Pending {
				if p.Node != slow {
					return fmt.Errorf("%+v", p)
				}
			}
			return nil
		})
		if left.Load() > 0 {
			probes++
		}
	}
	writing.Wait()
	if probes == 0 {
		t.Error("nothing else was confirmed before the burst was over")
	}
	b.settled()

	got := b.bundles()
	for _, name := range b.fleet.Names() {
		n := got[name] - bundles[name]
		if n > changes/2 {
			t.Errorf("%s got %d bundles for %d changes, want them merged", name, n, changes)
		}
		if name == slow && n > 500 {
			t.Errorf("%s answers 5 times a second, and yet got %d bundles", name, n)
		}
		// Two flow-mods for each port, a few for the nodes' own, and a stamp in each bundle.
		if most := 2*changes + 20 + n; b.flowMods()[name]-mods[name] > most {
			t.Errorf("%s got %d flow-mods, want at most %d", name, b.flowMods()[name]-mods[name], most)
		}
	}
	t.Logf("bundles for %d changes: %d for node1, %d for the slow node", changes, got["node1"]-bundles["node1"], got[slow]-bundles[slow])
}

// TestSlowSwitchDelaysItself has a switch that reads nothing, while as many
// changes are made as fill its queue: all others confirm each, what waits for
// it takes bounded memory, and it has all once it reads again.
func TestSlowSwitchDelaysItself(t *testing.T) {
	const (
		nodes = 10
		ports = 20_000
	)
	b := newBed(t, nodes)
	b.declare()
	b.apply(portOn("lan", 1, 3))
	b.settled()
	stuck := b.fleet.Switch("node1")
	stuck.SetFaults(simswitch.Faults{StopReading: true})
	before := heap()
	for first := 0; first < ports; first += 1000 {
		var ops []topology.Op
		for i := first; i < first+1000; i++ {
			ops = append(ops, set(topology.KindPort, fmt.Sprintf("many-%d", i), topology.PortSpec{Network: "lan", Node: "node0"}))
		}
		c, err := b.store.Apply(t.Context(), "test", ops)
		if err != nil {
			t.Fatal(err)
		}
		b.await("all others", func() error {
			for _, p := range b.fabric.Acks(c.Revision).Pending {
				if p.Node != "node1" {
					return fmt.Errorf("%+v", p)
				}
			}
			return nil
		})
	}
	// The ports themselves, and their flows on the switch that runs here too.
	if grown := (heap() - before) / ports; grown > 4000 {
		t.Errorf("%d bytes for each port", grown)
	} else {
		t.Logf("%d bytes for each port, in the store, the simulator and what waits", grown)
	}
	stuck.SetFaults(simswitch.Faults{})
	b.settled()
}

// TestStampede has a thousand switches lose their connections at once: each
// comes back with one connection, none gets a flow-mod, and memory stays
// bounded.
func TestStampede(t *testing.T) {
	const nodes = 1000
	b := newBed(t, nodes)
	b.declare()
	b.settled()
	handshakes, mods := b.fleet.Status().Stats.Handshakes, b.flowMods()
	before := heap()
	var peak atomic.Uint64
	done := make(chan struct{})
	var watching sync.WaitGroup
	watching.Go(func() {
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		// What was in use when the collector last looked. How much garbage there is beside depends on
		// how busy the machine is.
		live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
		for {
			select {
			case <-tick.C:
				metrics.Read(live)
				peak.Store(max(peak.Load(), live[0].Value.Uint64()))
			case <-done:
				return
			}
		}
	})
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
	close(done)
	watching.Wait()
	if n := b.fleet.Status().Stats.Handshakes - handshakes; n != nodes {
		t.Errorf("%d connections, want one for each of %d switches", n, nodes)
	}
	if got := b.touched(mods); len(got) > 0 {
		t.Errorf("%d nodes got flow-mods", len(got))
	}
	each := (int64(peak.Load()) - before) / nodes
	t.Logf("at most %d bytes more for each switch while they came back", each)
	// A node's 1,013 flows take 250,000 bytes compiled, and the same read back. Not all nodes' are
	// there at a time: it is about 50,000.
	if each > 125_000 {
		t.Errorf("%d bytes for each switch, want less than if all were compared at a time", each)
	}
}

// bundles returns how many bundles each switch has committed.
func (b *bed) bundles() map[string]uint64 {
	n := make(map[string]uint64)
	for _, name := range b.fleet.Names() {
		n[name] = b.fleet.Switch(name).Stats().Bundles
	}
	return n
}
