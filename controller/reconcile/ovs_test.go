package reconcile_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.uber.org/goleak"

	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/controller/reconcile"
	"github.com/sdnctl/sdnctl/controller/worker"
	"github.com/sdnctl/sdnctl/integration/lab"
	"github.com/sdnctl/sdnctl/integration/ovstest"
	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
	"github.com/sdnctl/sdnctl/topology/store"
	"github.com/sdnctl/sdnctl/topology/store/bolt"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// bed is real Open vSwitches and a Fabric that they connect to by unix sockets,
// which need no network.
type bed struct {
	*testing.T
	*lab.Lab
	store  store.Store
	fabric *reconcile.Fabric
	reg    *prometheus.Registry
	cfg    reconcile.Config
	stop   func()
}

func newBed(t *testing.T, nodes int) *bed {
	t.Helper()
	return newBedWith(t, nodes, reconcile.Config{RetryAfter: 50 * time.Millisecond})
}

// newBedWithPort is a bed of one node in sync, with a port p1 that is plugged in.
func newBedWithPort(t *testing.T) (*bed, *lab.Node) {
	t.Helper()
	b := newBed(t, 1)
	n := b.Nodes[0]
	b.plug(n, "p1")
	b.apply(b.nodeOp(n), networkOp(), portOp("p1", "node1"))
	b.join(n)
	b.settled()
	return b, n
}

func newBedWith(t *testing.T, nodes int, cfg reconcile.Config) *bed {
	t.Helper()
	b := &bed{T: t, Lab: ovstest.Lab(t, nodes), cfg: cfg}
	b.start()
	t.Cleanup(func() { b.stop() })
	return b
}

// start opens the store and serves.
func (b *bed) start() {
	b.Helper()
	st, err := bolt.Open(filepath.Join(b.Dir, "test.db"), bolt.Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.store, b.reg = st, prometheus.NewRegistry()
	b.cfg.Registerer = b.reg
	b.fabric, err = reconcile.New(b.cfg, st)
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if err := b.fabric.Run(ctx); err != nil {
			b.Errorf("Run: %v", err)
		}
	})
	for _, n := range b.Nodes {
		ln, err := net.Listen("unix", socketOf(n))
		if err != nil {
			b.Fatal(err)
		}
		running.Go(func() {
			if err := b.fabric.Serve(ctx, ln); err != nil {
				b.Errorf("Serve: %v", err)
			}
		})
	}
	b.stop = func() {
		cancel()
		running.Wait()
		if err := st.Close(); err != nil {
			b.Error(err)
		}
		b.stop = func() {}
	}
}

// socketOf is the one unix socket that an Open vSwitch agrees to have its
// controller at.
func socketOf(n *lab.Node) string { return filepath.Join(n.Dir, "br-int.controller") }

// join points a node's br-int at the Fabric, as "sdnctl node join" would.
func (b *bed) join(n *lab.Node) {
	b.Helper()
	id := model.DatapathIDFor(n.Name)
	if _, err := n.VSCtl(b.Context(),
		"--", "set", "bridge", "br-int", "protocols=OpenFlow13", "other_config:datapath-id="+id.String(),
		"--", "--may-exist", "add-port", "br-int", pipeline.TunnelPort, "--", "set", "interface", pipeline.TunnelPort,
		"type=vxlan", "options:remote_ip=flow", "options:key=flow",
		"--", "set-controller", "br-int", "unix:"+socketOf(n),
		"--", "set", "controller", "br-int", "max_backoff=1000"); err != nil {
		b.Fatal(err)
	}
}

func (b *bed) apply(ops ...topology.Op) topology.Revision {
	b.Helper()
	c, err := b.store.Apply(b.Context(), "test", ops)
	if err != nil {
		b.Fatal(err)
	}
	return c.Revision
}

func put(kind topology.Kind, name string, spec topology.Spec) topology.Op {
	return topology.Op{Verb: topology.Put, Ref: topology.Ref{Kind: kind, Name: name}, Spec: spec}
}

func del(kind topology.Kind, name string) topology.Op {
	return topology.Op{Verb: topology.Delete, Ref: topology.Ref{Kind: kind, Name: name}}
}

