package pipeline_test

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/topology"
)

// TestContractOfRoutes holds the rows of docs/cost.md about static routes: a change of a route, or of
// a next hop, costs each node that knows the router one or two items, however many ports there are.
func TestContractOfRoutes(t *testing.T) {
	for _, mode := range []topology.Mode{topology.Stretched, topology.Segmented} {
		for _, size := range [][2]int{{6, 20}, {24, 80}} {
			t.Run(fmt.Sprintf("%s/%dx%d", mode, size[0], size[1]), func(t *testing.T) {
				bed := newContractBed(t, []topology.Family{topology.IPv4}, mode, true, size[0], size[1])
				var hops []netip.Addr
				for i := range 3 {
					p, _ := bed.view.Topo.Port(fmt.Sprintf("p%d", i+1))
					hops = append(hops, p.Addresses[0])
				}
				r, _ := bed.view.Topo.RouterOf("net")
				routes := func(b *contractBed, hops ...netip.Addr) cost {
					spec := r.Spec
					if len(hops) > 0 {
						spec.Routes = []topology.Route{{To: netip.MustParsePrefix("192.0.2.0/24"), Via: hops}}
					}
					return b.apply(put(topology.KindRouter, r.Name, spec))
				}
				segmented := 0 // items for each next hop, and one for the first route
				if mode == topology.Segmented {
					segmented = 1
				}
				R := bed.relevant
				for _, v := range []struct {
					name     string
					prepare  int
					do       func(*contractBed) cost
					flowMods int
				}{
					{"a route", 0, func(b *contractBed) cost { return routes(b, hops[0]) }, R * (2 + 2*segmented)},
					{"no route", 1, func(b *contractBed) cost { return routes(b) }, R * (2 + 2*segmented)},
					{"with several next hops", 0, func(b *contractBed) cost { return routes(b, hops[:2]...) }, R * (3 + 3*segmented)},
					{"a next hop more", 2, func(b *contractBed) cost { return routes(b, hops...) }, R * (1 + segmented)},
					{"a next hop less", 3, func(b *contractBed) cost { return routes(b, hops[:2]...) }, R * (1 + segmented)},
				} {
					b := bed.copy(t)
					if v.prepare > 0 {
						routes(b, hops[:v.prepare]...)
					}
					if got := v.do(b); got.flowMods != v.flowMods || got.nodes > R || got.units > R {
						t.Errorf("%s: %d flow-mods to %d nodes, %d units; want %d to %d", v.name, got.flowMods, got.nodes, got.units, v.flowMods, R)
					}
				}
				b := bed.copy(t)
				routes(b, hops...)
				was := b.view.Place("p2")
				with, without := b.step(pipeline.Update{Places: []pipeline.PlaceChange{{Port: "p2", Before: was}}}), bed.copy(t)
				alone := without.step(pipeline.Update{Places: []pipeline.PlaceChange{{Port: "p2", Before: was}}})
				if got := with.flowMods - alone.flowMods; got > R {
					t.Errorf("a next hop loses its interface: %d flow-mods more than without routes, want at most %d", got, R)
				}
			})
		}
	}
}
