package pipeline_test

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// TestLinkDown: what depends on whether the link of a backend is up, beside the groups of switches.
func TestLinkDown(t *testing.T) {
	b := build(t)
	for i, name := range []string{"n1", "n2"} {
		b.op(topology.KindNode, name, topology.NodeSpec{
			TunnelIP:        netip.AddrFrom4([4]byte{172, 16, 56, byte(i + 2)}),
			UplinkAddresses: []netip.Addr{netip.AddrFrom4([4]byte{192, 0, 2, byte(i + 65)})},
		})
	}
	b.stretched("blue", 100, "10.0.0.0/24")
	b.bridged("r", "blue")
	ports := []model.ServicePort{{Name: "http", Port: 80}}
	endpoints := model.ServiceBackends{Endpoints: []model.ServiceEndpoint{{Port: "one"}, {Port: "two", State: model.EndpointDraining}, {Port: "three"}}}
	nodePorts := []model.ServicePort{{Name: "http", Port: 80, NodePort: model.NodePort{Number: 30080}}}
	for i, name := range []string{"one", "two", "three"} {
		b.labelled(name, "blue", []string{"n1", "n1", "n2"}[i], "web")
	}
	address := func(last byte) []netip.Addr { return []netip.Addr{netip.AddrFrom4([4]byte{10, 96, 0, last})} }
	b.put(model.KindService, "outside", model.ServiceSpec{
		Addresses: address(1), Routers: []string{"r"}, Ports: ports, ExternalTrafficPolicy: model.TrafficLocal,
		Uplink:   &model.ServiceUplink{Name: "ext", Addresses: []netip.Addr{netip.MustParseAddr("192.0.2.90")}},
		Backends: model.ServiceBackends{Endpoints: []model.ServiceEndpoint{{Port: "one"}}},
	})
	b.put(model.KindService, "asked", model.ServiceSpec{
		Addresses: address(2), Routers: []string{"r"}, Ports: nodePorts, ExternalTrafficPolicy: model.TrafficLocal,
		HealthCheckNodePort: model.NodePort{Auto: true}, Backends: endpoints,
	})
	b.put(model.KindService, "names", model.ServiceSpec{Headless: true, Networks: []string{"blue"}, Ports: ports, Backends: endpoints})
	b.put(model.KindService, "near", model.ServiceSpec{
		Addresses: address(3), Routers: []string{"r"}, Ports: ports, InternalTrafficPolicy: model.TrafficLocal, Backends: endpoints,
	})
	b.put(model.KindService, "checked", model.ServiceSpec{
		Addresses: address(4), Routers: []string{"r"}, Ports: ports, HealthCheck: &model.HealthCheck{Protocol: model.CheckTCP}, Backends: endpoints,
	})
	b.commit()
	place := func(port, node string, no openflow.PortNo) pipeline.PlaceChange {
		return pipeline.PlaceChange{Port: port, Before: b.view.Place(port), After: pipeline.Place{Node: node, Interface: fmt.Sprint("eth", no), OFPort: no}}
	}
	healthy := pipeline.Health{Healthy: true}
	b.step(pipeline.Update{
		Places: []pipeline.PlaceChange{place("one", "n1", 11), place("two", "n1", 12), place("three", "n2", 13)},
		Health: []pipeline.HealthChange{{Service: "checked", Port: "one", After: healthy}, {Service: "checked", Port: "three", After: healthy}},
	})
	of := func(name string) *topology.Service { o, _ := b.view.Topo.Service(name); return o }
	// state says: the node that answers for "outside"; who is ready on n1 for "asked"; which backends "names" has,
	// which node has none for "near"; and which backends of "checked" are asked, and known to be healthy.
	state := func() string {
		var listed, asked, well []string
		for x := range b.view.Topo.Backends(of("names")) {
			if b.view.Listed(of("names"), x) {
				listed = append(listed, x.Name)
			}
		}
		for c := range b.view.Checks() {
			asked = append(asked, c.Port)
		}
		for h := range b.view.Healths() {
			well = append(well, h.Port)
		}
		near := b.view.BackendsOf(b.view.Topo, of("near"), 0, nil)
		return fmt.Sprintf("%s, %d, %v, %v %d, %v %v", b.view.ServiceHolder("outside"), b.view.ReadyOn(of("asked"), "n1"), listed, near.Without, near.LinkDown, asked, well)
	}
	link := func(port string, down bool) pipeline.Update {
		return pipeline.Update{Links: []pipeline.LinkChange{{Port: port, Down: down}}}
	}
	if holderWithout(b) != "n2" {
		t.Fatal("choose another name for the service: nothing shows here that its address moves")
	}
	up := "n1, 1, [one three], [] 0, [one three two] [one three]"
	for _, s := range []struct {
		what string
		u    pipeline.Update
		want string
	}{
		{"at first", pipeline.Update{}, up},
		{"the link goes down", link("one", true), holderWithout(b) + ", 0, [three], [n1] 1, [three two] [three]"},
		{"a late answer to a probe", pipeline.Update{Health: []pipeline.HealthChange{{Service: "checked", Port: "one", After: healthy}}}, holderWithout(b) + ", 0, [three], [n1] 1, [three two] [three]"},
		{"it is up again", link("one", false), "n1, 1, [one three], [] 0, [one three two] [three]"},
		{"it passes a check", pipeline.Update{Health: []pipeline.HealthChange{{Service: "checked", Port: "one", After: healthy}}}, up},
		{"down", link("one", true), holderWithout(b) + ", 0, [three], [n1] 1, [three two] [three]"},
		{"its number becomes known, as after a start", pipeline.Update{Places: []pipeline.PlaceChange{{Port: "one", Before: pipeline.Place{Node: "n1", Interface: "eth11"}, After: pipeline.Place{Node: "n1", Interface: "eth11", OFPort: 14}}}}, holderWithout(b) + ", 0, [three], [n1] 1, [three two] [three]"},
		{"another interface", pipeline.Update{Places: []pipeline.PlaceChange{{Port: "one", After: pipeline.Place{Node: "n1", Interface: "eth15", OFPort: 15}}}}, "n1, 1, [one three], [] 0, [one three two] [three]"},
		{"one whose link is down", pipeline.Update{Places: []pipeline.PlaceChange{place("one", "n1", 16)}, Links: link("one", true).Links}, holderWithout(b) + ", 0, [three], [n1] 1, [three two] [three]"},
		{"none", pipeline.Update{Places: []pipeline.PlaceChange{{Port: "one"}}}, holderWithout(b) + ", 0, [three], [n1] 0, [three two] [three]"},
		{"a link without an interface", link("one", true), holderWithout(b) + ", 0, [three], [n1] 0, [three two] [three]"},
		{"an interface", pipeline.Update{Places: []pipeline.PlaceChange{place("one", "n1", 17)}}, "n1, 1, [one three], [] 0, [one three two] [three]"},
	} {
		before := b.view
		b.step(s.u)
		if got := state(); got != s.want {
			t.Errorf("%s: %s, want %s", s.what, got, s.want)
		}
		if b.view.LinkDown("one") != before.LinkDown("one") && b.view.LinkDown("one") && s.what == "the link goes down" {
			if all := pipeline.HealthChanges(before, b.view, s.u); len(all) != 1 || all[0].Port != "one" || all[0].After != (pipeline.Health{}) {
				t.Errorf("%s: what is to be saved of health is %+v", s.what, all)
			}
		}
	}
	b.step(link("one", true))
	r, err := topology.Plan(b.view.Topo, []topology.Op{remove(model.KindService, "outside"), remove(model.KindService, "asked"), remove(model.KindService, "names"), remove(model.KindService, "near"), remove(model.KindService, "checked"), remove(topology.KindPort, "one")}, time.Unix(0, 0))
	if err != nil {
		t.Fatal(err)
	}
	if b.step(updateOf(r)); b.view.LinkDown("one") {
		t.Error("the link of a deleted port is known")
	}
}

// holderWithout returns the node that answers for "outside" while no node has a backend of it: the name decides.
func holderWithout(b *builder) string {
	return b.view.Next(pipeline.Update{Links: []pipeline.LinkChange{{Port: "one", Down: true}}}).ServiceHolder("outside")
}
