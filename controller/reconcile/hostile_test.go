package reconcile_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/sdnctl/sdnctl/controller/reconcile"
	"github.com/sdnctl/sdnctl/controller/status"
	"github.com/sdnctl/sdnctl/integration/chaos"
	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/openflow/session"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// idleConnections is how many connections the test opens and leaves idle.
const idleConnections = 10_000

// attack is something that peers do until ctx ends. A flood is by a
// node of its own, which is throttled for it: that lasts for as long as what it
// left behind is read.
type attack struct {
	name  string
	do    func(ctx context.Context, b *chaosBed, run func(func()))
	flood string
}

// attacks are all of them. Each uses run for its goroutines.
var attacks = []attack{
	{"garbage", func(ctx context.Context, b *chaosBed, run func(func())) {
		for i := range 20 {
			run(func() {
				r := rand.New(rand.NewPCG(1, uint64(i)))
				again(ctx, time.Millisecond, func() {
					junk := make([]byte, r.IntN(4096))
					for j := range junk {
						junk[j] = byte(r.Uint32())
					}
					poke(ctx, b.addr, junk)
				})
			})
		}
	}, ""},
	{"slow hellos", func(ctx context.Context, b *chaosBed, run func(func())) {
		for range 300 {
			run(func() {
				again(ctx, time.Millisecond, func() {
					c, err := dialRogue(ctx, b.addr)
					if err != nil {
						return
					}
					hello, _ := openflow.NewHello().AppendBinary(nil)
					for i := range hello {
						if _, err := c.conn.Write(hello[i : i+1]); err != nil {
							break
						}
						sleep(ctx, 100*time.Millisecond)
					}
					c.conn.Close()
				})
			})
		}
	}, ""},
	{"idle connections", func(ctx context.Context, b *chaosBed, run func(func())) {
		n := 0
		for ; n < idleConnections; n++ {
			if _, err := dialRogue(ctx, b.addr); err != nil {
				b.Logf("no more connections than %d: %v", n, err)
				break
			}
		}
		b.Logf("%d idle connections were opened", n)
	}, ""},
	{"wrong lengths", func(ctx context.Context, b *chaosBed, run func(func())) {
		hello, _ := openflow.NewHello().AppendBinary(nil)
		for part := range 4 {
			run(func() {
				for typ := part; ctx.Err() == nil; typ = (typ + 4) % 30 {
					for _, n := range []int{0, 1, 7, 8, 9, 12, 16, 23, 24, 40, 63, 65535} {
						m := make([]byte, max(n, openflow.HeaderLen))
						m[0], m[1] = openflow.Version, byte(typ)
						binary.BigEndian.PutUint16(m[2:], uint16(n))
						poke(ctx, b.addr, m) // in place of HELLO
						poke(ctx, b.addr, append(bytes.Clone(hello), m...))
						r, err := dialRogue(ctx, b.addr)
						if err != nil {
							continue
						}
						r.dpid = topology.DatapathID(0xbad0 + typ)
						if r.shake() == nil {
							_, _ = r.conn.Write(m)
						}
						r.conn.Close()
					}
				}
			})
		}
	}, ""},
	{"wrong versions", func(ctx context.Context, b *chaosBed, run func(func())) {
		for v := range 8 {
			run(func() {
				again(ctx, 5*time.Millisecond, func() {
					poke(ctx, b.addr, []byte{byte(v), 0, 0, 8, 0, 0, 0, 1})
					poke(ctx, b.addr, []byte{6, 0, 0, 16, 0, 0, 0, 1, 0, 1, 0, 8, 0, 0, 0, 1 << v & 0xef})
				})
			})
		}
	}, ""},
	{"never reads", func(ctx context.Context, b *chaosBed, run func(func())) {
		for range 4 {
			run(func() {
				again(ctx, 20*time.Millisecond, func() {
					withRogue(ctx, b.addr, model.DatapathIDFor("rogue"), func(r *rogue) {
						if r.shake() != nil {
							return
						}
						// It asks for more echoes than fit into any buffer.
						echo, _ := (&openflow.EchoRequest{Data: make([]byte, 60000)}).AppendBinary(nil)
						for ctx.Err() == nil {
							if _, err := r.conn.Write(echo); err != nil {
								return
							}
						}
					})
				})
			})
		}
	}, ""},
	{"flood of packet-ins", flood("rogue1", &openflow.PacketIn{Data: make([]byte, 64)}), "rogue1"},
	{"flood of echo requests", flood("rogue2", &openflow.EchoRequest{}), "rogue2"},
	{"flood of a port's changes", flood("rogue3", &openflow.PortStatus{Reason: openflow.PortModified, Port: openflow.Port{No: 1, Name: "x"}}), "rogue3"},
	{"flood of port-status", func(ctx context.Context, b *chaosBed, run func(func())) {
		run(func() {
			withRogue(ctx, b.addr, model.DatapathIDFor("rogue"), func(r *rogue) {
				if r.shake() != nil {
					return
				}
				run(func() { _ = r.serve(nil) })
				for n := 0; ctx.Err() == nil; n++ {
					var batch []byte
					for i := range 500 {
						m := &openflow.PortStatus{Reason: openflow.PortAdded, Port: openflow.Port{
							No: openflow.PortNo(1 + i), Name: fmt.Sprintf("x%d", n*500+i),
						}}
						batch, _ = m.AppendBinary(batch)
					}
					if _, err := r.conn.Write(batch); err != nil {
						return
					}
				}
			})
		})
	}, ""},
	{"flood of errors", flood("rogue4", &openflow.ErrorMsg{ErrType: openflow.ErrTypeBadRequest, Data: make([]byte, 64)}), "rogue4"},
	{"somebody's datapath id", func(ctx context.Context, b *chaosBed, run func(func())) {
		for range 200 {
			run(func() {
				again(ctx, 50*time.Millisecond, func() {
					withRogue(ctx, b.addr, model.DatapathIDFor("node1"), func(r *rogue) {
						if r.shake() == nil {
							_ = r.serve(nil)
						}
					})
				})
			})
		}
	}, ""},
	{"65,000 ports each", func(ctx context.Context, b *chaosBed, run func(func())) {
		for i := range 30 {
			run(func() {
				again(ctx, 50*time.Millisecond, func() {
					withRogue(ctx, b.addr, topology.DatapathID(0xbad00+i), func(r *rogue) {
						if r.ports = 65000; r.shake() == nil {
							_ = r.serve(nil)
						}
					})
				})
			})
		}
	}, ""},
	{"more ports, for ever", func(ctx context.Context, b *chaosBed, run func(func())) {
		for range 4 {
			run(func() {
				again(ctx, 10*time.Millisecond, func() {
					withRogue(ctx, b.addr, 0xbad, func(r *rogue) {
						r.describe = func(r *rogue, q openflow.Message) error {
							for {
								part := &openflow.MultipartReply{Kind: openflow.MultipartPortDesc, Flags: openflow.MultipartMore}
								if err := r.send(part, q); err != nil {
									return err
								}
							}
						}
						if r.send(openflow.NewHello(), nil) == nil {
							_ = r.serve(nil)
						}
					})
				})
			})
		}
	}, ""},
}

