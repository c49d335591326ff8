package simswitch_test

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/controller/reconcile"
	"github.com/sdnctl/sdnctl/integration/lab"
	"github.com/sdnctl/sdnctl/integration/simswitch"
	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
	"github.com/sdnctl/sdnctl/topology/store"
	"github.com/sdnctl/sdnctl/topology/store/bolt"
)

// bed is the daemon's own store and reconciler, and a fleet of simulated
// switches that connect to it over loopback TCP.
type bed struct {
	*testing.T
	store  store.Store
	fabric *reconcile.Fabric
	fleet  *simswitch.Fleet
	// registry has the reconciler's metrics.
	registry *prometheus.Registry
	// extra is what switches have beside what the pipeline gives them.
	extra pipeline.Extra
}

// portsPerNode are on each switch of a bed, as eth1, eth2, …, beside the tunnel.
const portsPerNode = 4

func nodeName(i int) string { return fmt.Sprintf("node%d", i) }

func newBed(t *testing.T, nodes int) *bed {
	t.Helper()
	return newBedWith(t, nodes, nil)
}

// newBedWith is newBed with items beside those of the pipeline.
func newBedWith(t *testing.T, nodes int, extra pipeline.Extra) *bed {
	t.Helper()
	st, err := bolt.Open(filepath.Join(t.TempDir(), "test.db"), bolt.Options{})
	if err != nil {
		t.Fatal(err)
	}
	b := &bed{T: t, store: st, registry: prometheus.NewRegistry(), extra: extra}
	b.fabric, err = reconcile.New(reconcile.Config{Registerer: b.registry, RetryAfter: 50 * time.Millisecond, Extra: extra}, st)
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	cfg := simswitch.FleetConfig{Controller: ln.Addr().String(), Switch: func(name string, _ int) simswitch.Config {
		return simswitch.Config{DatapathID: openflow.DatapathID(model.DatapathIDFor(name)), Ports: nodePorts(), Backoff: 100 * time.Millisecond}
	}}
	for i := range nodes {
		cfg.Names = append(cfg.Names, nodeName(i))
	}
	b.fleet = simswitch.NewFleet(cfg)

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
	running.Go(func() { b.fleet.Run(ctx) })
	t.Cleanup(func() {
		cancel()
		running.Wait()
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

// nodePorts are the ports of a node that has joined.
func nodePorts() []openflow.Port {
	ports := []openflow.Port{{No: 1, Name: pipeline.TunnelPort}, {No: openflow.PortLocal, Name: "br-int"}}
	for i := range portsPerNode {
		ports = append(ports, openflow.Port{No: openflow.PortNo(i + 10), Name: fmt.Sprintf("eth%d", i+1)})
	}
	return ports
}

func (b *bed) apply(ops ...topology.Op) {
	b.Helper()
	if _, err := b.store.Apply(b.Context(), "test", ops); err != nil {
		b.Fatal(err)
	}
}

func set(kind topology.Kind, name string, spec topology.Spec) topology.Op {
	return topology.Op{Verb: topology.Put, Ref: topology.Ref{Kind: kind, Name: name}, Spec: spec}
}

func remove(kind topology.Kind, name string) topology.Op {
	return topology.Op{Verb: topology.Delete, Ref: topology.Ref{Kind: kind, Name: name}}
}

func portOn(network string, node, eth int) topology.Op {
	return set(topology.KindPort, fmt.Sprintf("%s-%d-%d", network, node, eth),
		topology.PortSpec{Network: network, Node: nodeName(node), Interface: fmt.Sprintf("eth%d", eth)})
}

// declare declares the nodes, a segmented and a stretched network, and two ports
// of the former on each node and one of the latter on each tenth.
func (b *bed) declare() {
	b.Helper()
	ops := []topology.Op{
		set(topology.KindNetwork, "pods", topology.NetworkSpec{VNI: 100, Mode: topology.Segmented, ContainersPerNode: 10, MaxNodes: 1000,
			Subnets: []topology.Subnet{{Prefix: netip.MustParsePrefix("10.244.0.0/16")}}}),
		set(topology.KindNetwork, "lan", topology.NetworkSpec{VNI: 200, Mode: topology.Stretched,
			Subnets: []topology.Subnet{{Prefix: netip.MustParsePrefix("192.168.0.0/16")}}}),
	}
	tunnel := netip.MustParseAddr("172.16.0.1")
	for i := range b.fleet.Names() {
		ops = append(ops, set(topology.KindNode, nodeName(i), topology.NodeSpec{TunnelIP: tunnel, TunnelCheck: topology.TunnelEnforce}))
		tunnel = tunnel.Next()
	}
	b.apply(ops...)
	ops = ops[:0]
	for i := range b.fleet.Names() {
		ops = append(ops, portOn("pods", i, 1), portOn("pods", i, 2))
		if i%10 == 0 {
			ops = append(ops, portOn("lan", i, 3))
		}
	}
	b.apply(ops...)
}

// settled waits until every switch has exactly the flows that a compilation of
// everything gives, and the fabric says so.
func (b *bed) settled() {
	b.Helper()
	err := lab.PollFor(b.Context(), time.Minute, "all switches to be as compiled", func(context.Context) error {
		if a := b.fabric.Acks(b.store.Snapshot().Revision()); len(a.Pending) > 0 {
			return fmt.Errorf("%d nodes pending, the first is %+v", len(a.Pending), a.Pending[0])
		}
		for _, name := range b.fleet.Names() {
			if err := b.asCompiled(name); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
}

// asCompiled compares one switch with a full compilation.
func (b *bed) asCompiled(name string) error {
	var c pipeline.Compiler
	c.Use(b.extra)
	var set pipeline.ItemSet
	c.CompileNode(&set, b.fabric.View(), name)
	set.AddStamp(name, set.Digest())
	var want []openflow.Cookie
	var wantNumbered, gotNumbered []string
	for _, i := range set.Items() {
		m, err := openflow.DecodeMessage(set.Message(i))
		switch m := m.(type) {
		case *openflow.FlowMod:
			want = append(want, i.Cookie())
		case *openflow.GroupMod:
			wantNumbered = append(wantNumbered, m.Group.String())
		case *openflow.MeterMod:
			wantNumbered = append(wantNumbered, m.Meter.String())
		default:
			return fmt.Errorf("%s: %v: %w", name, m, err)
		}
	}
	s := b.fleet.Switch(name)
	if missing, extra := s.Missing(want); len(missing)+len(extra) > 0 {
		return fmt.Errorf("%s: of %d flows %d are missing, and %d too many", name, len(want), len(missing), len(extra))
	}
	for _, g := range s.Groups() {
		gotNumbered = append(gotNumbered, g.String())
	}
	for _, m := range s.Meters() {
		gotNumbered = append(gotNumbered, m.String())
	}
	slices.Sort(wantNumbered)
	slices.Sort(gotNumbered)
	if diff := cmp.Diff(wantNumbered, gotNumbered); diff != "" {
		return fmt.Errorf("%s: groups and meters (-want +got):\n%s", name, diff)
	}
	return nil
}

// flowMods returns how many flow-mods each switch has got since it was made.
func (b *bed) flowMods() map[string]uint64 {
	n := make(map[string]uint64)
	for _, name := range b.fleet.Names() {
		n[name] = b.fleet.Switch(name).Stats().FlowMods
	}
	return n
}

// touched returns the switches that got flow-mods since before, and how many.
func (b *bed) touched(before map[string]uint64) map[string]uint64 {
	n := make(map[string]uint64)
	for name, now := range b.flowMods() {
		if now > before[name] {
			n[name] = now - before[name]
		}
	}
	return n
}
