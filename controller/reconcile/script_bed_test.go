package reconcile_test

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sdnctl/sdnctl/controller/ovsdb"
	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/controller/reconcile"
	"github.com/sdnctl/sdnctl/controller/worker"
	"github.com/sdnctl/sdnctl/integration/simswitch"
	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
	"github.com/sdnctl/sdnctl/topology/store"
)

// scriptBed is a Fabric over a store in memory, and simulated switches that scripts make.
type scriptBed struct {
	*testing.T
	store    *memoryStore
	fabric   *reconcile.Fabric
	listener *pipeListener
	switches map[string]*scriptSwitch
	// owners are the units of the flows that were ever wanted on a node, by cookie.
	owners map[string]map[openflow.Cookie]string
	ctx    context.Context
	stop   func()
}

func newScriptBed(t *testing.T) *scriptBed {
	b := &scriptBed{
		T: t, store: &memoryStore{snapshot: topology.NewSnapshot(), bindings: map[string]store.Binding{}},
		switches: map[string]*scriptSwitch{}, owners: map[string]map[openflow.Cookie]string{},
	}
	b.start()
	return b
}

// start starts a Fabric.
func (b *scriptBed) start() {
	t := b.T
	fabric, err := reconcile.New(reconcile.Config{AuditEvery: 1000 * time.Hour}, b.store) // audits come at random
	if err != nil {
		t.Fatal(err)
	}
	b.fabric, b.listener = fabric, newPipeListener()
	ctx, cancel := context.WithCancel(t.Context())
	b.ctx = ctx
	var running sync.WaitGroup
	running.Go(func() {
		if err := fabric.Run(ctx); err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	running.Go(func() {
		if err := fabric.Serve(ctx, b.listener); err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	b.stop = func() {
		for _, s := range b.switches {
			s.tap.set(func(tap *tap) { tap.stopped, tap.mute = false, false })
			s.disconnect()
		}
		cancel()
		running.Wait()
	}
}

// run runs a command, waits until nothing goes on by itself any more, and returns what came
// of it as lines.
func (b *scriptBed) run(command, input []string) []string {
	b.Helper()
	args := command[1:]
	need := func(n int) {
		if len(args) < n {
			b.Fatalf("%q has too few arguments", command)
		}
	}
	var lines []string
	switch command[0] {
	case "apply": // input: objects, "delete KIND NAME"
		if err := b.apply(input); err != nil {
			lines = append(lines, "error: "+err.Error())
		}
	case "connect": // NAME [node=NODE] [from=ADDRESS] [version=VERSION] [PORT...]: makes the switch if there is none
		need(1)
		b.connect(args)
	case "disconnect": // NAME: the switch closes its connection
		need(1)
		b.at(args[0]).disconnect()
	case "plug": // NAME PORT NUMBER [down]
		need(3)
		p := openflow.Port{No: openflow.PortNo(b.number(args[2])), Name: args[1]}
		if len(args) > 3 {
			p.State = openflow.StateLinkDown
		}
		if err := b.at(args[0]).sim.AddPort(p); err != nil {
			b.Fatal(err)
		}
	case "unplug": // NAME PORT
		need(2)
		if !b.at(args[0]).sim.RemovePort(args[1]) {
			b.Fatalf("%s has no port %s", args[0], args[1])
		}
	case "link": // NAME PORT up|down
		need(3)
		b.at(args[0]).link(b.T, args[1], args[2] == "down")
	case "restart": // of sdnd
		b.stop()
		b.start()
	case "ovsdb": // NAME INTERFACE=ID...: the node's database shows interfaces with an iface-id
		need(1)
		b.showOVSDB(b.at(args[0]), args[1:])
	case "stop": // NAME: the switch reads nothing
		need(1)
		b.at(args[0]).tap.set(func(t *tap) { t.stopped = true })
	case "go": // NAME: it does again
		need(1)
		b.at(args[0]).tap.set(func(t *tap) { t.stopped = false })
	case "mute": // NAME: what the switch says is lost until it has another connection
		need(1)
		b.at(args[0]).tap.set(func(t *tap) { t.mute = true })
	case "refuse": // NAME: the switch has no room for another flow
		need(1)
		b.at(args[0]).sim.SetFaults(simswitch.Faults{RefuseFlows: true})
	case "accept": // NAME: it has again
		need(1)
		b.at(args[0]).sim.SetFaults(simswitch.Faults{})
	case "empty": // NAME: the switch loses its flows, as when it is restarted
		need(1)
		b.at(args[0]).sim.Reset()
	case "advance": // DURATION
		need(1)
		d, err := time.ParseDuration(args[0])
		if err != nil {
			b.Fatal(err)
		}
		time.Sleep(d)
	case "status", "check": // [NODE...]; see below
	case "flows": // NAME: what "sdnctl flows" reads of the switch
		need(1)
		lines = append(lines, b.flows(args[0]))
	default:
		b.Fatalf("there is no command %q", command[0])
	}
	synctest.Wait()
	b.learnOwners()
	lines = append(lines, b.received()...)
	nodes := args
	if len(nodes) == 0 {
		for n := range b.store.Snapshot().Nodes() {
			nodes = append(nodes, n.Name)
		}
	}
	switch command[0] {
	case "status":
		lines = append(lines, b.status(nodes)...)
	case "check":
		lines = append(lines, b.check(nodes)...)
	}
	return lines
}

func (b *scriptBed) number(s string) uint64 {
	n, err := strconv.ParseUint(s, 10, 32)
	if err != nil {
		b.Fatal(err)
	}
	return n
}

// apply declares and deletes objects, in one transaction:
//
//	node NAME
//	network NAME stretched|segmented PREFIX
//	router NAME NETWORK...
//	port NAME NETWORK NODE|- INTERFACE|- [ADDRESS]
//	service NAME ADDRESS ROUTER [affine] [PROTOCOL/]PORT BACKEND...
//	delete KIND NAME
func (b *scriptBed) apply(lines []string) error {
	var ops []topology.Op
	for _, line := range lines {
		w := strings.Fields(line)
		op := topology.Op{Verb: topology.Put, Ref: topology.Ref{Kind: topology.Kind(w[0]), Name: w[1]}}
		dash := func(i int) string { return strings.TrimPrefix(w[i], "-") }
		switch w[0] {
		case "node":
			at := byte(len(b.owners) + 1)
			b.owners[w[1]] = map[openflow.Cookie]string{}
			op.Spec = topology.NodeSpec{TunnelIP: netip.AddrFrom4([4]byte{192, 0, 2, at}), TunnelCheck: topology.TunnelEnforce}
		case "network":
			s := topology.NetworkSpec{Mode: topology.Mode(w[2]), Subnets: []topology.Subnet{{Prefix: netip.MustParsePrefix(w[3])}}}
			if s.Mode == topology.Segmented {
				s.ContainersPerNode, s.MaxNodes = 50, 8
			}
			op.Spec = s
		case "router":
			op.Spec = topology.RouterSpec{Networks: w[2:]}
		case "port":
			s := topology.PortSpec{Network: w[2], Node: dash(3), Interface: dash(4)}
			if len(w) > 5 {
				s.IPs = []netip.Addr{netip.MustParseAddr(w[5])}
			}
			op.Spec = s
		case "service":
			op.Spec = scriptService(w[2:])
		case "delete":
			op = topology.Op{Verb: topology.Delete, Ref: topology.Ref{Kind: topology.Kind(w[1]), Name: w[2]}}
		default:
			b.Fatalf("there is no kind %q", w[0])
		}
		ops = append(ops, op)
	}
	return b.store.apply(ops)
}

// learnOwners notes whose the flows are that are wanted now.
func (b *scriptBed) learnOwners() {
	var c pipeline.Compiler
	for n := range b.store.Snapshot().Nodes() {
		var set pipeline.ItemSet
		c.CompileNode(&set, b.fabric.View(), n.Name)
		for _, i := range set.Items() {
			b.owners[n.Name][i.Cookie()] = set.Unit(i).String()
		}
	}
}

// received returns what each switch has got since it was last asked.
func (b *scriptBed) received() (lines []string) {
	for _, name := range slices.Sorted(maps.Keys(b.switches)) {
		s := b.switches[name]
		for _, l := range s.tap.take(b.owners[s.node]) {
			lines = append(lines, name+": "+l)
		}
	}
	return lines
}

// status returns what is shown of nodes, and of switches that are none.
func (b *scriptBed) status(nodes []string) (lines []string) {
	for _, name := range nodes {
		s, _ := b.fabric.NodeStatus(name)
		line := fmt.Sprintf("%s: wanted %d, acknowledged %d", name, s.Wanted, s.Acknowledged)
		for _, c := range s.Conditions {
			line += ", " + string(c.Reason)
		}
		lines = append(lines, line)
	}
	for _, p := range b.fabric.Acks(b.store.Snapshot().Revision()).Pending {
		reason, _, _ := strings.Cut(p.Reason, " (")
		lines = append(lines, "pending: "+p.Node+": "+reason)
	}
	for _, s := range b.fabric.Switches() {
		lines = append(lines, "quarantined: "+s.Address+": "+s.Reason)
	}
	return lines
}

// check compares what the switches of nodes have with what is compiled.
func (b *scriptBed) check(nodes []string) (lines []string) {
	for _, name := range nodes {
		var c pipeline.Compiler
		var set pipeline.ItemSet
		c.CompileNode(&set, b.fabric.View(), name)
		digest := set.Digest()
		set.AddStamp(name, digest)
		if worker.Stale(b.at(name).version) {
			set.AddInvalidations(name, digest, c.Entries(b.fabric.View(), name))
		}
		var want []openflow.Cookie
		meters := 0
		for _, i := range set.Items() {
			switch i.Kind() {
			case pipeline.ItemFlow:
				want = append(want, i.Cookie())
			case pipeline.ItemMeter:
				meters++
			}
		}
		line := name + ": as compiled"
		if got := len(b.at(name).sim.Meters()); got != meters {
			lines = append(lines, fmt.Sprintf("%s: %d meters, want %d", name, got, meters))
		}
		if missing, extra := b.at(name).sim.Missing(want); len(missing)+len(extra) > 0 {
			line = fmt.Sprintf("%s: %d flows are missing, %d are too many", name, len(missing), len(extra))
		}
		lines = append(lines, line)
	}
	return lines
}

// flows counts the flows of a node that are as wanted, missing or not wanted.
func (b *scriptBed) flows(node string) string {
	all, err := b.fabric.Flows(b.ctx, node)
	if err != nil {
		return "error: " + err.Error()
	}
	var right, missing, foreign int
	for _, f := range all {
		switch {
		case f.Wanted && f.Installed:
			right++
		case f.Wanted:
			missing++
		default:
			foreign++
		}
	}
	return fmt.Sprintf("%s: %d flows are as wanted, %d are missing, %d are not wanted", node, right, missing, foreign)
}

func (b *scriptBed) showOVSDB(s *scriptSwitch, interfaces []string) {
	id := uint64(model.DatapathIDFor(s.node))
	var all []*ovsdb.Interface
	for _, i := range interfaces {
		name, iface, _ := strings.Cut(i, "=")
		all = append(all, &ovsdb.Interface{Name: name, IfaceID: iface})
	}
	b.fabric.OVSDBConnected(ovsdb.Conn{Remote: s.from + ":1", Bridge: "br-int", DatapathID: id,
		Reconfigure: func() {}, Write: func(ovsdb.Desired) {}})
	b.fabric.InterfacesChanged(id, all)
}

// memoryStore is a reconcile.Store without a file.
type memoryStore struct {
	snapshot *topology.Snapshot
	notify   func(store.Commit)
	bindings map[string]store.Binding
}

func (s *memoryStore) apply(ops []topology.Op) error {
	r, err := topology.Plan(s.snapshot, ops, time.Now())
	if err != nil {
		return err
	}
	c := store.Commit{Revision: r.Next.Revision(), Time: time.Now(), Before: s.snapshot, After: r.Next, Changes: r.Changes, Blocks: r.Blocks}
	s.snapshot = r.Next
	s.notify(c)
	return nil
}

func (s *memoryStore) Snapshot() *topology.Snapshot { return s.snapshot }
func (s *memoryStore) OnCommit(f func(store.Commit)) *topology.Snapshot {
	s.notify = f
	return s.snapshot
}
func (s *memoryStore) Bindings() ([]store.Binding, error) {
	return slices.Collect(maps.Values(s.bindings)), nil
}
func (s *memoryStore) SaveBindings(all []store.Binding) error {
	for _, b := range all {
		if s.bindings[b.Port] = b; b.Gone {
			delete(s.bindings, b.Port)
		}
	}
	return nil
}
func (s *memoryStore) Locals() ([]store.Local, error)     { return nil, nil }
func (s *memoryStore) SaveLocals([]store.Local) error     { return nil }
func (s *memoryStore) Healths() ([]store.Health, error)   { return nil, nil }
func (s *memoryStore) SaveHealths([]store.Health) error   { return nil }
func (s *memoryStore) Joins() ([]store.Join, error)       { return nil, nil }
func (s *memoryStore) SaveJoins([]store.Join) error       { return nil }
func (s *memoryStore) Leavings() ([]store.Leaving, error) { return nil, nil }
func (s *memoryStore) SaveLeavings([]store.Leaving) error { return nil }

// at returns the switch of a name.
func (b *scriptBed) at(name string) *scriptSwitch {
	s, ok := b.switches[name]
	if !ok {
		b.Fatalf("there is no switch %q", name)
	}
	return s
}

// connect has a switch connect, and makes it first if there is none of that name.
func (b *scriptBed) connect(args []string) {
	s, ok := b.switches[args[0]]
	if !ok {
		s = &scriptSwitch{
			node: args[0], from: fmt.Sprintf("192.0.2.%d", len(b.switches)+1), tap: newTap(),
			version: "3.3.0", // which needs no invalidations
		}
		b.switches[args[0]] = s
	}
	ports := []openflow.Port{{No: 1, Name: pipeline.TunnelPort}, {No: openflow.PortLocal, Name: "br-int"}}
	for _, a := range args[1:] {
		switch key, value, found := strings.Cut(a, "="); {
		case !found:
			ports = append(ports, openflow.Port{No: openflow.PortNo(8 + len(ports)), Name: a})
		case key == "node":
			s.node = value
		case key == "from":
			s.from = value
		case key == "version":
			s.version = value
		default:
			b.Fatalf("there is no argument %s=", key)
		}
	}
	if s.sim == nil {
		s.sim = simswitch.New(simswitch.Config{
			DatapathID: openflow.DatapathID(model.DatapathIDFor(s.node)), Ports: ports,
			Desc: openflow.Desc{Software: s.version},
		})
	}
	s.connect(b.ctx, b.listener)
}

// compareCounts orders what bundles have.
func compareCounts(a, b string) int {
	return cmp.Or(cmp.Compare(a[1:], b[1:]), cmp.Compare(a, b))
}

var _ net.Listener = (*pipeListener)(nil)
