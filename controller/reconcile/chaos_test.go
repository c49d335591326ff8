package reconcile_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/sdnctl/sdnctl/controller/reconcile"
	"github.com/sdnctl/sdnctl/integration/chaos"
	"github.com/sdnctl/sdnctl/integration/lab"
	"github.com/sdnctl/sdnctl/integration/ovstest"
	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/openflow/session"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/store/bolt"
)

// seedVar is the environment variable that has a random run repeated.
const seedVar = "SDNCTL_CHAOS_SEED"

// hasty are limits on a switch's silence with which tests are soon done.
var hasty = session.Config{
	EchoInterval: 60 * time.Millisecond, EchoTimeout: 120 * time.Millisecond,
	HandshakeTimeout: time.Second, WriteTimeout: 200 * time.Millisecond,
}

// chaosBed is a bed whose switches reach the Fabric over TCP, as a proxy would
// have it.
type chaosBed struct {
	*bed
	addr string
}

// newChaosBed brings up nodes, not yet joined to anything.
func newChaosBed(t *testing.T, nodes int, cfg reconcile.Config) *chaosBed {
	t.Helper()
	l := ovstest.Lab(t, nodes)
	b := serveTCP(t, l.Dir, cfg)
	b.Lab = l
	for _, n := range l.Nodes {
		b.identify(n)
	}
	return b
}

