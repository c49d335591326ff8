package pipeline_test

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// check compares every switch with a full compilation.
func (w *world) check(t *rapid.T) {
	w.checkSources(t)
	for _, node := range nodeNames {
		w.release(node)
		w.catchUp(node)
		want, got := compile(w.view, node), w.switches[node]
		var set pipeline.ItemSet
		new(pipeline.Compiler).CompileNode(&set, w.view, node)
		if set.Len() != len(want) {
			t.Fatalf("node %s: two units make the same flow", node)
		}
		keys := map[string]bool{}
		for _, msg := range want {
			if k := key(msg); keys[k] {
				t.Fatalf("node %s: two flows have one key: %v", node, describe(msg))
			} else {
				keys[k] = true
			}
		}
		for c, msg := range want {
			if _, ok := got[c]; !ok {
				t.Fatalf("node %s: missing: %v", node, describe(msg))
			}
		}
		for c, msg := range got {
			if _, ok := want[c]; !ok {
				t.Fatalf("node %s: left over: %v", node, describe(msg))
			}
		}
	}
}

// TestSumOfDeltasIsFullCompile is the safety net of the whole design: whatever the history,
// and however slow a switch is, the sum of the deltas that it was sent is what a full
// compilation yields.
func TestSumOfDeltasIsFullCompile(t *testing.T) {
	applied := 0
	rapid.Check(t, func(t *rapid.T) {
		w := &world{
			view: pipeline.NewView(topology.NewSnapshot()), switches: map[string]table{},
			late: map[string]map[pipeline.Unit]*pipeline.View{}, held: map[string]map[pipeline.Unit]*pipeline.View{},
			waited: map[string]bool{},
		}
		w.begin(t)
		t.Repeat(map[string]func(*rapid.T){
			"commit": func(t *rapid.T) {
				var ops []topology.Op
				for range rapid.IntRange(1, 4).Draw(t, "ops") {
					ops = append(ops, oneField(t, w.view.Topo, randomOp(t)))
				}
				for _, ops := range [][]topology.Op{ops, ops[:1]} {
					r, err := topology.Plan(w.view.Topo, ops, time.Time{})
					if err != nil {
						continue // refused: try a smaller one
					}
					applied += len(r.Changes)
					moves, waits := w.moves(r), rapid.Bool().Draw(t, "receivers first")
					w.step(pipeline.Update{Topo: r.Next, Changes: r.Changes, Blocks: r.Blocks, Identities: r.Identities, Numberings: r.Numberings, Identified: r.Identified}, func(node string, u pipeline.Unit) bool {
						return moves(node, u) || waits && w.view.SendsFor(u, node)
					})
					break
				}
			},
			"place": func(t *rapid.T) {
				ports := slices.Collect(w.view.Topo.Ports())
				if len(ports) == 0 {
					t.Skip("no ports")
				}
				p := rapid.SampledFrom(ports).Draw(t, "port")
				c := pipeline.PlaceChange{Port: p.Name, Before: w.view.Place(p.Name)}
				if rapid.IntRange(0, 3).Draw(t, "bound") > 0 {
					c.After = pipeline.Place{Node: p.Spec.Node, Interface: "if-" + p.Name, OFPort: openflow.PortNo(rapid.IntRange(0, 3).Draw(t, "ofport"))}
					if c.After.Node == "" {
						c.After.Node = rapid.SampledFrom(nodeNames).Draw(t, "at")
					}
					if c.After.OFPort != 0 {
						c.After.OFPort = 10*c.After.OFPort + openflow.PortNo(p.Name[1]-'0')
					}
				}
				// A move may be done in steps: on some nodes the port waits.
				w.step(pipeline.Update{Places: []pipeline.PlaceChange{c}}, func(node string, u pipeline.Unit) bool {
					return c.Before.Node != "" && c.After.Node != "" && c.Before.Node != c.After.Node &&
						(node == c.Before.Node || u.Kind == pipeline.UnitPort && node != c.After.Node)
				})
			},
			"link": func(t *rapid.T) {
				ports := slices.Collect(w.view.Topo.Ports())
				if len(ports) == 0 {
					t.Skip("no ports")
				}
				var u pipeline.Update
				for range rapid.IntRange(1, 3).Draw(t, "links") {
					u.Links = append(u.Links, pipeline.LinkChange{Port: rapid.SampledFrom(ports).Draw(t, "port").Name, Down: rapid.IntRange(0, 2).Draw(t, "down") > 0})
				}
				if rapid.IntRange(0, 3).Draw(t, "with a place") == 0 { // an interface that comes without a link
					p := rapid.SampledFrom(ports).Draw(t, "placed")
					at := pipeline.Place{Node: p.Spec.Node, Interface: "other-" + p.Name, OFPort: 40 + openflow.PortNo(p.Name[1]-'0')}
					if at.Node == "" {
						at.Node = rapid.SampledFrom(nodeNames).Draw(t, "at")
					}
					u.Places = []pipeline.PlaceChange{{Port: p.Name, Before: w.view.Place(p.Name), After: at}}
				}
				w.step(u, nil)
			},
			"health": func(t *rapid.T) {
				services := slices.DeleteFunc(slices.Collect(w.view.Topo.Services()), func(o *topology.Service) bool { return o.Spec.HealthCheck == nil })
				ports := slices.Collect(w.view.Topo.Ports())
				if len(services) == 0 || len(ports) == 0 {
					t.Skip("no backends")
				}
				w.step(pipeline.Update{Health: []pipeline.HealthChange{{
					Service: rapid.SampledFrom(services).Draw(t, "service").Name, Port: rapid.SampledFrom(ports).Draw(t, "backend").Name,
					After: pipeline.Health{Healthy: rapid.IntRange(0, 3).Draw(t, "healthy") > 0},
				}}}, nil)
			},
			"tunnel": func(t *rapid.T) {
				node := rapid.SampledFrom(nodeNames).Draw(t, "node")
				w.step(pipeline.Update{Tunnels: []pipeline.TunnelChange{{
					Node: node, Before: w.view.Tunnel(node), After: openflow.PortNo(rapid.IntRange(0, 2).Draw(t, "ofport")),
				}}}, nil)
			},
			"uplink": func(t *rapid.T) {
				node := rapid.SampledFrom(nodeNames).Draw(t, "node")
				w.step(pipeline.Update{Uplinks: []pipeline.UplinkChange{{
					Node: node, Before: w.view.Uplink(node), After: openflow.PortNo(rapid.SampledFrom([]int{0, 3, 4}).Draw(t, "ofport")),
				}}}, nil)
			},
			"bridge": func(t *rapid.T) {
				node := rapid.SampledFrom(nodeNames).Draw(t, "node")
				w.step(pipeline.Update{Uplinks: []pipeline.UplinkChange{{
					Node: node, Bridge: "br-ex", Before: w.view.Bridge(node, "br-ex"), After: openflow.PortNo(rapid.SampledFrom([]int{0, 7, 8}).Draw(t, "ofport")),
				}}}, nil)
			},
			"reach": func(t *rapid.T) {
				node := rapid.SampledFrom(nodeNames).Draw(t, "node")
				to, ok := w.view.Topo.Node(rapid.SampledFrom(nodeNames).Draw(t, "probed"))
				if !ok {
					w.step(pipeline.Update{Absences: []pipeline.AbsenceChange{{Node: node, Away: rapid.Bool().Draw(t, "away")}}}, nil)
					return
				}
				c := pipeline.ContactChange{Node: node, Port: model.EgressProbe(to.DatapathID)}
				if no := rapid.SampledFrom([]int{0, 31, 32}).Draw(t, "ofport"); no != 0 {
					c.After = pipeline.Contact{No: openflow.PortNo(no), Live: rapid.Bool().Draw(t, "live"), Met: rapid.Bool().Draw(t, "met")}
				}
				w.step(pipeline.Update{Contacts: []pipeline.ContactChange{c}}, nil)
			},
			"host port": func(t *rapid.T) {
				node := rapid.SampledFrom(nodeNames).Draw(t, "node")
				w.step(pipeline.Update{Hosts: []pipeline.HostChange{{
					Node: node, Before: w.view.Host(node), After: openflow.PortNo(rapid.SampledFrom([]int{0, 5, 6}).Draw(t, "ofport")),
				}}}, nil)
			},
			"local address": func(t *rapid.T) {
				node := rapid.SampledFrom(nodeNames).Draw(t, "node")
				c := pipeline.LocalChange{Node: node}
				switch n, ok := w.view.Topo.Node(node); rapid.IntRange(0, 3).Draw(t, "shown") {
				case 0:
				case 1:
					c.After = underlay(rapid.IntRange(1, 9).Draw(t, "address"), node)
				default:
					if ok {
						c.After = n.Spec.TunnelIP
					}
				}
				c.UDP = rapid.SampledFrom([]uint16{0, 4789, 4790}).Draw(t, "UDP port")
				w.step(pipeline.Update{Locals: []pipeline.LocalChange{c}}, nil)
			},
			"lingering": func(t *rapid.T) {
				p := slices.Collect(w.view.Topo.Networks())
				if len(p) == 0 {
					t.Skip("no networks")
				}
				network := rapid.SampledFrom(p).Draw(t, "network")
				domain := network.Ref().String()
				if r, ok := w.view.Topo.RouterOf(network.Name); ok {
					domain = r.Ref().String()
				}
				c := pipeline.LingerChange{Domain: domain, Node: rapid.SampledFrom(nodeNames).Draw(t, "node"), Over: rapid.Bool().Draw(t, "over")}
				if w.lingers == nil {
					w.lingers = map[[2]string]bool{}
				}
				w.lingers[[2]string{c.Domain, c.Node}] = !c.Over
				w.step(pipeline.Update{Lingers: []pipeline.LingerChange{c}}, nil)
			},
			"draining time is over": func(t *rapid.T) {
				over := slices.Collect(w.view.Leavings())
				if len(over) == 0 {
					t.Skip("nothing leaves")
				}
				l := rapid.SampledFrom(over).Draw(t, "leaves")
				l.After.Ended = true
				w.step(pipeline.Update{Leaving: []pipeline.LeavingChange{l}}, nil)
			},
			"join": func(t *rapid.T) {
				ports := slices.Collect(w.view.Topo.Ports())
				if len(ports) == 0 {
					t.Skip("no ports")
				}
				var u pipeline.Update
				for range rapid.IntRange(1, 3).Draw(t, "changes") {
					c := joinOf(rapid.SampledFrom(ports).Draw(t, "port").Name, rapid.SampledFrom([]string{"239.1.1.1", "239.1.1.2", "ff15::1", "224.0.0.251"}).Draw(t, "group"))
					c.Left = rapid.IntRange(0, 3).Draw(t, "left") == 0
					u.Joins = append(u.Joins, c)
				}
				before := w.view
				w.step(u, nil)
				w.checkJoins(t, before)
			},
			"switch catches up": func(t *rapid.T) { w.catchUp(rapid.SampledFrom(nodeNames).Draw(t, "node")) },
			"a step is over":    func(t *rapid.T) { w.release(rapid.SampledFrom(nodeNames).Draw(t, "node")) },
			"check":             w.check,
		})
		w.check(t)
	})
	if applied < 100 {
		t.Errorf("only %d changes were applied: the histories are too poor to prove anything", applied)
	}
}
