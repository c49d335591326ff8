package reconcile_test

import (
	"net/netip"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sdnctl/sdnctl/controller/condition"
	"github.com/sdnctl/sdnctl/controller/ovsdb"
	"github.com/sdnctl/sdnctl/controller/reconcile"
	"github.com/sdnctl/sdnctl/integration/simswitch"
	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// TestZoneLimits: the connections of each domain with policies are limited on the nodes that have
// ports of it, once for each change; a node whose Open vSwitch cannot limit them says so as soon
// as two domains share it.
func TestZoneLimits(t *testing.T) {
	const home = "127.0.0.2"
	for _, tt := range []struct {
		version string
		limits  bool
	}{{"3.2.4", false}, {"3.3.0", true}, {"4.0.1", true}} {
		t.Run(tt.version, func(t *testing.T) {
			id := uint64(model.DatapathIDFor("node1"))
			b := newIdentityBed(t, reconcile.Config{MaxConnections: 5000})
			b.declare("node1")
			b.connectAs(home, "node1", simswitch.Config{Desc: openflow.Desc{Software: tt.version}})
			b.await("node1 is connected", func() bool { return b.at("node1", home) })
			var mu sync.Mutex
			var zones []int
			b.fabric.OVSDBConnected(ovsdb.Conn{DatapathID: id, Remote: home + ":6640", Write: func(d ovsdb.Desired) {
				mu.Lock()
				defer mu.Unlock()
				for zone, limit := range d.ZoneLimits {
					if zone == 0 || limit != 5000 {
						t.Errorf("zone %d is to have %d connections", zone, limit)
					}
				}
				zones = append(zones, len(d.ZoneLimits))
			}})
			b.fabric.BridgeChanged(id, ovsdb.Bridge{FailMode: "secure", Node: "node1"})
			b.fabric.InterfacesChanged(id, nil)
			apply := func(ops ...topology.Op) {
				t.Helper()
				if _, err := b.store.Apply(b.Context(), "test", ops); err != nil {
					t.Fatal(err)
				}
			}
			for _, name := range []string{"a", "b"} {
				network := topology.Op{Verb: topology.Put, Ref: topology.Ref{Kind: topology.KindNetwork, Name: name}, Spec: topology.NetworkSpec{CIDR: netip.MustParsePrefix("10.9.0.0/24")}}
				port := topology.Op{Verb: topology.Put, Ref: topology.Ref{Kind: topology.KindPort, Name: "in-" + name}, Spec: topology.PortSpec{Network: name, Node: "node1"}}
				apply(network, port)
			}
			limited := func(name string) topology.Op {
				return topology.Op{Verb: topology.Put, Ref: topology.Ref{Kind: model.KindPolicy, Name: name}, Spec: model.PolicySpec{
					Subject: model.PolicySelection{Networks: []string{name}}, Isolates: []model.PolicyDirection{model.Ingress},
				}}
			}
			has := func() bool {
				s, _ := b.fabric.NodeStatus("node1")
				return slices.ContainsFunc(s.Conditions, func(c condition.Condition) bool { return c.Reason == condition.ConnectionsNotLimited })
			}
			apply(limited("a"))
			if has() {
				t.Error("one domain shares with nobody")
			}
			apply(limited("b"))
			if !tt.limits {
				b.await("that connections are not limited is a condition", has)
				mu.Lock()
				defer mu.Unlock()
				if len(zones) > 0 {
					t.Errorf("asked for %v zones", zones)
				}
				return
			}
			asked := func(want ...int) {
				t.Helper()
				b.await("limits are asked for", func() bool { mu.Lock(); defer mu.Unlock(); return len(zones) == len(want) })
				mu.Lock()
				defer mu.Unlock()
				if d := cmp.Diff(want, zones); d != "" {
					t.Errorf("zones (-want +got)\n%s", d)
				}
			}
			asked(0, 1, 2)
			apply(topology.Op{Verb: topology.Delete, Ref: topology.Ref{Kind: topology.KindPort, Name: "in-a"}})
			asked(0, 1, 2, 1)
			apply(topology.Op{Verb: topology.Delete, Ref: topology.Ref{Kind: topology.KindPort, Name: "in-b"}}, topology.Op{Verb: topology.Delete, Ref: topology.Ref{Kind: topology.KindNode, Name: "node1"}})
			b.await("limits of a deleted node are to go", func() bool { mu.Lock(); defer mu.Unlock(); return zones[len(zones)-1] == 0 })
			if has() {
				t.Error("limited, and said not to be")
			}
		})
	}
}