// flood is an attack by a node with a message over and over.
func flood(node string, m openflow.Message) func(context.Context, *chaosBed, func(func())) {
	return func(ctx context.Context, b *chaosBed, run func(func())) {
		one, _ := m.AppendBinary(nil)
		batch := bytes.Repeat(one, 500)
		run(func() {
			withRogue(ctx, b.addr, model.DatapathIDFor(node), func(r *rogue) {
				if r.shake() != nil {
					return
				}
				run(func() { _ = r.serve(nil) })
				for ctx.Err() == nil {
					if _, err := r.conn.Write(batch); err != nil {
						return
					}
				}
			})
		})
	}
}

// poke connects, writes, and closes.
func poke(ctx context.Context, addr string, b []byte) {
	if r, err := dialRogue(ctx, addr); err == nil {
		_, _ = r.conn.Write(b)
		r.conn.Close()
	}
}

// withRogue connects, and closes when do returns.
func withRogue(ctx context.Context, addr string, id topology.DatapathID, do func(*rogue)) {
	r, err := dialRogue(ctx, addr)
	if err != nil {
		return
	}
	defer r.conn.Close()
	r.dpid = id
	do(r)
}

// sleep lets time pass that a hostile peer takes for itself.
func sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// resident returns how much memory the process has, in bytes.
func resident(t *testing.T) int {
	t.Helper()
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Fatal(err)
	}
	var size, pages int
	if _, err := fmt.Sscan(string(b), &size, &pages); err != nil {
		t.Fatal(err)
	}
	return pages * os.Getpagesize()
}

