package simswitch_test

import (
	"context"
	"fmt"
	"net"
	"runtime"
	"slices"
	"sync"
	"testing"

	"github.com/sdnctl/sdnctl/integration/simswitch"
	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/openflow/session"
)

// sessionWith does the handshake with a simulated switch, as the daemon does.
// Run is under way until stop.
func sessionWith(tb testing.TB, s *simswitch.Switch) (sess *session.Session, stop func()) {
	tb.Helper()
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	defer ln.Close()
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	theirs, err := net.Dial("tcp4", ln.Addr().String())
	if err != nil {
		tb.Fatal(err)
	}
	running.Go(func() { _ = s.Serve(ctx, theirs) }) // the session says why it ends
	ours, err := ln.Accept()
	if err != nil {
		tb.Fatal(err)
	}
	sess, err = session.Handshake(ctx, ours, session.Config{})
	if err != nil {
		tb.Fatal(err)
	}
	running.Go(func() { _ = sess.Run(ctx) })
	return sess, func() {
		cancel()
		running.Wait()
	}
}

// BenchmarkHandshake is a connection with all that the controller asks at
// first, on both sides.
func BenchmarkHandshake(b *testing.B) {
	s := simswitch.New(simswitch.Config{DatapathID: 1, Ports: nodePorts()})
	for b.Loop() {
		_, stop := sessionWith(b, s)
		stop()
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "connections/s")
}

// BenchmarkFlowMods is bundles of a thousand additions each, the controller's
// part included: of flows that another switch of the process has, and of flows
// that none has.
func BenchmarkFlowMods(b *testing.B) {
	const n = 1000
	for _, known := range []bool{true, false} {
		b.Run(fmt.Sprintf("known=%v", known), func(b *testing.B) {
			shared := simswitch.NewShared()
			sess, stop := sessionWith(b, simswitch.New(simswitch.Config{Shared: shared}))
			defer stop()
			mods := slices.Collect(manyFlows(n))
			send := func(s *session.Session) {
				if err := s.Bundle(b.Context(), openflow.BundleAtomic|openflow.BundleOrdered, slices.Values(mods)); err != nil {
					b.Fatal(err)
				}
			}
			if known {
				other, stopOther := sessionWith(b, simswitch.New(simswitch.Config{Shared: shared}))
				defer stopOther()
				send(other)
			}
			cookie := uint64(1) << 40
			for b.Loop() {
				if !known {
					b.StopTimer()
					for _, m := range mods {
						cookie++
						be.PutUint64(m[8:], cookie)
					}
					b.StartTimer()
				}
				send(sess)
			}
			b.ReportMetric(float64(n*b.N)/b.Elapsed().Seconds(), "flow-mods/s")
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n*b.N), "ns/flow-mod")
		})
	}
}

// BenchmarkDump is a dump of 10,000 flows.
func BenchmarkDump(b *testing.B) {
	const n = 10_000
	sess, stop := sessionWith(b, simswitch.New(simswitch.Config{}))
	defer stop()
	if err := sess.Bundle(b.Context(), openflow.BundleAtomic, manyFlows(n)); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		got := 0
		if err := sess.Flows(b.Context(), openflow.AllFlows(), func(*openflow.FlowStats) error { got++; return nil }); err != nil {
			b.Fatal(err)
		}
		if got != n {
			b.Fatalf("%d flows", got)
		}
	}
	b.ReportMetric(float64(n*b.N)/b.Elapsed().Seconds(), "flows/s")
}

// heap returns the bytes that are in use, stacks included.
func heap() int64 {
	for range 5 { // each halves the stacks that are less than half full
		runtime.GC()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc + m.StackInuse)
}

// TestMemory bounds what a switch costs, and each of its flows. The process of
// the test has the switches' end of the connections alone, but for a file
// descriptor for the other.
func TestMemory(t *testing.T) {
	const (
		switches = 400
		flows    = 1000
	)
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	names := make([]string, switches)
	for i := range names {
		names[i] = nodeName(i)
	}
	before := heap()
	f := simswitch.NewFleet(simswitch.FleetConfig{Controller: ln.Addr().String(), Names: names,
		Switch: func(string, int) simswitch.Config { return simswitch.Config{Ports: nodePorts()} }})
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { f.Run(ctx) })
	defer func() {
		cancel()
		running.Wait()
	}()
	conns := make([]*driver, switches)
	for i := range conns {
		conn, err := ln.Accept()
		if err != nil {
			t.Fatal(err)
		}
		conns[i] = newDriver(t, conn)
		conns[i].write(encode(t, openflow.NewHello()))
		conns[i].read()
		conns[i].send()
	}
	const driverBuffer = 1 << 16 // of newDriver
	idle := (heap()-before)/switches - driverBuffer
	mods := slices.Collect(manyFlows(flows))
	for _, d := range conns {
		d.send(mods...)
	}
	if n := f.Status().Flows; n != switches*flows {
		t.Fatalf("%d flows", n)
	}
	full := (heap()-before)/switches - driverBuffer
	runtime.KeepAlive(conns)
	each := (full - idle) / flows
	t.Logf("%d bytes for each switch, %d for each flow that all have", idle, each)
	if idle > 20<<10 || each > 64 {
		t.Errorf("%d bytes for each switch, want at most 20 KiB; %d for each flow, want at most 64", idle, each)
	}
}