func (b *bed) nodeOp(n *lab.Node) topology.Op {
	return put(topology.KindNode, n.Name, topology.NodeSpec{TunnelIP: n.Addr, TunnelCheck: topology.TunnelEnforce})
}

func networkOp() topology.Op {
	return put(topology.KindNetwork, "net", topology.NetworkSpec{
		VNI: 100, Mode: topology.Stretched, Subnets: []topology.Subnet{{Prefix: netip.MustParsePrefix("10.0.0.0/16")}},
	})
}

func portOp(name, node string) topology.Op {
	return put(topology.KindPort, name, topology.PortSpec{Network: "net", Node: node, Interface: name})
}

// plug adds an interface to br-int that goes nowhere.
func (b *bed) plug(n *lab.Node, iface string) {
	b.Helper()
	if _, err := n.VSCtl(b.Context(), "add-port", "br-int", iface, "--", "set", "interface", iface, "type=internal"); err != nil {
		b.Fatal(err)
	}
}

// settled waits until every node has confirmed everything, and its switch has
// exactly the flows that a compilation of everything gives.
func (b *bed) settled() {
	b.Helper()
	b.await("the switches to be as wanted", func(ctx context.Context) error {
		rev := b.store.Snapshot().Revision()
		if a := b.fabric.Acks(rev); len(a.Pending) > 0 {
			return fmt.Errorf("revision %d: pending: %+v", rev, a.Pending)
		}
		for n := range b.store.Snapshot().Nodes() {
			views, err := b.fabric.Flows(ctx, n.Name)
			if err != nil {
				return err
			}
			for _, v := range views {
				if v.Wanted != v.Installed {
					return fmt.Errorf("%s: wanted=%v installed=%v: %v", n.Name, v.Wanted, v.Installed, v.Flow.String())
				}
			}
			s, _ := b.fabric.NodeStatus(n.Name)
			if s.Items.Flows() != len(views) {
				return fmt.Errorf("%s: status says %d flows, the switch has %d", n.Name, s.Items.Flows(), len(views))
			}
		}
		return nil
	})
}

// sent returns how many flow-mods a node was sent since the daemon's start, stamps
// not counted.
func (b *bed) sent(node string) (adds, deletes float64) {
	b.Helper()
	return b.counter("sdnd_openflow_flow_mods_total", map[string]string{"node": node, "op": "add"}),
		b.counter("sdnd_openflow_flow_mods_total", map[string]string{"node": node, "op": "delete"})
}

// counter returns a counter of the metrics; 0 if there is none with the labels.
func (b *bed) counter(name string, labels map[string]string) float64 {
	b.Helper()
	families, err := b.reg.Gather()
	if err != nil {
		b.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, m := range f.GetMetric() {
			has := map[string]string{}
			for _, l := range m.GetLabel() {
				has[l.GetName()] = l.GetValue()
			}
			if maps.Equal(has, labels) {
				return m.GetCounter().GetValue()
			}
		}
	}
	return 0
}

func (b *bed) wantSent(node string, adds, deletes float64) {
	b.Helper()
	if a, d := b.sent(node); a != adds || d != deletes {
		b.Errorf("%s was sent %v additions and %v deletions, want %v and %v", node, a, d, adds, deletes)
	}
}

// await waits until check finds nothing wrong.
func (b *bed) await(what string, check func(context.Context) error) {
	b.Helper()
	if err := lab.PollFor(b.Context(), 20*time.Second, what, check); err != nil {
		b.Fatal(err)
	}
}

// Flows that a node has, or is sent; see docs/architecture.md, "What it costs".
const (
	perNode      = 15
	perNodeMeter = 2
	perNetwork   = 1 // stretched
	perPort      = 6
	perUnplugged = 1
	perRemote    = 2
	perPair      = 1 // a source, of the two nodes together
)