// processorTime returns the process's, user and system.
func processorTime(t *testing.T) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// latencies adds and removes a port on node1 for a while, at least n times, and
// returns how long each took until the switch had confirmed it, sorted.
func (b *chaosBed) latencies(n int, d time.Duration) []time.Duration {
	b.Helper()
	var all []time.Duration
	for end := time.Now().Add(d); len(all) < n || time.Now().Before(end); {
		start := time.Now()
		b.confirmed(b.apply(portOp("probe", "node1")), "node1")
		all = append(all, time.Since(start))
		b.confirmed(b.apply(del(topology.KindPort, "probe")), "node1")
	}
	slices.Sort(all)
	return all
}

// confirmed waits until a node has confirmed a revision; others need not.
func (b *chaosBed) confirmed(rev topology.Revision, node string) {
	b.Helper()
	noticed := make(chan struct{}, 1)
	defer b.fabric.Subscribe(func(o topology.Ref) {
		if o.Name == node && o.Kind == topology.KindNode {
			select {
			case noticed <- struct{}{}:
			default:
			}
		}
	})()
	limit := time.NewTimer(20 * time.Second)
	defer limit.Stop()
	for {
		a := b.fabric.Acks(rev)
		if !slices.ContainsFunc(a.Pending, func(p status.Pending) bool { return p.Node == node || p.Node == "" }) {
			return
		}
		select {
		case <-noticed:
		case <-a.Changed:
		case <-limit.C:
			b.Fatalf("revision %d: pending: %+v", rev, a.Pending)
		}
	}
}

func describe(l []time.Duration) string {
	at := func(q float64) time.Duration { return l[int(q*float64(len(l)-1))].Round(10 * time.Microsecond) }
	return fmt.Sprintf("median %v, 99%% %v, worst %v of %d", at(0.5), at(0.99), at(1), len(l))
}

// TestHostilePeers has all kinds of ill-meaning peers beside a good switch, one
// kind at a time. The good switch must stay connected and up to date; memory
// and goroutines must stay within bounds and go back. How long changes take
// meanwhile is printed: the attackers' own work is in it, as they share the
// machine.
func TestHostilePeers(t *testing.T) {
	// Of attackers and controller together.
	const maxMemory, maxGoroutines = 1 << 30, 8000
	b := newChaosBed(t, 1, reconcile.Config{
		Session:    session.Config{EchoInterval: time.Second, EchoTimeout: 2 * time.Second, HandshakeTimeout: 2 * time.Second, WriteTimeout: 500 * time.Millisecond},
		RetryAfter: 20 * time.Millisecond, AnswerTimeout: 5 * time.Second,
	})
	b.apply(b.nodeOp(b.Nodes[0]), networkOp(), portOp("p1", "node1"),
		put(topology.KindNode, "rogue", topology.NodeSpec{TunnelIP: netip.MustParseAddr("192.0.2.66")}),
		put(topology.KindNode, "rogue1", topology.NodeSpec{TunnelIP: netip.MustParseAddr("192.0.2.67")}),
		put(topology.KindNode, "rogue2", topology.NodeSpec{TunnelIP: netip.MustParseAddr("192.0.2.68")}),
		put(topology.KindNode, "rogue3", topology.NodeSpec{TunnelIP: netip.MustParseAddr("192.0.2.69")}),
		put(topology.KindNode, "rogue4", topology.NodeSpec{TunnelIP: netip.MustParseAddr("192.0.2.70")}))
	_, stop := b.proxy(b.Nodes[0], chaos.Config{})
	defer stop()
	b.confirmed(b.store.Snapshot().Revision(), "node1")
	since, _ := b.fabric.NodeStatus("node1")
	n, d := 50, 500*time.Millisecond
	if testing.Short() {
		n, d = 10, 100*time.Millisecond
	}
	start, cpu := time.Now(), processorTime(t)
	l := b.latencies(n, d)
	t.Logf("%-22s %s; %.2f processors", "nobody", describe(l), (processorTime(t)-cpu).Seconds()/time.Since(start).Seconds())
	before := measure()
	base := resident(t)

	for _, a := range attacks {
		ctx, cancel := context.WithCancel(context.Background())
		var running sync.WaitGroup
		start, cpu, throttled := time.Now(), processorTime(t), b.throttled(a.flood)
		a.do(ctx, b, func(f func()) { running.Go(f) })
		if a.flood != "" {
			b.await("the throttle", func(context.Context) error {
				if b.throttled(a.flood) == throttled {
					return errors.New("all is read as fast as it comes")
				}
				return nil
			})
			t.Logf("%-22s throttled after %v", a.name, time.Since(start).Round(time.Millisecond))
			start, cpu = time.Now(), processorTime(t)
		}
		l := b.latencies(n, d)
		memory, goroutines := resident(t)-base, runtime.NumGoroutine()
		used := (processorTime(t) - cpu).Seconds() / time.Since(start).Seconds()
		t.Logf("%-22s %s; %d MiB, %d goroutines, %.2f processors, theirs included", a.name, describe(l), memory>>20, goroutines, used)
		if memory > maxMemory || goroutines > maxGoroutines {
			t.Errorf("%s: memory grew by %d MiB, and there are %d goroutines", a.name, memory>>20, goroutines)
		}
		cancel()
		running.Wait()
		if s, _ := b.fabric.NodeStatus("node1"); !s.Connected || s.Since != since.Since {
			t.Errorf("%s: the good switch was disconnected: %+v", a.name, s)
		}
		b.await("the end of "+a.name, func(context.Context) error {
			if all := b.fabric.Switches(); slices.ContainsFunc(all, func(s status.Switch) bool { return s.DatapathID != 0 }) {
				return fmt.Errorf("%d switches are quarantined", len(all))
			}
			return nil
		})
	}
	if err := b.asWanted(context.Background(), "node1"); err != nil {
		t.Error(err)
	}
	b.back(before, 32<<20)
}

