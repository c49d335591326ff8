package cli_test

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/sdnctl/sdnctl/controller/condition"
	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/controller/reconcile"
	"github.com/sdnctl/sdnctl/controller/server/servertest"
	"github.com/sdnctl/sdnctl/controller/status"
	"github.com/sdnctl/sdnctl/controller/worker"
	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
	"github.com/sdnctl/sdnctl/topology/store"
)

// fabric is a fake server.Fabric. A node that a script connects has confirmed all revisions,
// and the others none.
type fabric struct {
	servertest.Readings

	mu        sync.Mutex // guards what follows
	connected map[string]bool
	places    map[string]string // of ports: their node
	dropping  map[string]string // of ports: the MAC that they send from
	switches  []status.Switch
	changed   chan struct{}
	watchers  map[int]func(topology.Ref)
}

func newFabric(st store.Store) *fabric {
	f := &fabric{
		Readings:  servertest.Readings{Store: st},
		connected: make(map[string]bool),
		places:    make(map[string]string),
		dropping:  make(map[string]string),
		changed:   make(chan struct{}),
		watchers:  make(map[int]func(topology.Ref)),
	}
	return f
}

// script runs the script commands
//
//	fabric connect NODE
//	fabric disconnect NODE
//	fabric switch DATAPATH-ID ADDRESS
//	fabric bind PORT NODE
//	fabric dropping PORT MAC
func (f *fabric) script(ts *testscript.TestScript, args []string) {
	f.mu.Lock()
	switch args[0] {
	case "connect":
		f.connected[args[1]] = true
	case "disconnect":
		delete(f.connected, args[1])
	case "switch":
		id, err := model.ParseDatapathID(args[1])
		ts.Check(err)
		f.switches = append(f.switches, status.Switch{DatapathID: id, Address: args[2], OVSVersion: "3.1.0", Since: time.Now(), Reason: "no node has this datapath id"})
	case "bind":
		f.places[args[1]] = args[2]
	case "dropping":
		f.dropping[args[1]] = args[2]
	default:
		ts.Fatalf("fabric %s: not known", args[0])
	}
	close(f.changed)
	f.changed = make(chan struct{})
	var notify []func(topology.Ref)
	for _, w := range f.watchers {
		notify = append(notify, w)
	}
	f.mu.Unlock()
	kind := topology.KindNode
	if args[0] == "bind" || args[0] == "dropping" {
		kind = topology.KindPort
	}
	for _, w := range notify {
		w(topology.Ref{Kind: kind, Name: args[1]})
	}
}

func (f *fabric) NodeStatus(name string) (status.Node, bool) {
	n, ok := f.Store.Snapshot().Node(name)
	if !ok {
		return status.Node{}, false
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	s := status.Node{Node: name, DatapathID: n.DatapathID, Wanted: f.Store.Snapshot().Revision()}
	if f.connected[name] {
		s.Connected, s.InSync, s.Acknowledged = true, true, s.Wanted
		s.Address, s.OVSVersion = "192.168.50.11:41234", "3.1.0"
		s.Since = time.Now().Add(-90 * time.Second)
		s.Items, s.Ports, s.TunnelPort, s.OVSDB = pipeline.Counts{2}, 1, true, true
	}
	s.Conditions = condition.Node(condition.NodeFacts{Name: name, Connected: s.Connected, InSync: s.InSync, OVSDB: s.OVSDB, TunnelPort: s.TunnelPort})
	for i := range s.Conditions {
		s.Conditions[i].Since = time.Now()
	}
	return s, true
}

func (f *fabric) Bound(name string) (string, bool) {
	s := f.PortStatus(name)
	return s.Node, s.Bound
}

func (f *fabric) PortStatus(name string) status.Port {
	f.mu.Lock()
	defer f.mu.Unlock()
	node := f.places[name]
	s := status.Port{Port: name, Node: node, Bound: node != ""}
	facts := condition.PortFacts{Name: name, Bound: s.Bound, Unbound: "no interface has its id", InterfaceID: name, Node: node}
	if mac := f.dropping[name]; mac != "" {
		s.Dropped = &condition.Dropped{Packets: 12, Last: time.Now(), MAC: mac, WantMAC: "02:00:00:00:00:01"}
		facts.Dropped = s.Dropped
	}
	s.Conditions = condition.Port(facts)
	return s
}

// NetworkConditions returns the conditions of a network whose name says that its MTU is
// large.
func (f *fabric) NetworkConditions(name, _ string) []condition.Condition {
	if name != "large" {
		return nil
	}
	return condition.Network(condition.NetworkFacts{Name: name, MTU: 9000, Small: []condition.Underlay{{Node: "node1", MTU: 1500, Overhead: 50}}})
}

// Summary knows of nodes that are not connected.
func (f *fabric) Summary(worst int) status.Summary {
	t := condition.NewTracker()
	for n := range f.Store.Snapshot().Nodes() {
		s, _ := f.NodeStatus(n.Name)
		t.Set(n.Ref(), s.Conditions, time.Now())
	}
	s := status.Summarize(t, worst)
	f.mu.Lock()
	defer f.mu.Unlock()
	if s.Dropping = len(f.dropping); s.Dropping > 0 {
		s.DroppedPackets = 12
	}
	return s
}

func (f *fabric) Switches() []status.Switch {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.switches)
}