func TestDeltas(t *testing.T) {
	b := newBed(t, 2)
	n1, n2 := b.Nodes[0], b.Nodes[1]
	b.plug(n1, "p1")
	b.apply(b.nodeOp(n1), b.nodeOp(n2), networkOp(), portOp("p1", "node1"))
	b.join(n1)
	b.join(n2)
	b.settled()
	b.wantSent("node1", perNode+perNetwork+perPort, 0)
	b.wantSent("node2", perNode, 0)

	b.apply(portOp("p2", "node2")) // its interface is not there yet
	b.settled()
	const one = perNode + perNetwork + perPort + perRemote + perPair
	const two = perNode + perNetwork + perRemote + perUnplugged + perPair // it learns of the network, and of p1
	b.wantSent("node1", one, 0)
	b.wantSent("node2", two, 0)
	b.plug(n2, "p2")
	b.await("p2 to be bound", func(context.Context) error {
		if s := b.fabric.PortStatus("p2"); !s.Bound {
			return errors.New(s.Message)
		}
		return nil
	})
	b.settled()
	b.wantSent("node1", one, 0)
	b.wantSent("node2", two+perPort, 0)

	b.apply(del(topology.KindPort, "p2"))
	b.settled()
	b.wantSent("node1", one, perRemote+perPair)
	b.wantSent("node2", two+perPort, perNetwork+perRemote+perPort+perPair) // only what every node has is left
}

func TestRestartSendsNothing(t *testing.T) {
	b := newBed(t, 1)
	n := b.Nodes[0]
	ops := []topology.Op{b.nodeOp(n), networkOp()}
	for i := range 500 {
		ops = append(ops, portOp(fmt.Sprintf("p%d", i), "node1"))
	}
	b.plug(n, "p7")
	b.apply(ops...)
	b.join(n)
	b.settled()
	before, err := n.Flows(b.Context())
	if err != nil {
		t.Fatal(err)
	}
	b.stop()
	b.start()
	b.settled()
	b.wantSent("node1", 0, 0)
	after, err := n.Flows(b.Context())
	if err != nil {
		t.Fatal(err)
	}
	if strings.Join(before, "\n") != strings.Join(after, "\n") {
		t.Errorf("flows before the restart:\n%s\nand after:\n%s", strings.Join(before, "\n"), strings.Join(after, "\n"))
	}
}

