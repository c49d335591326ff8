package pipeline_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// The constants of docs/cost.md for static routes.
const (
	perRoute        = 1 // flows of a route on each node that knows the router, and a group if it has several next hops
	perRouted       = 1 // flows of a network of the router that has next hops, for each family of them
	perRoutedBridge = 2 // flows of a route to next hops on an uplink, on nodes that have its bridge, and one for the first
	perSegmentedHop = 1 // flows of a next hop in a segmented network
	perDefaultRoute = 4 // flows of a router with a default route, for what no router forwards; 3 of IPv6
)

// TestCostOfRoutes: a route costs a flow, or a flow and a group, on the nodes that know the router,
// however many ports there are; a next hop that comes or goes costs one of them.
func TestCostOfRoutes(t *testing.T) {
	for _, ports := range []int{4, 40} {
		b := build(t)
		b.nodes(3)
		b.stretched("blue", 100, "10.0.0.0/24", "fd00:0:0:1::/64")
		b.segmented("pods", 300, "10.244.0.0/16", 200, 100)
		b.stretched("other", 400, "10.9.0.0/24")
		b.bridged("r", "blue", "pods")
		for i := range ports {
			b.port(fmt.Sprintf("p%02d", i), "blue", []string{"n1", "n2"}[i%2])
		}
		b.port("pod", "pods", "n1")
		b.port("q", "other", "n3")
		b.commit()
		items := func(v *pipeline.View, node string) int {
			var c pipeline.Compiler
			var set pipeline.ItemSet
			c.CompileNode(&set, v, node)
			return len(set.Items())
		}
		differ := func(what string, want int, routes ...string) {
			t.Helper()
			before := b.view
			spec := topology.RouterSpec{Networks: []string{"blue", "pods"}, Egress: &model.RouterEgress{Uplink: "ext"}}
			for _, text := range routes {
				r, err := model.ParseRoute(text)
				if err != nil {
					t.Fatal(err)
				}
				spec.Routes = append(spec.Routes, r)
			}
			b.put(topology.KindRouter, "r", spec)
			b.commit()
			for node, want := range map[string]int{"n1": want, "n2": want, "n3": 0} {
				if got := items(b.view, node) - items(before, node); got != want {
					t.Errorf("%d ports: %s: %s has %d items more, want %d", ports, what, node, got, want)
				}
			}
		}
		const one = "10.51.0.0/24=10.0.0.2"
		differ("the first route", perRoute+perRouted, one)
		differ("the second, with two next hops", perRoute+1, one, "10.52.0.0/24=10.0.0.2,10.0.0.3")
		differ("a third next hop", 0, one, "10.52.0.0/24=10.0.0.2,10.0.0.3,10.0.0.4")
		differ("no routes", -2*perRoute-perRouted-1)
		differ("a default route, for which that to the uplink goes", perRoute+perRouted+perDefaultRoute-1, "0.0.0.0/0=10.0.0.2")
		differ("none", -perRoute-perRouted-perDefaultRoute+1)
		differ("in a segmented network", perRoute+perRouted+perSegmentedHop, "10.51.0.0/24=10.244.1.2")
		differ("none", -perRoute-perRouted-perSegmentedHop)
		differ("next hops on the uplink", perRoutedBridge+1+1+1, "203.0.113.0/24=192.0.2.8,192.0.2.9")
		differ("one", -2, "203.0.113.0/24=192.0.2.8")
	}
}

// TestCostOfRoutesIPv6: IPv6 next hops on an uplink cost what those of IPv4 do.
func TestCostOfRoutesIPv6(t *testing.T) {
	b := build(t)
	b.nodes(2)
	b.stretched("blue", 100, "10.0.0.0/24", "fd00:0:0:1::/64")
	b.bridgedBy(dualBridgeUplink("br-ex", "192.0.2"), "r", "blue")
	b.port("one", "blue", "n1")
	b.commit()
	spec := topology.RouterSpec{Networks: []string{"blue"}, Egress: &model.RouterEgress{Uplink: "ext"}}
	for _, step := range []struct {
		what, route string
		want        int
	}{
		{"the first, with two next hops", "2001:db8:e::/48=2001:db8:0:2::8,2001:db8:0:2::9", perRoutedBridge + 1 + 1 + 1},
		{"one with one", "2001:db8:f::/48=2001:db8:0:2::8", perRoutedBridge},
		{"one of IPv4", "203.0.113.0/24=192.0.2.8", perRoutedBridge + 1},
	} {
		r, err := model.ParseRoute(step.route)
		if err != nil {
			t.Fatal(err)
		}
		spec.Routes = append(slices.Clone(spec.Routes), r)
		b.costs(step.what, func() {
			b.put(topology.KindRouter, "r", spec)
			b.commit()
		}, step.want, 0)
	}
}
