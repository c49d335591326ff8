package reconcile_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/controller/reconcile"
	"github.com/sdnctl/sdnctl/controller/worker"
	"github.com/sdnctl/sdnctl/integration/lab"
	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
)

// limits gives each port rN whose interface id is RATE-rN a meter of that rate, a
// group of that weight, and a flow that uses both, on every node that knows the
// port. Their numbers are N.
func limits(add pipeline.Adder, v *pipeline.View, _ string, u pipeline.Unit) {
	p, ok := v.Topo.Port(u.Name)
	if u.Kind != pipeline.UnitPort || !ok {
		return
	}
	var rate, id uint32
	if _, err := fmt.Sscanf(p.Spec.InterfaceID, "%d-r%d", &rate, &id); err != nil {
		return
	}
	// Half of them come back in another form: with a burst.
	meter := openflow.Meter{ID: id, Flags: openflow.MeterKbps, Bands: openflow.Bands(nil).Drop(rate, 0)}
	if id%2 == 0 {
		meter = openflow.Meter{ID: id, Flags: openflow.MeterKbps | openflow.MeterBurst, Bands: openflow.Bands(nil).Drop(rate, 10)}
	}
	add.Meter(meter, "limits a port")
	add.Group(openflow.Group{ID: id, Type: openflow.GroupTypeSelect, Buckets: openflow.Buckets(nil).
		Add(openflow.Bucket{Weight: uint16(rate), WatchPort: 77, WatchGroup: openflow.GroupAny,
			Actions: openflow.Actions(nil).SetReg(3, id).Resubmit(openflow.PortInPort, 112)}).
		Add(openflow.Bucket{Weight: 1, WatchPort: openflow.PortAny, WatchGroup: openflow.GroupAny, Actions: openflow.Actions(nil).Output(78)}),
	}, "chooses a backend")
	add.Flow(openflow.Flow{Table: 126, Priority: 100, Match: openflow.Match(nil).Metadata(uint64(id)),
		Instructions: openflow.Instructions(nil).Meter(id).ApplyActions(openflow.Actions(nil).Group(id))}, "sends to a group")
}

// limited declares the port rN elsewhere, with a rate.
func limited(n, rate int) topology.Op {
	return put(topology.KindPort, fmt.Sprintf("r%d", n), topology.PortSpec{Network: "net", Node: "elsewhere", InterfaceID: fmt.Sprintf("%d-r%d", rate, n)})
}

// itemBed has a node that knows ports r1…, the first of which have a rate of 1000.
func itemBed(t *testing.T, ports, limitedPorts int) (*bed, *lab.Node) {
	t.Helper()
	b := newBedWith(t, 1, reconcile.Config{RetryAfter: 50 * time.Millisecond, Extra: limits})
	n := b.Nodes[0]
	ops := []topology.Op{b.nodeOp(n), put(topology.KindNode, "elsewhere", topology.NodeSpec{TunnelIP: n.Addr.Next()}), networkOp(), portOp("p1", "node1")}
	for i := range ports {
		if i < limitedPorts {
			ops = append(ops, limited(i+1, 1000))
		} else {
			ops = append(ops, portOp(fmt.Sprintf("r%d", i+1), "elsewhere"))
		}
	}
	b.plug(n, "p1")
	b.apply(ops...)
	b.join(n)
	b.itemsSettled(n)
	return b, n
}

// numbered returns the switch's groups and meters as ovs-ofctl shows them, one a
// line, sorted.
func (b *bed) numbered(n *lab.Node) (groups, meters []string) {
	b.Helper()
	show := func(command string) (lines []string) {
		text, err := n.OFCtl(b.Context(), "-O", "OpenFlow13", command, "br-int")
		if err != nil {
			b.Fatal(err)
		}
		text = strings.ReplaceAll(text, " bands=\n", " bands= ")
		for line := range strings.Lines(text) {
			if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "OFPST_") && !strings.HasPrefix(line, "NXST_") {
				lines = append(lines, line)
			}
		}
		slices.Sort(lines)
		return lines
	}
	return show("dump-groups"), show("dump-meters")
}

// itemsSettled waits until the node's switch has just what is wanted of it.
func (b *bed) itemsSettled(n *lab.Node) {
	b.Helper()
	b.await("the items", func(ctx context.Context) error {
		s, _ := b.fabric.NodeStatus(n.Name)
		flows, err := n.FlowCount(ctx)
		groups, meters := b.numbered(n)
		got := pipeline.Counts{flows, len(groups), len(meters)}
		if err == nil && (!s.InSync || s.Items != got) {
			err = fmt.Errorf("in sync %t, %v wanted, the switch has %v", s.InSync, s.Items, got)
		}
		return err
	})
}