// serveTCP opens a store in dir and serves its Fabric on loopback.
func serveTCP(t *testing.T, dir string, cfg reconcile.Config) *chaosBed {
	t.Helper()
	st, err := bolt.Open(filepath.Join(dir, "test.db"), bolt.Options{})
	if err != nil {
		t.Fatal(err)
	}
	b := &chaosBed{bed: &bed{T: t, store: st, reg: prometheus.NewRegistry()}}
	cfg.Registerer = b.reg
	b.fabric, err = reconcile.New(cfg, st)
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b.addr = ln.Addr().String()
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if err := b.fabric.Run(ctx); err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	running.Go(func() {
		if err := b.fabric.Serve(ctx, ln); err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	b.stop = func() {
		cancel()
		running.Wait()
		if err := st.Close(); err != nil {
			t.Error(err)
		}
		b.stop = func() {}
	}
	t.Cleanup(func() { b.stop() })
	return b
}

// identify gives a node's br-int its datapath id and tunnel, but no controller.
func (b *chaosBed) identify(n *lab.Node) {
	b.Helper()
	b.join(n)
	if _, err := n.VSCtl(b.Context(), "del-controller", "br-int"); err != nil {
		b.Fatal(err)
	}
}

// management is the socket on which a node's br-int takes connections.
func management(n *lab.Node) string { return filepath.Join(n.Dir, "br-int.mgmt") }

// proxy puts a proxy between a node's switch and the Fabric, until stop.
func (b *chaosBed) proxy(n *lab.Node, cfg chaos.Config) (p *chaos.Proxy, stop func()) {
	b.Helper()
	cfg.Switch, cfg.Controller = chaos.Dial("unix", management(n)), chaos.Dial("tcp", b.addr)
	p = chaos.New(cfg)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { p.Run(ctx) })
	stop = func() {
		cancel()
		running.Wait()
	}
	b.Cleanup(stop)
	return p, stop
}

// empty removes all flows of a node's switch.
func (b *chaosBed) empty(n *lab.Node) {
	b.Helper()
	conn, err := net.Dial("unix", management(n))
	if err != nil {
		b.Fatal(err)
	}
	s, err := session.Handshake(b.Context(), conn, session.Config{})
	if err != nil {
		b.Fatal(err)
	}
	ran := make(chan struct{})
	go func() {
		defer close(ran)
		_ = s.Run(context.Background()) // it ends with Close
	}()
	_, err = s.Do(b.Context(), &openflow.FlowMod{
		Command: openflow.FlowDelete, BufferID: openflow.NoBuffer,
		OutPort: openflow.PortAny, OutGroup: openflow.GroupAny,
		Flow: openflow.Flow{Table: openflow.TableAll},
	})
	if err == nil {
		_, err = s.Do(b.Context(), &openflow.MeterMod{Command: openflow.MeterDelete, Meter: openflow.Meter{ID: openflow.MeterAll}})
	}
	s.Close()
	<-ran
	if err != nil {
		b.Fatal(err)
	}
}

// acked waits until every node is connected, and none has yet to confirm a
// revision.
func (b *chaosBed) acked(rev topology.Revision) {
	b.Helper()
	limit := time.NewTimer(20 * time.Second)
	defer limit.Stop()
	for {
		a := b.fabric.Acks(rev)
		away := ""
		for n := range b.store.Snapshot().Nodes() {
			if s, _ := b.fabric.NodeStatus(n.Name); !s.Connected || !s.InSync {
				away = n.Name
			}
		}
		if len(a.Pending) == 0 && away == "" {
			return
		}
		select {
		case <-a.Changed:
		case <-limit.C:
			b.Fatalf("revision %d: pending: %+v; not in sync: %q; quarantined: %+v", rev, a.Pending, away, b.fabric.Switches())
		}
	}
}

// exact waits until no revision is pending and the switches have exactly what a
// compilation of everything gives.
func (b *chaosBed) exact() {
	b.Helper()
	b.acked(b.store.Snapshot().Revision())
	b.settled()
}

// gone waits until a node is not connected, with nothing else waiting for it.
func (b *chaosBed) gone(node string) {
	b.Helper()
	b.await(node+" to be gone", func(context.Context) error {
		if s, _ := b.fabric.NodeStatus(node); s.Connected {
			return errors.New("it is connected")
		}
		if all := b.fabric.Switches(); len(all) > 0 {
			return fmt.Errorf("quarantined: %+v", all)
		}
		return nil
	})
}

// leftovers are what may not grow over a test.
type leftovers struct {
	goroutines int
	heap       uint64
}

// measure takes stock when everything collectable is collected.
func measure() leftovers {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return leftovers{runtime.NumGoroutine(), m.HeapAlloc}
}

// back waits until there are no more goroutines than before, and the heap is
// within slack of what it was.
func (b *chaosBed) back(before leftovers, slack uint64) {
	b.Helper()
	var now leftovers
	b.await("goroutines and memory to be as before", func(context.Context) error {
		now = measure()
		if now.goroutines > before.goroutines {
			return fmt.Errorf("%d goroutines, %d before", now.goroutines, before.goroutines)
		}
		if now.heap > before.heap+slack {
			return fmt.Errorf("heap of %d bytes, %d before", now.heap, before.heap)
		}
		return nil
	})
	b.Logf("goroutines %d before, %d after; heap %d KiB before, %d KiB after",
		before.goroutines, now.goroutines, before.heap>>10, now.heap>>10)
}

// place is where in a conversation a fault may be.
type place struct {
	dir chaos.Direction
	at  int
}

// TestEveryBoundary harms the connection with a real switch at each place of
// handshake, read-back, first bundle and a delta, in each way there is. Each
// time the switch must come to have exactly its flows.
func TestEveryBoundary(t *testing.T) {
	b := newChaosBed(t, 1, reconcile.Config{Session: hasty, RetryAfter: 10 * time.Millisecond})
	n := b.Nodes[0]
	b.plug(n, "p1")
	b.apply(b.nodeOp(n), networkOp(), portOp("p1", n.Name))

	// What is said when nothing happens.
	var mu sync.Mutex
	var places []place
	types := map[place]uint8{}
	talk := func(cfg chaos.Config) *chaos.Proxy {
		b.empty(n)
		b.apply(portOp("p1", n.Name))
		p, stop := b.proxy(n, cfg)
		defer stop()
		b.acked(b.store.Snapshot().Revision())
		b.acked(b.apply(portOp("p2", n.Name)))
		b.acked(b.apply(del(topology.KindPort, "p2")))
		b.settled()
		return p
	}
	talk(chaos.Config{Observe: func(m chaos.Message) {
		mu.Lock()
		defer mu.Unlock()
		pl := place{m.Dir, m.At}
		places, types[pl] = append(places, pl), m.Type
	}})
	b.gone(n.Name)
	before := measure()

	kinds := chaos.Kinds()
	if testing.Short() {
		kinds = []chaos.Kind{chaos.Cut, chaos.Takeover}
	}
	for _, kind := range kinds {
		started := time.Now()
		for _, pl := range places {
			f := chaos.Fault{Kind: kind, Dir: pl.dir, At: pl.at, Delay: 30 * time.Millisecond}
			p := talk(chaos.Config{Plan: func(conn int) []chaos.Fault {
				if conn > 0 {
					return nil
				}
				return []chaos.Fault{f}
			}})
			if len(p.Strikes()) != 1 {
				t.Errorf("%v: never happened", f)
			}
			if t.Failed() {
				t.Fatalf("with %v (OpenFlow type %d)", f, types[pl])
			}
			b.gone(n.Name)
		}
		t.Logf("%s: %d places in %v", kind, len(places), time.Since(started).Round(time.Millisecond))
	}
	b.back(before, 4<<20)
}

// seedOf returns the seed of a random run: the one asked for, or any.
func seedOf(t *testing.T) uint64 {
	t.Helper()
	seed := rand.Uint64()
	if s := os.Getenv(seedVar); s != "" {
		var err error
		if seed, err = strconv.ParseUint(s, 10, 64); err != nil {
			t.Fatalf("%s: %v", seedVar, err)
		}
	}
	t.Logf("to repeat this run: %s=%d", seedVar, seed)
	return seed
}

// storm is a random run: what is declared changes while connections suffer.
type storm struct {
	*chaosBed
	seed  uint64
	rand  *rand.Rand
	nodes []string
	// at is the node of each port that is declared.
	at map[string]string
	// applied counts changes.
	applied int
}

// plan returns the faults of a node's connections: up to three for each, by the
// seed alone.
func (s *storm) plan(node int) func(int) []chaos.Fault {
	return func(conn int) []chaos.Fault {
		r := rand.New(rand.NewPCG(s.seed, uint64(node)<<32|uint64(conn)))
		faults := make([]chaos.Fault, r.IntN(4))
		for i := range faults {
			faults[i] = chaos.Random(r, 25, 50*time.Millisecond)
		}
		return faults
	}
}

// change makes one random change: a port that comes, moves or goes, or the
// second network.
func (s *storm) change() {
	name, node := fmt.Sprintf("p%d", s.rand.IntN(6)), s.nodes[s.rand.IntN(len(s.nodes))]
	switch at, ok := s.at[name]; {
	case !ok, at != node:
		s.apply(portOp(name, node))
		s.at[name] = node
	case s.rand.IntN(2) == 0:
		s.apply(del(topology.KindPort, name))
		delete(s.at, name)
	default:
		s.apply(put(topology.KindNetwork, "other", topology.NetworkSpec{
			VNI: 100 + topology.VNI(1+s.rand.IntN(3)), Mode: topology.Segmented, ContainersPerNode: 50, MaxNodes: 8,
			Subnets: []topology.Subnet{{Prefix: netip.MustParsePrefix("10.9.0.0/16")}},
		}), put(topology.KindPort, "o", topology.PortSpec{Network: "other", Node: node, Interface: "o"}))
		s.apply(del(topology.KindPort, "o"), del(topology.KindNetwork, "other"))
		s.applied++
	}
	s.applied++
}

// TestStorm has several faults in a row on two nodes, and changes of all kinds
// meanwhile.
func TestStorm(t *testing.T) {
	rounds := 10
	if testing.Short() {
		rounds = 2
	}
	b := newChaosBed(t, 2, reconcile.Config{Session: hasty, RetryAfter: 10 * time.Millisecond})
	seed := seedOf(t)
	s := &storm{chaosBed: b, seed: seed, rand: rand.New(rand.NewPCG(seed, 0)), nodes: []string{"node1", "node2"}, at: map[string]string{}}
	for _, n := range b.Nodes {
		for i := range 3 {
			b.plug(n, fmt.Sprintf("p%d", i))
		}
	}
	b.apply(b.nodeOp(b.Nodes[0]), b.nodeOp(b.Nodes[1]), networkOp())
	before := measure()

	first, stopFirst := b.proxy(b.Nodes[0], chaos.Config{Plan: s.plan(0)})
	second, stopSecond := b.proxy(b.Nodes[1], chaos.Config{Plan: s.plan(1)})
	for range rounds {
		first.Storm()
		second.Storm()
		for range 20 {
			if s.rand.IntN(3) == 0 {
				first.Harm(chaos.Random(s.rand, 10, 50*time.Millisecond))
				second.Harm(chaos.Random(s.rand, 10, 50*time.Millisecond))
			}
			s.change()
			pauseUpTo(s.rand, 15*time.Millisecond)
		}
		first.Calm()
		second.Calm()
		b.exact()
	}
	struck := map[chaos.Kind]int{}
	for _, f := range append(first.Strikes(), second.Strikes()...) {
		struck[f.Kind]++
	}
	t.Logf("%d changes, %d connections, faults %v", s.applied, first.Conns()+second.Conns(), struck)
	if len(struck) == 0 {
		t.Error("nothing happened")
	}
	stopFirst()
	stopSecond()
	b.gone("node1")
	b.gone("node2")
	b.back(before, 16<<20)
}

// pauseUpTo lets a random time pass, to vary how changes and faults meet.
func pauseUpTo(r *rand.Rand, d time.Duration) {
	time.Sleep(time.Duration(r.Int64N(int64(d)))) // no condition: any moment may be the one of a fault
}