// TestFlowsComeBackAsSent: Open vSwitch gives every flow back byte for byte, so
// that its cookie vouches for it. Were it otherwise nothing would be wrong, but
// comparing a switch would take longer.
func TestFlowsComeBackAsSent(t *testing.T) {
	b := newBed(t, 2)
	n1, n2 := b.Nodes[0], b.Nodes[1]
	b.plug(n1, "p1")
	b.plug(n1, "q1")
	b.apply(b.nodeOp(n1), b.nodeOp(n2), networkOp(), portOp("p1", "node1"), portOp("p2", "node2"),
		put(topology.KindNetwork, "seg", topology.NetworkSpec{
			VNI: 300, Mode: topology.Segmented, ContainersPerNode: 10, MaxNodes: 10,
			Subnets: []topology.Subnet{{Prefix: netip.MustParsePrefix("10.9.0.0/16")}},
		}),
		put(topology.KindPort, "q1", topology.PortSpec{Network: "seg", Node: "node1", Interface: "q1"}),
		put(topology.KindRouter, "r", topology.RouterSpec{Networks: []string{"net", "seg"}}),
	)
	b.join(n1)
	b.join(n2)
	b.settled()
	views, err := b.fabric.Flows(b.Context(), "node1")
	if err != nil {
		t.Fatal(err)
	}
	// Each kind of flow is there.
	want := perNode + perNetwork + 1 + 4 + 6 + 1 + 2*(perPort+1) + perRemote + 1 + perPair + 1 // the stamp
	if s, _ := b.fabric.NodeStatus("node1"); worker.Stale(s.OVSVersion) {
		want += len(new(pipeline.ItemSet).AddInvalidations("node1", pipeline.Digest{}, new(pipeline.Compiler).Entries(b.fabric.View(), "node1")))
	}
	if len(views) != want {
		t.Errorf("%d flows, want %d", len(views), want)
	}
	raw := 0
	if err := b.fabric.Session("node1").Flows(b.Context(), openflow.AllFlows(), func(s *openflow.FlowStats) error {
		raw++
		if got := pipeline.CookieOf(&s.Flow); got != s.Cookie {
			t.Errorf("cookie %#x came back with the content of %#x: %v", s.Cookie, got, s.Flow.String())
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if raw != want {
		t.Errorf("%d flows read back, want %d", raw, want)
	}
}

func TestMendsWhatItFinds(t *testing.T) {
	b := newBed(t, 1)
	n := b.Nodes[0]
	b.plug(n, "p1")
	b.apply(b.nodeOp(n), networkOp(), portOp("p1", "node1"))
	b.join(n)
	b.settled()
	b.stop()
	for _, args := range [][]string{
		{"-O", "OpenFlow13", "add-flow", "br-int", "table=0,priority=9999,actions=drop"},
		{"-O", "OpenFlow13", "add-flow", "br-int", "cookie=0x1234,table=7,priority=1,ip,nw_dst=192.0.2.1,actions=NORMAL"},
		{"-O", "OpenFlow13", "del-flows", "br-int", "table=80"},
		// The same cookie, but other actions.
		{"-O", "OpenFlow13", "mod-flows", "br-int", "table=40,actions=NORMAL"},
	} {
		if _, err := n.OFCtl(b.Context(), args...); err != nil {
			t.Fatal(err)
		}
	}
	b.start()
	b.settled()
	b.wantSent("node1", 2, 3)

	// A switch that comes back empty is filled without being asked.
	if err := n.RestartVSwitchd(b.Context(), 9); err != nil {
		t.Fatal(err)
	}
	b.settled()
	b.wantSent("node1", 2+perNode+perNetwork+perPort, 3)
}

func TestQuarantineAndAdoption(t *testing.T) {
	b := newBed(t, 1)
	n := b.Nodes[0]
	b.plug(n, "p1")
	b.join(n)
	b.await("the unknown switch", func(context.Context) error {
		if len(b.fabric.Switches()) == 0 {
			return errors.New("no switch is listed")
		}
		return nil
	})
	s := b.fabric.Switches()[0]
	if s.DatapathID != model.DatapathIDFor("node1") || !strings.Contains(s.Reason, "no declared node") {
		t.Errorf("quarantined: %+v", s)
	}
	if count, err := n.FlowCount(b.Context()); err != nil || count != 0 {
		t.Errorf("a switch in quarantine has %d flows (%v)", count, err)
	}

	b.apply(b.nodeOp(n), networkOp(), portOp("p1", "node1"))
	b.settled()
	if all := b.fabric.Switches(); len(all) != 0 {
		t.Errorf("still quarantined: %+v", all)
	}

	b.apply(del(topology.KindPort, "p1"), del(topology.KindNode, "node1"))
	b.await("the switch to be let go, empty", func(ctx context.Context) error {
		if len(b.fabric.Switches()) != 1 {
			return errors.New("it is not back in quarantine")
		}
		count, err := n.FlowCount(ctx)
		if err == nil && count != 0 {
			err = fmt.Errorf("it still has %d flows", count)
		}
		return err
	})
}

// TestAwayHoldsUpNobody: who waits for a change waits for the nodes that it
// concerns, not for all that are behind.
func TestAwayHoldsUpNobody(t *testing.T) {
	b := newBed(t, 2)
	n1, n2 := b.Nodes[0], b.Nodes[1]
	b.apply(b.nodeOp(n1), b.nodeOp(n2), networkOp())
	b.join(n1)
	b.join(n2)
	b.settled()
	if _, err := n2.VSCtl(b.Context(), "del-controller", "br-int"); err != nil {
		t.Fatal(err)
	}
	b.await("node2 to be gone", func(context.Context) error {
		if s, _ := b.fabric.NodeStatus("node2"); s.Connected {
			return errors.New("it is connected")
		}
		return nil
	})
	theirs := b.apply(portOp("p2", "node2"))
	ours := b.apply(put(topology.KindNetwork, "other", topology.NetworkSpec{
		VNI: 200, Mode: topology.Stretched, Subnets: []topology.Subnet{{Prefix: netip.MustParsePrefix("10.1.0.0/16")}},
	}), put(topology.KindPort, "p1", topology.PortSpec{Network: "other", Node: "node1", Interface: "p1"}))
	b.await("node1 alone", func(context.Context) error {
		if a := b.fabric.Acks(ours); len(a.Pending) != 0 {
			return fmt.Errorf("pending: %+v", a.Pending)
		}
		return nil
	})
	if a := b.fabric.Acks(theirs); len(a.Pending) != 1 || a.Pending[0].Node != "node2" {
		t.Errorf("pending for node2's own change: %+v", a.Pending)
	}
	b.join(n2)
	b.settled()
}

func TestTwoSwitchesOneID(t *testing.T) {
	b := newBed(t, 2)
	n1, n2 := b.Nodes[0], b.Nodes[1]
	b.apply(b.nodeOp(n1))
	b.join(n1)
	b.settled()
	b.join(n2)
	if _, err := n2.VSCtl(b.Context(), "set", "bridge", "br-int",
		"other_config:datapath-id="+model.DatapathIDFor("node1").String()); err != nil {
		t.Fatal(err)
	}
	b.await("the second switch in quarantine", func(context.Context) error {
		for _, s := range b.fabric.Switches() {
			if strings.Contains(s.Reason, "is already that of the switch at") {
				return nil
			}
		}
		return fmt.Errorf("quarantined: %+v", b.fabric.Switches())
	})
	if count, err := n2.FlowCount(b.Context()); err != nil || count != 0 {
		t.Errorf("the second switch has %d flows (%v)", count, err)
	}
	// The first keeps working, and when it goes the second may be the node.
	b.apply(networkOp(), portOp("p1", "node1"))
	b.settled()
	if _, err := n1.VSCtl(b.Context(), "del-controller", "br-int"); err != nil {
		t.Fatal(err)
	}
	b.await("the second switch to take over", func(context.Context) error {
		if all := b.fabric.Switches(); len(all) != 0 {
			return fmt.Errorf("quarantined: %+v", all)
		}
		return nil
	})
	b.settled()
}

// TestRefusedFlows: a switch that refuses its flows says so, is tried again,
// and holds up no other.
func TestRefusedFlows(t *testing.T) {
	b := newBed(t, 2)
	n1, n2 := b.Nodes[0], b.Nodes[1]
	b.apply(b.nodeOp(n1), b.nodeOp(n2), networkOp(), portOp("p1", "node1"))
	if _, err := n1.VSCtl(b.Context(), "--", "--id=@t", "create", "flow_table", "flow_limit=0", "overflow_policy=refuse",
		"--", "set", "bridge", "br-int", "flow_tables:40=@t"); err != nil {
		t.Fatal(err)
	}
	b.join(n1)
	b.join(n2)
	b.await("node1's error", func(context.Context) error {
		s, _ := b.fabric.NodeStatus("node1")
		if !strings.Contains(s.LastError, "table=40") || !strings.Contains(s.LastError, "TABLE_FULL") {
			return fmt.Errorf("last error: %q", s.LastError)
		}
		return nil
	})
	rev := b.apply(portOp("p2", "node2"))
	b.await("node2 alone", func(context.Context) error {
		if a := b.fabric.Acks(rev); len(a.Pending) != 1 || a.Pending[0].Node != "node1" || a.Pending[0].Reason == "" {
			return fmt.Errorf("pending: %+v", a.Pending)
		}
		return nil
	})
	if _, err := n1.VSCtl(b.Context(), "clear", "bridge", "br-int", "flow_tables"); err != nil {
		t.Fatal(err)
	}
	b.settled()
	if s, _ := b.fabric.NodeStatus("node1"); s.LastError != "" {
		t.Errorf("last error is still %q", s.LastError)
	}
}

func TestMetricsAreLintFree(t *testing.T) {
	reg := prometheus.NewRegistry()
	st, err := bolt.Open(filepath.Join(t.TempDir(), "test.db"), bolt.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	if _, err := reconcile.New(reconcile.Config{Registerer: reg}, st); err != nil {
		t.Fatal(err)
	}
	problems, err := testutil.GatherAndLint(reg)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}