// mods returns how many messages of each kind and op a node was sent since the
// daemon's start, stamps not counted.
func (b *bed) mods(node string) map[string]float64 {
	b.Helper()
	families, err := b.reg.Gather()
	if err != nil {
		b.Fatal(err)
	}
	sent := map[string]float64{}
	for _, f := range families {
		what, ok := strings.CutSuffix(strings.TrimPrefix(f.GetName(), "sdnd_openflow_"), "_mods_total")
		if !ok {
			continue
		}
		for _, m := range f.GetMetric() {
			labels := map[string]string{}
			for _, l := range m.GetLabel() {
				labels[l.GetName()] = l.GetValue()
			}
			if v := m.GetCounter().GetValue(); labels["node"] == node && labels["op"] != "stamp" && v > 0 {
				sent[what+" "+labels["op"]] = v
			}
		}
	}
	return sent
}

// TestItemsAtScale: 10,000 flows, 1,000 groups and 1,000 meters are installed, and
// a restart sends nothing. A change sends what differs.
func TestItemsAtScale(t *testing.T) {
	b, n := itemBed(t, 5000, 1000)
	s, _ := b.fabric.NodeStatus("node1")
	if s.Items.Flows() < 10_000 || s.Items.Groups() != 1000 || s.Items.Meters() != 1000+perNodeMeter {
		t.Fatalf("the switch has %v", s.Items)
	}
	groups, meters := b.numbered(n)
	b.stop()
	b.start()
	b.itemsSettled(n)
	if diff := cmp.Diff(map[string]float64{}, b.mods("node1")); diff != "" {
		t.Errorf("sent after a restart (-want +got):\n%s", diff)
	}
	g, m := b.numbered(n)
	if diff := cmp.Diff([2][]string{groups, meters}, [2][]string{g, m}); diff != "" {
		t.Errorf("groups and meters after a restart (-before +after):\n%s", diff)
	}
	if d := b.fabric.Drifts(""); len(d) > 0 {
		t.Errorf("drifts: %+v", d)
	}
	for what, list := range map[string]func(context.Context, string) ([]worker.NumberedView, error){
		"groups": b.fabric.Groups, "meters": b.fabric.Meters,
	} {
		views, err := list(b.Context(), "node1")
		views = slices.DeleteFunc(views, func(v worker.NumberedView) bool { return v.Owner.Name == "node1" }) // its own meters
		if err != nil || len(views) != 1000 {
			t.Fatalf("%d %s listed, %v", len(views), what, err)
		}
		for i, v := range views {
			if v.Number != uint32(i+1) || !v.Wanted || !v.Installed || v.Flows != 1 || v.Owner.Name != fmt.Sprintf("r%d", i+1) || v.Why == "" {
				t.Fatalf("%s: %+v", what, v)
			}
		}
	}
	b.apply(limited(7, 500), del(topology.KindPort, "r8"), limited(1001, 20))
	b.itemsSettled(n)
	want := map[string]float64{
		"meter add": 2, "meter delete": 1, // of which one is changed
		"group add": 2, "group delete": 1,
		"flow add": 1, "flow delete": 1 + perRemote,
	}
	if diff := cmp.Diff(want, b.mods("node1")); diff != "" {
		t.Errorf("sent for a change (-want +got):\n%s", diff)
	}
	if a := b.fabric.Audit(b.Context(), "node1"); a.Verdict != worker.Equal {
		t.Errorf("audit: %+v", a)
	}
	// A node that is no more of the fabric keeps nothing.
	b.apply(del(topology.KindPort, "p1"), del(topology.KindNode, "node1"))
	b.await("an empty switch", func(ctx context.Context) error {
		flows, err := n.FlowCount(ctx)
		g, m := b.numbered(n)
		if err == nil && flows+len(g)+len(m) > 0 {
			err = fmt.Errorf("%d flows, %d groups, %d meters", flows, len(g), len(m))
		}
		return err
	})
}

