package binding_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sdnctl/sdnctl/controller/binding"
	"github.com/sdnctl/sdnctl/topology"
)

// declared returns a topology with two nodes and three ports: "web" is unpinned and has the
// interface id "web", "pinned" is on n1 with the interface id "vm-7", and "named" is on n1 and
// names the interface "eth7".
func declared(t *testing.T) *topology.Snapshot {
	t.Helper()
	create := func(kind topology.Kind, name string, spec topology.Spec) topology.Op {
		return topology.Op{Verb: topology.Create, Ref: topology.Ref{Kind: kind, Name: name}, Spec: spec}
	}
	r, err := topology.Plan(topology.NewSnapshot(), []topology.Op{
		create(topology.KindNode, "n1", topology.NodeSpec{TunnelIP: netip.MustParseAddr("192.0.2.1")}),
		create(topology.KindNode, "n2", topology.NodeSpec{TunnelIP: netip.MustParseAddr("192.0.2.2")}),
		create(topology.KindNetwork, "net", topology.NetworkSpec{
			Mode: topology.Stretched, Subnets: []topology.Subnet{{Prefix: netip.MustParsePrefix("10.0.0.0/24")}},
		}),
		create(topology.KindPort, "web", topology.PortSpec{Network: "net"}),
		create(topology.KindPort, "pinned", topology.PortSpec{Network: "net", Node: "n1", InterfaceID: "vm-7"}),
		create(topology.KindPort, "named", topology.PortSpec{Network: "net", Node: "n1", Interface: "eth7"}),
	}, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	return r.Next
}

// changed returns the topology with one port created or changed.
func changed(t *testing.T, topo *topology.Snapshot, verb topology.Verb, port string, spec topology.PortSpec) *topology.Snapshot {
	t.Helper()
	r, err := topology.Plan(topo, []topology.Op{{Verb: verb, Ref: topology.Ref{Kind: topology.KindPort, Name: port}, Spec: spec}}, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	return r.Next
}

const tunnel = "vxlan-sdn"

func ids(name, iface string) []binding.Interface {
	return []binding.Interface{{Name: name, IfaceID: iface}}
}

// step is one report, and its expected outcome.
type step struct {
	report func(*binding.Table) []binding.Change
	want   []binding.Change
}

func TestTable(t *testing.T) {
	topo := declared(t)
	ports := func(node string, numbers map[uint32]string) func(*binding.Table) []binding.Change {
		return func(b *binding.Table) []binding.Change { return b.SetPorts(topo, node, numbers).Changes }
	}
	port := func(node string, number uint32, iface string) func(*binding.Table) []binding.Change {
		return func(b *binding.Table) []binding.Change { return b.SetPort(topo, node, number, iface).Changes }
	}
	interfaces := func(node string, ifaces []binding.Interface) func(*binding.Table) []binding.Change {
		return func(b *binding.Table) []binding.Change { return b.SetInterfaces(topo, node, ifaces).Changes }
	}
	remember := func(p string, at binding.Place) func(*binding.Table) []binding.Change {
		return func(b *binding.Table) []binding.Change { return b.Remember(topo, p, at).Changes }
	}
	at := func(node, iface string, number uint32) binding.Place {
		return binding.Place{Node: node, Interface: iface, OFPort: number}
	}
	nowhere := binding.Place{}
	repinned := changed(t, topo, topology.Put, "pinned", topology.PortSpec{Network: "net", Node: "n2", InterfaceID: "vm-7"})
	withEth1 := changed(t, topo, topology.Create, "web-eth1", topology.PortSpec{Network: "net", InterfaceID: "web/eth1"})
	change := func(p string, from, to binding.Place) []binding.Change {
		return []binding.Change{{Port: p, Before: from, After: to}}
	}

	tests := []struct {
		name  string
		steps []step
	}{
		{"openflow first, then ovsdb", []step{
			{ports("n1", map[uint32]string{5: "veth1"}), nil},
			{interfaces("n1", ids("veth1", "web")), change("web", nowhere, at("n1", "veth1", 5))},
			{port("n1", 5, ""), change("web", at("n1", "veth1", 5), nowhere)},
		}},
		{"ovsdb first, then openflow", []step{
			{interfaces("n1", ids("veth1", "web")), nil},
			{port("n1", 5, "veth1"), change("web", nowhere, at("n1", "veth1", 5))},
			{interfaces("n1", nil), change("web", at("n1", "veth1", 5), nowhere)},
		}},
		{"identity set anew to the same is no change", []step{
			{interfaces("n1", ids("veth1", "web")), nil},
			{port("n1", 5, "veth1"), change("web", nowhere, at("n1", "veth1", 5))},
			{interfaces("n1", ids("veth1", "web")), nil},
		}},
		{"ovs-docker", []step{
			{port("n1", 3, "1a2b_l"), nil},
			{interfaces("n1", []binding.Interface{{Name: "1a2b_l", ContainerID: "web", ContainerIface: "eth0"}}), change("web", nowhere, at("n1", "1a2b_l", 3))},
		}},
		{"iface-id goes before container_id", []step{
			{port("n1", 3, "1a2b_l"), nil},
			{interfaces("n1", []binding.Interface{{Name: "1a2b_l", ContainerID: "web", IfaceID: "vm-7"}}), change("pinned", nowhere, at("n1", "1a2b_l", 3))},
		}},
		{"by interface name, without ovsdb", []step{
			{port("n1", 9, "eth7"), change("named", nowhere, at("n1", "eth7", 9))},
			{port("n1", 9, ""), change("named", at("n1", "eth7", 9), nowhere)},
			{port("n1", 10, "eth7"), change("named", nowhere, at("n1", "eth7", 10))},
			{port("n2", 9, "eth7"), nil},
			{port("n1", 10, ""), change("named", at("n1", "eth7", 10), nowhere)},
		}},
		{"a pinned port does not follow to another node", []step{
			{port("n2", 4, "veth1"), nil},
			{interfaces("n2", ids("veth1", "vm-7")), nil},
		}},
		{"a port moves to the interface that came last, and back when that goes", []step{
			{ports("n1", map[uint32]string{5: "veth1"}), nil},
			{ports("n2", map[uint32]string{1: "other"}), nil},
			{interfaces("n1", ids("veth1", "web")), change("web", nowhere, at("n1", "veth1", 5))},
			{interfaces("n2", nil), nil},
			{interfaces("n2", ids("tap0", "web")), nil},
			{port("n2", 7, "tap0"), change("web", at("n1", "veth1", 5), at("n2", "tap0", 7))},
			{port("n2", 7, ""), change("web", at("n2", "tap0", 7), at("n1", "veth1", 5))},
		}},
		{"what a node reports first after a start takes nothing from another", []step{
			{remember("web", at("n2", "tap0", 7)), change("web", nowhere, at("n2", "tap0", 0))},
			{ports("n1", map[uint32]string{5: "veth1"}), nil},
			{interfaces("n1", ids("veth1", "web")), nil},
			{ports("n2", map[uint32]string{7: "tap0"}), change("web", at("n2", "tap0", 0), at("n2", "tap0", 7))},
			{interfaces("n2", ids("tap0", "web")), nil},
			{port("n2", 7, ""), change("web", at("n2", "tap0", 7), at("n1", "veth1", 5))},
		}},
		{"a node that does not come back after a start gives way", []step{
			{remember("web", at("n2", "tap0", 7)), change("web", nowhere, at("n2", "tap0", 0))},
			{remember("pinned", at("n1", "vm", 8)), change("pinned", nowhere, at("n1", "vm", 0))},
			{ports("n1", map[uint32]string{5: "veth1", 8: "vm"}), change("pinned", at("n1", "vm", 0), at("n1", "vm", 8))},
			{interfaces("n1", append(ids("veth1", "web"), ids("vm", "vm-7")...)), nil},
			{func(b *binding.Table) []binding.Change { return b.NodesReturned(topo).Changes }, change("web", at("n2", "tap0", 0), at("n1", "veth1", 5))},
			{ports("n2", map[uint32]string{7: "tap0"}), nil},
			{interfaces("n2", ids("tap0", "web")), nil},
		}},
		{"a switch that comes back as it was takes nothing from another", []step{
			{ports("n1", map[uint32]string{5: "veth1"}), nil},
			{interfaces("n1", ids("veth1", "web")), change("web", nowhere, at("n1", "veth1", 5))},
			{ports("n2", nil), nil},
			{interfaces("n2", nil), nil},
			{port("n2", 7, "tap0"), nil},
			{interfaces("n2", ids("tap0", "web")), change("web", at("n1", "veth1", 5), at("n2", "tap0", 7))},
			{ports("n1", map[uint32]string{5: "veth1"}), nil},
			{interfaces("n1", ids("veth1", "web")), nil},
		}},
		{"a pinned port moves with its pin, where its interface is already", []step{
			{ports("n1", map[uint32]string{3: "vnet3"}), nil},
			{interfaces("n1", ids("vnet3", "vm-7")), change("pinned", nowhere, at("n1", "vnet3", 3))},
			{ports("n2", map[uint32]string{4: "vnet4"}), nil},
			{interfaces("n2", ids("vnet4", "vm-7")), nil},
			{func(b *binding.Table) []binding.Change {
				return b.PortsChanged(topo, repinned, []string{"pinned"}).Changes
			}, change("pinned", at("n1", "vnet3", 3), at("n2", "vnet4", 4))},
		}},
		{"names with the same beginning are distinguished by number", []step{
			{ports("n1", map[uint32]string{4: "patch-to-br-web", 5: "patch-to-br-web"}), nil},
			{interfaces("n1", []binding.Interface{
				{Name: "patch-to-br-web-of-a", OFPort: 4, IfaceID: "web"}, {Name: "patch-to-br-web-of-b", OFPort: 5, IfaceID: "vm-7"},
			}), []binding.Change{
				{Port: "pinned", After: at("n1", "patch-to-br-web-of-b", 5)}, {Port: "web", After: at("n1", "patch-to-br-web-of-a", 4)},
			}},
			{port("n1", 4, ""), change("web", at("n1", "patch-to-br-web-of-a", 4), nowhere)},
		}},
		{"one long name needs no number, but a second does", []step{
			{ports("n1", map[uint32]string{4: "patch-to-br-web"}), nil},
			{interfaces("n1", ids("patch-to-br-web-of-a", "web")), change("web", nowhere, at("n1", "patch-to-br-web-of-a", 4))},
			{interfaces("n1", append(ids("patch-to-br-web-of-a", "web"), ids("patch-to-br-web-of-b", "vm-7")...)), nil},
			{port("n1", 4, ""), change("web", at("n1", "patch-to-br-web-of-a", 4), nowhere)},
			{port("n1", 5, "patch-to-br-web"), nil},
		}},
		{"long names are remembered with their numbers", []step{
			{remember("web", at("n1", "patch-to-br-web-of-a", 4)), change("web", nowhere, at("n1", "patch-to-br-web-of-a", 0))},
			{ports("n1", map[uint32]string{4: "patch-to-br-web", 5: "patch-to-br-web"}), change("web", at("n1", "patch-to-br-web-of-a", 0), at("n1", "patch-to-br-web-of-a", 4))},
		}},
		{"a number that is not the name's any more is not believed", []step{
			{interfaces("n1", []binding.Interface{{Name: "veth1", OFPort: 5, IfaceID: "web"}}), nil},
			{ports("n1", map[uint32]string{5: "other", 6: "veth1"}), change("web", nowhere, at("n1", "veth1", 6))},
		}},
		{"an inactive interface claims nothing, and one that is activated is new", []step{
			{ports("n1", map[uint32]string{5: "tap1", 6: "vif1"}), nil},
			{interfaces("n1", []binding.Interface{{Name: "tap1", IfaceID: "web", Inactive: true}, {Name: "vif1", IfaceID: "web"}}), change("web", nowhere, at("n1", "vif1", 6))},
			{interfaces("n1", []binding.Interface{{Name: "tap1", IfaceID: "web"}, {Name: "vif1", IfaceID: "web"}}), change("web", at("n1", "vif1", 6), at("n1", "tap1", 5))},
			{interfaces("n1", []binding.Interface{{Name: "tap1", IfaceID: "web"}, {Name: "vif1", IfaceID: "web", Inactive: true}}), nil},
		}},
		{"a second interface of a container does not take its port", []step{
			{ports("n1", map[uint32]string{3: "1a_l", 4: "2b_l"}), nil},
			{interfaces("n1", []binding.Interface{{Name: "2b_l", ContainerID: "web", ContainerIface: "eth0"}}), change("web", nowhere, at("n1", "2b_l", 4))},
			{interfaces("n1", []binding.Interface{
				{Name: "1a_l", ContainerID: "web", ContainerIface: "eth1"}, {Name: "2b_l", ContainerID: "web", ContainerIface: "eth0"},
			}), nil},
		}},
		{"the first interface of a container goes first", []step{
			{ports("n1", map[uint32]string{3: "1a_l", 4: "2b_l"}), nil},
			{interfaces("n1", []binding.Interface{
				{Name: "1a_l", ContainerID: "web", ContainerIface: "eth1"}, {Name: "2b_l", ContainerID: "web", ContainerIface: "eth0"},
			}), change("web", nowhere, at("n1", "2b_l", 4))},
		}},
		{"an interface of a container that is a port of its own is not the container's", []step{
			{ports("n1", map[uint32]string{3: "1a_l", 4: "2b_l"}), nil},
			{interfaces("n1", []binding.Interface{{Name: "1a_l", ContainerID: "web", ContainerIface: "eth1"}}), change("web", nowhere, at("n1", "1a_l", 3))},
			{func(b *binding.Table) []binding.Change {
				return b.PortsChanged(topo, withEth1, []string{"web-eth1"}).Changes
			}, []binding.Change{{Port: "web", Before: at("n1", "1a_l", 3)}, {Port: "web-eth1", After: at("n1", "1a_l", 3)}}},
			{func(b *binding.Table) []binding.Change {
				return b.PortsChanged(withEth1, topo, []string{"web-eth1"}).Changes
			}, []binding.Change{{Port: "web", After: at("n1", "1a_l", 3)}, {Port: "web-eth1", Before: at("n1", "1a_l", 3)}}},
		}},
		{"a container that appears on another node takes its port along", []step{
			{ports("n1", map[uint32]string{3: "1a_l"}), nil},
			{interfaces("n1", []binding.Interface{{Name: "1a_l", ContainerID: "web", ContainerIface: "eth0"}}), change("web", nowhere, at("n1", "1a_l", 3))},
			{ports("n2", map[uint32]string{4: "2b_l"}), nil},
			{interfaces("n2", nil), nil},
			{interfaces("n2", []binding.Interface{{Name: "2b_l", ContainerID: "web", ContainerIface: "eth0"}}), change("web", at("n1", "1a_l", 3), at("n2", "2b_l", 4))},
		}},
		{"the bridge's own interface", []step{
			{ports("n1", map[uint32]string{binding.Local: "br-int"}), nil},
			{interfaces("n1", []binding.Interface{{Name: "br-int", OFPort: binding.Local, IfaceID: "web"}}), change("web", nowhere, at("n1", "br-int", binding.Local))},
		}},
		{"the tunnel is no port", []step{
			{ports("n1", map[uint32]string{9: tunnel}), nil},
			{interfaces("n1", []binding.Interface{{Name: tunnel, OFPort: 9, IfaceID: "web"}}), nil},
		}},
		{"a restart with everything in place moves nothing but the number", []step{
			{remember("web", at("n1", "veth1", 5)), change("web", nowhere, at("n1", "veth1", 0))},
			{ports("n2", map[uint32]string{1: "tap0"}), nil},
			{ports("n1", map[uint32]string{5: "veth1"}), change("web", at("n1", "veth1", 0), at("n1", "veth1", 5))},
			{interfaces("n1", ids("veth1", "web")), nil},
		}},
		{"a restart after which the interface is gone", []step{
			{remember("web", at("n1", "veth1", 5)), change("web", nowhere, at("n1", "veth1", 0))},
			{ports("n1", map[uint32]string{5: "other"}), change("web", at("n1", "veth1", 0), nowhere)},
		}},
		{"a restart after which the interface is another's", []step{
			{remember("web", at("n1", "veth1", 5)), change("web", nowhere, at("n1", "veth1", 0))},
			{ports("n1", map[uint32]string{5: "veth1"}), change("web", at("n1", "veth1", 0), at("n1", "veth1", 5))},
			{interfaces("n1", ids("veth1", "someone-else")), change("web", at("n1", "veth1", 5), nowhere)},
		}},
		{"a switch that comes back with other numbers", []step{
			{interfaces("n1", ids("veth1", "web")), nil},
			{ports("n1", map[uint32]string{5: "veth1"}), change("web", nowhere, at("n1", "veth1", 5))},
			{ports("n1", map[uint32]string{2: "veth1"}), change("web", at("n1", "veth1", 5), at("n1", "veth1", 2))},
			{ports("n1", map[uint32]string{}), change("web", at("n1", "veth1", 2), nowhere)},
		}},
		{"a node that is deleted takes its ports' places along", []step{
			{port("n1", 9, "eth7"), change("named", nowhere, at("n1", "eth7", 9))},
			{func(b *binding.Table) []binding.Change { return b.ForgetNode(topo, "n1").Changes }, change("named", at("n1", "eth7", 9), nowhere)},
		}},
		{"a port that is no more", []step{
			{port("n1", 9, "eth7"), change("named", nowhere, at("n1", "eth7", 9))},
			{func(b *binding.Table) []binding.Change {
				return b.PortsChanged(topo, topology.NewSnapshot(), []string{"named"}).Changes
			}, change("named", at("n1", "eth7", 9), nowhere)},
		}},
		{"a port that is declared after its interface", []step{
			{func(b *binding.Table) []binding.Change {
				return b.SetPort(topology.NewSnapshot(), "n1", 9, "eth7").Changes
			}, nil},
			{func(b *binding.Table) []binding.Change {
				return b.PortsChanged(topology.NewSnapshot(), topo, []string{"named"}).Changes
			}, change("named", nowhere, at("n1", "eth7", 9))},
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := binding.NewTable("br-int", tunnel)
			for i, s := range tt.steps {
				got := s.report(b)
				if len(got) == 0 {
					got = nil
				}
				if diff := cmp.Diff(s.want, got); diff != "" {
					t.Fatalf("step %d (-want +got):\n%s", i, diff)
				}
				for _, c := range got {
					if b.Place(c.Port) != c.After {
						t.Fatalf("step %d: Place(%s) = %v, want %v", i, c.Port, b.Place(c.Port), c.After)
					}
				}
			}
		})
	}
}

func TestWhy(t *testing.T) {
	topo := declared(t)
	b := binding.NewTable("br-lan", tunnel)
	b.SetPort(topo, "n2", 4, "veth1")
	b.SetInterfaces(topo, "n2", append(ids("veth1", "vm-7"), binding.Interface{Name: "tap0", IfaceID: "web"}))
	want := map[string]string{
		"pinned": "its interface veth1 is on node n2, but the port is pinned to node n1",
		"web":    "its interface tap0 on node n2 is not on br-lan",
		"named":  "node n1 has no interface eth7 on br-lan",
	}
	for name, why := range want {
		p, _ := topo.Port(name)
		if got := b.Why(topo, p); got != why {
			t.Errorf("Why(%s) = %q, want %q", name, got, why)
		}
	}
	b.SetInterfaces(topo, "n2", nil)
	p, _ := topo.Port("pinned")
	if got, why := b.Why(topo, p), "no interface on br-lan has external_ids:iface-id=vm-7"; got != why {
		t.Errorf("Why = %q, want %q", got, why)
	}
}