// asWanted compares a node's flows with a compilation of everything.
func (b *chaosBed) asWanted(ctx context.Context, node string) error {
	views, err := b.fabric.Flows(ctx, node)
	for _, v := range views {
		if v.Wanted != v.Installed {
			return fmt.Errorf("%s: wanted=%v installed=%v: %v", node, v.Wanted, v.Installed, v.Flow.String())
		}
	}
	return err
}

// TestEndlessFlows: a node whose switch never comes to the end of its flows, groups
// or meters is given up each time, tried again ever slower, and costs little; it
// recovers when it has come to its senses.
func TestEndlessFlows(t *testing.T) {
	flow := openflow.FlowStats{Flow: openflow.Flow{Table: 1, Cookie: 7}}
	one, err := flow.AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	group, err := (&openflow.Group{ID: 7}).AppendDesc(nil)
	if err != nil {
		t.Fatal(err)
	}
	meter, err := (&openflow.Meter{ID: 7, Flags: openflow.MeterKbps}).AppendConfig(nil)
	if err != nil {
		t.Fatal(err)
	}
	for kind, entry := range map[openflow.MultipartType][]byte{
		openflow.MultipartFlow: one, openflow.MultipartGroupDesc: group, openflow.MultipartMeterConfig: meter,
	} {
		t.Run(kind.String(), func(t *testing.T) { testEndless(t, kind, entry) })
	}
}

// testEndless has a switch answer requests of a kind with the same entry for ever.
func testEndless(t *testing.T, kind openflow.MultipartType, one []byte) {
	b := serveTCP(t, t.TempDir(), reconcile.Config{Session: hasty, RetryAfter: 20 * time.Millisecond, AnswerTimeout: 200 * time.Millisecond})
	b.apply(put(topology.KindNode, "rogue", topology.NodeSpec{TunnelIP: netip.MustParseAddr("192.0.2.66")}))
	var asked atomic.Int64
	var sane atomic.Bool
	body := bytes.Repeat(one, 60000/len(one))
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	running.Go(func() {
		again(ctx, 10*time.Millisecond, func() {
			withRogue(ctx, b.addr, model.DatapathIDFor("rogue"), func(r *rogue) {
				r.answers = map[openflow.MultipartType]func(*rogue, openflow.Message) error{kind: func(r *rogue, q openflow.Message) error {
					if sane.Load() {
						return r.send(&openflow.MultipartReply{Kind: kind}, q)
					}
					// For as long as it is awaited, and longer.
					asked.Add(1)
					for end := time.Now().Add(300 * time.Millisecond); time.Now().Before(end); {
						if err := r.send(&openflow.MultipartReply{Kind: kind, Flags: openflow.MultipartMore, Body: body}, q); err != nil {
							return err
						}
					}
					return nil
				}}
				if r.shake() == nil {
					_ = r.serve(nil)
				}
			})
		})
	})
	base := resident(t)
	b.await("the error", func(context.Context) error {
		if s, _ := b.fabric.NodeStatus("rogue"); !strings.Contains(s.LastError, "read back what the switch has") {
			return fmt.Errorf("last error: %q", s.LastError)
		}
		return nil
	})
	b.await("three attempts", func(context.Context) error {
		if n := asked.Load(); n < 3 {
			return fmt.Errorf("%d", n)
		}
		return nil
	})
	grown := resident(t) - base
	s, _ := b.fabric.NodeStatus("rogue")
	t.Logf("%d attempts, memory grew by %d MiB, error: %s", asked.Load(), grown>>20, s.LastError)
	if grown > 700<<20 {
		t.Errorf("memory grew by %d MiB", grown>>20)
	}
	sane.Store(true)
	b.await("the node in sync", func(context.Context) error {
		if s, _ := b.fabric.NodeStatus("rogue"); !s.InSync || s.LastError != "" {
			return fmt.Errorf("%+v", s)
		}
		return nil
	})
}