// TestItemsOfOthers: what others do to groups and meters, and to the flows that go
// with them, is undone and reported, at once and after a time away.
func TestItemsOfOthers(t *testing.T) {
	b, n := itemBed(t, 20, 10)
	groups, meters := b.numbered(n)
	port := func(n int) topology.Ref {
		return topology.Ref{Kind: topology.KindPort, Name: fmt.Sprintf("r%d", n)}
	}
	type drifted struct {
		what, table string
		owner       topology.Ref
	}
	cases := []struct {
		name string
		args []string
		want []drifted
	}{
		{"a group added", []string{"add-group", "br-int", "group_id=99,type=all,bucket=actions=output:1"}, []drifted{{"added", "groups", topology.Ref{}}}},
		{"a group modified", []string{"mod-group", "br-int", "group_id=1,type=select,bucket=actions=output:1"}, []drifted{{"modified", "groups", port(1)}}},
		{"a group deleted, and a flow with it", []string{"del-groups", "br-int", "group_id=2"},
			[]drifted{{"deleted", "table 126", port(2)}, {"deleted", "groups", port(2)}}},
		{"a meter modified", []string{"mod-meter", "br-int", "meter=3,pktps,band=type=drop,rate=9"}, []drifted{{"modified", "meters", port(3)}}},
		{"a meter deleted, and a flow with it", []string{"del-meter", "br-int", "meter=4"},
			[]drifted{{"deleted", "table 126", port(4)}, {"deleted", "meters", port(4)}}},
		{"a meter added", []string{"add-meter", "br-int", "meter=99,kbps,band=type=drop,rate=9"}, []drifted{{"added", "meters", topology.Ref{}}}},
	}
	check := func(t *testing.T, before int, by string, want []drifted) {
		t.Helper()
		b.itemsSettled(n)
		b.await("the drifts, and the groups and meters as they were", func(context.Context) error {
			got := b.fabric.Drifts("")[before:]
			if len(got) != len(want) {
				return fmt.Errorf("%d drifts, want %d: %+v", len(got), len(want), got)
			}
			g, m := b.numbered(n)
			if diff := cmp.Diff([2][]string{groups, meters}, [2][]string{g, m}); diff != "" {
				return fmt.Errorf("groups and meters (-before +after):\n%s", diff)
			}
			return nil
		})
		all := map[drifted]int{}
		for _, w := range want {
			all[w]++
		}
		for _, d := range b.fabric.Drifts("")[before:] {
			all[drifted{d.What, d.Table, d.Owner}]--
			if d.By != by {
				t.Errorf("by %q: %+v", d.By, d)
			}
		}
		for w, n := range all {
			if n != 0 {
				t.Errorf("reported %d times too few: %+v\nall: %+v", n, w, b.fabric.Drifts("")[before:])
			}
		}
		if a := b.fabric.Audit(b.Context(), "node1"); a.Verdict != worker.Equal {
			t.Errorf("audit: %+v", a)
		}
	}
	for _, tt := range cases {
		t.Run(tt.name, func(t *testing.T) {
			before := len(b.fabric.Drifts(""))
			b.tamper(n, tt.args...)
			check(t, before, "monitor", tt.want)
		})
	}
	b.stop()
	var want []drifted
	for _, tt := range cases {
		b.tamper(n, tt.args...)
		if tt.name != "a meter added" { // which may be one that sdnd was about to delete
			want = append(want, tt.want...)
		}
	}
	b.start()
	check(t, 0, "connection", want)
}

// TestVirtualMetersStay: meters by which the machine's owner bounds what goes to
// controllers are not ours to remove.
func TestVirtualMetersStay(t *testing.T) {
	b, n := itemBed(t, 2, 1)
	b.tamper(n, "add-meter", "br-int", "meter=controller,pktps,band=type=drop,rate=1000")
	b.stop()
	b.start()
	b.await("the node in sync", func(context.Context) error {
		if s, _ := b.fabric.NodeStatus("node1"); !s.InSync || s.Items.Meters() != 1+perNodeMeter {
			return fmt.Errorf("%+v", s)
		}
		return nil
	})
	b.apply(del(topology.KindPort, "p1"), del(topology.KindNode, "node1"))
	b.await("the virtual meter alone", func(ctx context.Context) error {
		flows, err := n.FlowCount(ctx)
		_, meters := b.numbered(n)
		if err == nil && (flows > 0 || len(meters) != 1 || !strings.HasPrefix(meters[0], "meter=controller ")) {
			err = fmt.Errorf("%d flows, meters %q", flows, meters)
		}
		return err
	})
	if d := b.fabric.Drifts(""); len(d) > 0 {
		t.Errorf("drifts: %+v", d)
	}
}
