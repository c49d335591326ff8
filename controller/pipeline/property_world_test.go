package pipeline_test

import (
	"fmt"
	"maps"
	"net/netip"
	"time"

	"pgregory.net/rapid"

	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// world is a topology that rapid changes at random, with what was sent to each node's
// switch so far.
type world struct {
	view     *pipeline.View
	switches map[string]table
	// late holds what is marked for a node whose switch is slow: each unit with the view
	// before it was marked. held holds what must wait for other nodes.
	late, held map[string]map[pipeline.Unit]*pipeline.View
	// waited says that some of a node's late units were held.
	waited map[string]bool
	// synced is the view that a node's switch last had. Every second
	// time the change is computed from that view instead of from what is marked.
	synced map[string]*pipeline.View
	turns  int
	// lingers has the domains and nodes that have just left them.
	lingers map[[2]string]bool
}

var (
	nodeNames = []string{"n1", "n2", "n3"}
	netNames  = []string{"a", "b", "c", "seg"}
)

// step makes the next view. The units for which hold returns true wait longer than others,
// unless they are marked again.
func (w *world) step(u pipeline.Update, hold func(node string, unit pipeline.Unit) bool) {
	before := w.view
	w.view = before.Next(u)
	fresh := map[string]map[pipeline.Unit]bool{}
	pipeline.Affected(before, w.view, u, func(node string, unit pipeline.Unit) {
		if fresh[node] == nil {
			fresh[node] = map[pipeline.Unit]bool{}
		}
		fresh[node][unit] = true
	})
	for node, units := range fresh {
		if w.late[node] == nil {
			w.late[node], w.held[node] = map[pipeline.Unit]*pipeline.View{}, map[pipeline.Unit]*pipeline.View{}
		}
		late, held := w.late[node], w.held[node]
		for unit := range units {
			switch {
			case late[unit] != nil:
			case held[unit] != nil:
				late[unit] = held[unit]
				delete(held, unit)
				w.waited[node] = true
			case hold != nil && hold(node, unit):
				held[unit] = before
			default:
				late[unit] = before
			}
		}
	}
}

// moves returns what has to wait in a change that moves ports: everything on the nodes that
// they leave, and the ports themselves on nodes that they neither leave nor reach.
func (w *world) moves(r topology.Result) func(node string, u pipeline.Unit) bool {
	ports, to, from := map[string]bool{}, map[string]bool{}, map[string]bool{}
	after := w.view.Next(pipeline.Update{Topo: r.Next, Changes: r.Changes, Blocks: r.Blocks, Identities: r.Identities, Numberings: r.Numberings, Identified: r.Identified})
	for _, c := range r.Changes {
		b, _ := c.Before.(*topology.Port)
		a, _ := c.After.(*topology.Port)
		if b == nil || a == nil {
			continue
		}
		if was, is := w.view.Location(b), after.Location(a); was != is && was != "" && is != "" {
			ports[c.Ref.Name], to[is], from[was] = true, true, true
		}
	}
	return func(node string, u pipeline.Unit) bool {
		return !to[node] && (from[node] || u.Kind == pipeline.UnitPort && ports[u.Name])
	}
}

// catchUp sends to a node's switch what is late.
func (w *world) catchUp(node string) {
	var d pipeline.Delta
	if w.turns++; w.turns%2 == 0 && w.synced[node] != nil {
		w.release(node)
		older := maps.Clone(w.late[node])
		maps.DeleteFunc(older, func(_ pipeline.Unit, v *pipeline.View) bool { return v.Seq >= w.synced[node].Seq })
		d.ComputeWide(w.view, node, older, w.synced[node])
	} else {
		d.Compute(w.view, node, maps.All(w.late[node]))
	}
	if w.waited[node] {
		d.SpareOwned(w.view, node, func(u pipeline.Unit) bool { return w.held[node][u] != nil })
		w.waited[node] = false
	}
	if w.synced == nil {
		w.synced = map[string]*pipeline.View{}
	}
	w.synced[node] = w.view
	if w.switches[node] == nil {
		w.switches[node] = table{}
	}
	w.switches[node].apply(&d)
	clear(w.late[node])
}

// release releases what is held for a node.
func (w *world) release(node string) {
	w.waited[node] = w.waited[node] || len(w.held[node]) > 0
	maps.Copy(w.late[node], w.held[node])
	clear(w.held[node])
}

// uplinkAddressesOf returns the addresses of a node on the uplink of dualBridgeUplink, IPv4 first.
func uplinkAddressesOf(node string) []netip.Addr {
	last := 64 + node[1]%32
	return []netip.Addr{netip.AddrFrom4([4]byte{192, 0, 2, last}), netip.MustParseAddr(fmt.Sprintf("2001:db8:0:2::%x", last))}
}

// begin declares a topology in which most of the ops that follow are possible.
func (w *world) begin(t *rapid.T) {
	var ops []topology.Op
	// Random changes alone seldom make all that ports need to leave by a bridge.
	bridged := rapid.Bool().Draw(t, "begins with a bridge")
	router := topology.RouterSpec{Networks: []string{"a", "seg"}}
	var plugged []pipeline.UplinkChange
	for i, n := range nodeNames {
		spec := topology.NodeSpec{TunnelIP: netip.AddrFrom4([4]byte{192, 0, 2, byte(i + 1)})}
		if bridged {
			spec.UplinkAddresses = uplinkAddressesOf(n)
			plugged = append(plugged, pipeline.UplinkChange{Node: n, Bridge: "br-ex", After: 7})
		}
		ops = append(ops, topology.Op{Verb: topology.Create, Ref: topology.Ref{Kind: topology.KindNode, Name: n}, Spec: spec})
	}
	if bridged {
		ops = append(ops, topology.Op{Verb: topology.Create, Ref: topology.Ref{Kind: topology.KindUplink, Name: "u3"}, Spec: dualBridgeUplink("br-ex", "192.0.2")},
			topology.Op{Verb: topology.Create, Ref: topology.Ref{Kind: model.KindPortGroup, Name: "g"}, Spec: model.PortGroupSpec{Ports: []string{"p0"}}},
			topology.Op{Verb: topology.Create, Ref: topology.Ref{Kind: topology.KindEgressIP, Name: "e1"}, Spec: randomEgress(t, "e1")})
		router.Egress = &model.RouterEgress{Uplink: "u3"}
		if rapid.Bool().Draw(t, "routed") {
			router.Egress.IPv6 = model.IPv6Routed
		}
	}
	for _, n := range netNames {
		ops = append(ops, topology.Op{Verb: topology.Create, Ref: topology.Ref{Kind: topology.KindNetwork, Name: n}, Spec: networkSpec(t, n)})
	}
	ops = append(ops, topology.Op{Verb: topology.Create, Ref: topology.Ref{Kind: topology.KindRouter, Name: "r1"},
		Spec: router})
	for i, n := range []string{"a", "a", "seg"} {
		ops = append(ops, topology.Op{Verb: topology.Create, Ref: topology.Ref{Kind: topology.KindPort, Name: fmt.Sprintf("p%d", i)},
			Spec: topology.PortSpec{Network: n, Node: nodeNames[i%len(nodeNames)]}})
	}
	ops = append(ops, topology.Op{Verb: topology.Create, Ref: topology.Ref{Kind: model.KindService, Name: "x"}, Spec: model.ServiceSpec{
		Addresses: []netip.Addr{netip.MustParseAddr("192.0.2.200")}, Routers: []string{"r1"}, Ports: []model.ServicePort{{Port: 80}},
		Backends: model.ServiceBackends{PolicySelection: model.PolicySelection{Selector: &model.Selector{MatchLabels: map[string]string{"app": "web"}}}},
	}})
	r, err := topology.Plan(w.view.Topo, ops, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	w.step(pipeline.Update{Topo: r.Next, Changes: r.Changes, Blocks: r.Blocks, Identities: r.Identities, Numberings: r.Numberings, Identified: r.Identified}, nil)
	w.step(pipeline.Update{Uplinks: plugged}, nil)
}

// underlay returns one of nine tunnel addresses of a node. Those of all nodes are next to
// each other, with gaps, in two parts of the underlay for IPv4 and one for IPv6.
func underlay(x int, node string) netip.Addr {
	if x > 7 {
		return netip.AddrFrom16([16]byte{0xfd, 0x50, 15: 4*byte(x-8) + node[1] - '1'})
	}
	return netip.AddrFrom4([4]byte{192, 0, 2 + byte(x%2), 4*byte(x) + node[1] - '1'})
}