// TestNewConnectionAmongManyIdle: while the port is full of connections that say
// nothing, a new switch is served.
func TestNewConnectionAmongManyIdle(t *testing.T) {
	b := serveTCP(t, t.TempDir(), reconcile.Config{MaxHandshakes: 50, Session: session.Config{HandshakeTimeout: time.Hour}})
	b.apply(put(topology.KindNode, "n", topology.NodeSpec{TunnelIP: netip.MustParseAddr("192.0.2.66")}))
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	for range 200 {
		if _, err := dialRogue(ctx, b.addr); err != nil {
			t.Fatal(err)
		}
	}
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	start := time.Now()
	running.Go(func() {
		again(ctx, 10*time.Millisecond, func() {
			withRogue(ctx, b.addr, model.DatapathIDFor("n"), func(r *rogue) {
				if r.shake() == nil {
					_ = r.serve(nil)
				}
			})
		})
	})
	b.await("the newcomer", func(context.Context) error {
		if s, _ := b.fabric.NodeStatus("n"); !s.Connected {
			return errors.New("is not connected")
		}
		return nil
	})
	t.Logf("served after %v, behind 200 idle connections with room for 50", time.Since(start).Round(time.Millisecond))
}

// TestRefusedIsTriedEverMoreSlowly: a switch that cannot do an action says so in
// the node's status, with table and flow; it is tried again, but with a pause
// that doubles; and when it can, all is well.
func TestRefusedIsTriedEverMoreSlowly(t *testing.T) {
	const first = 20 * time.Millisecond
	b := serveTCP(t, t.TempDir(), reconcile.Config{RetryAfter: first})
	b.apply(put(topology.KindNode, "rogue", topology.NodeSpec{TunnelIP: netip.MustParseAddr("192.0.2.66")}))
	var attempts atomic.Int64
	var able atomic.Bool
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	start := time.Now()
	running.Go(func() {
		withRogue(ctx, b.addr, model.DatapathIDFor("rogue"), func(r *rogue) {
			if r.shake() != nil {
				return
			}
			refused := false
			for {
				m, err := r.recv()
				if err != nil {
					return
				}
				switch m := m.(type) {
				case *openflow.BundleAdd:
					if !able.Load() && !refused {
						refused = true
						attempts.Add(1)
						err = r.send(&openflow.ErrorMsg{ErrType: openflow.ErrTypeBadAction}, m)
					}
				case *openflow.BundleControl:
					refused = refused && m.Kind != openflow.BundleDiscardRequest
					err = r.answer(m)
				default:
					err = r.answer(m)
				}
				if err != nil {
					return
				}
			}
		})
	})
	b.await("five attempts", func(context.Context) error {
		if n := attempts.Load(); n < 5 {
			return fmt.Errorf("%d", n)
		}
		return nil
	})
	// Pauses of 20, 40, 80 and 160 ms lie between the first five.
	if took := time.Since(start); took < 15*first {
		t.Errorf("five attempts within %v", took)
	}
	s, _ := b.fabric.NodeStatus("rogue")
	if !s.Connected || !strings.Contains(s.LastError, "table=") || !strings.Contains(s.LastError, "OFPBAC_BAD_TYPE") {
		t.Errorf("status %+v", s)
	}
	able.Store(true)
	b.await("the node in sync", func(context.Context) error {
		if s, _ := b.fabric.NodeStatus("rogue"); !s.InSync || s.LastError != "" {
			return fmt.Errorf("%+v", s)
		}
		return nil
	})
}