func (f *fabric) Acks(rev topology.Revision) status.Acks {
	f.mu.Lock()
	a := status.Acks{Revision: rev, Changed: f.changed}
	f.mu.Unlock()
	for n := range f.Store.Snapshot().Nodes() {
		if s, _ := f.NodeStatus(n.Name); s.Acknowledged < rev {
			a.Pending = append(a.Pending, status.Pending{Node: n.Name, Wanted: rev, Reason: "not connected"})
		}
	}
	return a
}

func (f *fabric) Flows(_ context.Context, node string) ([]worker.FlowView, error) {
	owner := topology.Ref{Kind: topology.KindPort, Name: "web1"}
	actions := openflow.Actions(nil).SetReg(1, 4096).SetReg(2, 4096).SetTunnelID(4096).Output(7)
	long := openflow.Instructions(nil).ApplyActions(actions)
	return []worker.FlowView{
		{Flow: openflow.Flow{Table: 0, Priority: 100, Cookie: 1}, TableName: "classify", Owner: owner, Why: "takes packets of the port in", Wanted: true, Installed: true, Packets: 12, Bytes: 840},
		{Flow: openflow.Flow{Table: 60, Priority: 100, Cookie: 2, Instructions: long}, TableName: "forward", Owner: owner, Why: "delivers to the port", Wanted: true},
		{Flow: openflow.Flow{Table: 60, Priority: 5, Cookie: 3}, TableName: "forward", Installed: true},
	}, nil
}

func (f *fabric) Groups(context.Context, string) ([]worker.NumberedView, error) {
	owner := topology.Ref{Kind: topology.KindPort, Name: "web1"}
	return []worker.NumberedView{
		{Number: 7, Text: "group_id=7,type=select,bucket=actions=output:3", Owner: owner, Why: "chooses a backend", Wanted: true, Installed: true, Flows: 1, Packets: 12, Bytes: 840},
		{Number: 9, Text: "group_id=9,type=all", Installed: true},
	}, nil
}

func (f *fabric) Meters(context.Context, string) ([]worker.NumberedView, error) {
	owner := topology.Ref{Kind: topology.KindPort, Name: "web1"}
	return []worker.NumberedView{{Number: 7, Text: "meter=7 kbps bands= type=drop rate=1000", Owner: owner, Why: "limits the port", Wanted: true, Exceeded: 3}}, nil
}

func (f *fabric) Drifts(node string) []worker.Drift {
	d := worker.Drift{Seq: 1, Time: time.Now().Add(-time.Minute), Node: "node1", What: "deleted", Table: "forward",
		Owner: topology.Ref{Kind: topology.KindPort, Name: "web1"}, Before: "table=80 actions=output:3", By: "monitor"}
	if node == "" || node == d.Node {
		return []worker.Drift{d}
	}
	return nil
}

func (f *fabric) Audit(_ context.Context, node string) reconcile.Audit {
	if s, _ := f.NodeStatus(node); !s.Connected {
		return reconcile.Audit{Node: node, Comparison: worker.Comparison{Verdict: worker.Unknown, Reason: "its switch is not connected"}}
	}
	return reconcile.Audit{Node: node, Comparison: worker.Comparison{Verdict: worker.Equal}}
}

func (f *fabric) Subscribe(fn func(topology.Ref)) (cancel func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	id := len(f.watchers)
	f.watchers[id] = fn
	return func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(f.watchers, id)
	}
}

// scriptMany writes a network and N ports on it. Three of the ports have a mistake: one in
// a key, one in an address, one in a network.
func scriptMany(ts *testscript.TestScript, _ bool, args []string) {
	n, err := strconv.Atoi(args[0])
	ts.Check(err)
	var b strings.Builder
	b.WriteString("kind: Network\nname: blue\nspec: {cidr: 10.0.0.0/16}\n")
	for i := range n {
		spec := "network: blue"
		switch i {
		case n / 4:
			spec = "netwrok: blue"
		case n / 2:
			spec = "network: blue\n  ip: 10.1.0.1"
		case n - 1:
			spec = "network: bleu"
		}
		fmt.Fprintf(&b, "---\nkind: Port\nname: p%d\nspec:\n  %s\n", i, spec)
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(b.String()), 0o644))
}
