package pipeline_test

import (
	"net/netip"
	"testing"

	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// The constants of docs/cost.md for addresses of services on uplinks.
const (
	perPublicAddress = 4 // flows of each address on each node with an address of its own on the uplink,
	perPublicPort    = 2 // of each port at each address there,
	perPublicHeld    = 3 // and of each address on the node that answers for it
	perInnerAddress  = 2 // flows of each address on each node whose ports may use the service,
	perInnerPort     = 1 // and of each port at each address there
)

// TestCostOfServicesOnUplinks: an address of a service on an uplink costs flows on the nodes that have
// addresses of their own there and those with ports that may use the service; when it moves, on two.
func TestCostOfServicesOnUplinks(t *testing.T) {
	b := build(t)
	for i, name := range []string{"n1", "n2", "n3", "n4"} {
		spec := topology.NodeSpec{TunnelIP: netip.AddrFrom4([4]byte{172, 16, 56, byte(i + 2)})}
		if i < 2 {
			spec.UplinkAddresses = []netip.Addr{netip.AddrFrom4([4]byte{192, 0, 2, byte(i + 65)})}
		}
		b.op(topology.KindNode, name, spec)
	}
	b.stretched("blue", 100, "10.0.0.0/24")
	b.bridged("r", "blue")
	b.labelled("one", "blue", "n1", "web")
	b.labelled("two", "blue", "n2", "web")
	b.labelled("three", "blue", "n3", "web")
	web := func(name string, id byte, external model.TrafficPolicy, backend string, uplink ...byte) {
		spec := model.ServiceSpec{
			Addresses: []netip.Addr{netip.AddrFrom4([4]byte{10, 96, 0, id})}, Routers: []string{"r"}, ExternalTrafficPolicy: external,
			Ports:    []model.ServicePort{{Name: "http", Port: 80}, {Name: "https", Port: 443}},
			Backends: model.ServiceBackends{Endpoints: []model.ServiceEndpoint{{Port: backend}}},
		}
		if len(uplink) > 0 {
			spec.Uplink = &model.ServiceUplink{Name: "ext"}
			for _, last := range uplink {
				spec.Uplink.Addresses = append(spec.Uplink.Addresses, netip.AddrFrom4([4]byte{192, 0, 2, last}))
			}
		}
		b.put(model.KindService, name, spec)
	}
	web("first", 1, "", "one", 90) // pays what a node has for all of them
	web("web", 2, "", "one")
	b.commit()
	differ := func(what string, want []int, step func()) {
		t.Helper()
		b.costs(what, step, want...)
	}
	const ports = 2
	const inner = perInnerAddress + ports*perInnerPort
	const standby = inner + perPublicAddress + ports*perPublicPort
	holder, other := 0, 1
	at := func(both, held int) []int {
		all := []int{both, both, inner * both / standby, 0}
		all[holder] += held
		return all
	}
	if b.view.ServiceHolder("first") == "" || b.view.ServiceHolder("web") != "" {
		t.Fatalf("held by %q and %q", b.view.ServiceHolder("first"), b.view.ServiceHolder("web"))
	}
	// The name decides which of the two nodes it is.
	spread := map[string]bool{}
	for _, name := range []string{"web", "a", "b", "c", "d", "e", "f", "g"} {
		web(name, 10+name[0], "", "one", 100+name[0]%20)
		b.commit()
		spread[b.view.ServiceHolder(name)] = true
		if name != "web" {
			b.put(model.KindService, name, nil)
			b.ops[len(b.ops)-1].Verb = topology.Delete
			b.commit()
		} else {
			web(name, 2, "", "one")
			b.commit()
		}
	}
	if len(spread) != 2 || spread[""] {
		t.Errorf("eight services are on the nodes %v, want both", spread)
	}
	before := b.view
	web("web", 2, "", "one", 91)
	b.commit()
	if b.view.ServiceHolder("web") == "n2" {
		holder, other = 1, 0
	}
	b.view = before
	differ("an address", at(standby, perPublicHeld), func() {
		web("web", 2, "", "one", 91)
		b.commit()
	})
	differ("another", at(standby, perPublicHeld), func() {
		web("web", 2, "", "one", 91, 92)
		b.commit()
	})
	name := []string{"n1", "n2"}
	moved := []int{0, 0, 0, 0}
	moved[holder], moved[other] = -2*perPublicHeld, 2*perPublicHeld
	if b.view.ServiceHolder("first") == name[holder] {
		moved[holder], moved[other] = moved[holder]-perPublicHeld, moved[other]+perPublicHeld
	}
	differ("its node is away", moved, func() {
		b.step(pipeline.Update{Absences: []pipeline.AbsenceChange{{Node: name[holder], Away: true}}})
	})
	last := b.last[len(b.last)-1]
	found := false
	for _, m := range pipeline.ServiceMoves(last.before, last.after, last.update) {
		found = found || m == pipeline.FloatingMove{Name: "web", From: name[holder], To: name[other]}
	}
	if !found {
		t.Errorf("web does not move from %s to %s", name[holder], name[other])
	}
	b.step(pipeline.Update{Absences: []pipeline.AbsenceChange{{Node: name[holder]}}})
	for _, tt := range [][2]string{{"one", "n1"}, {"two", "n2"}, {"one", "n1"}} {
		web("web", 2, model.TrafficLocal, tt[0], 91)
		b.commit()
		if got := b.view.ServiceHolder("web"); got != tt[1] {
			t.Errorf("with the backend %s on %s alone %q has the address", tt[0], tt[1], got)
		}
	}
	web("web", 2, model.TrafficLocal, "three", 91)
	b.commit()
	if got := b.view.ServiceHolder("web"); got == "" {
		t.Error("nobody has the address while the only backend is on a node without uplink")
	}
	b.step(pipeline.Update{Absences: []pipeline.AbsenceChange{{Node: "n1", Away: true}, {Node: "n2", Away: true}}})
	if got := b.view.ServiceHolder("web"); got != "" {
		t.Errorf("%s has the address, and all nodes are away", got)
	}
}
