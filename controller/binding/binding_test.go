package binding_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sdnctl/sdnctl/controller/binding"
	"github.com/sdnctl/sdnctl/topology"
)

// declared returns a topology with two nodes and the ports
//
//	web     unpinned, interface id "web"
//	pinned  on n1, interface id "vm-7"
//	named   on n1, interface "eth7"
func declared(t *testing.T) *topology.Snapshot {
	t.Helper()
	create := func(kind topology.Kind, name string, spec any) topology.Op {
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

func ids(name, iface string) []binding.Interface {
	return []binding.Interface{{Name: name, IfaceID: iface}}
}

// step is one thing that is told, and what is to come of it.
type step struct {
	tell func(*binding.Table) []binding.Change
	want []binding.Change
}

func TestTable(t *testing.T) {
	topo := declared(t)
	ports := func(node string, numbers map[string]uint32) func(*binding.Table) []binding.Change {
		return func(b *binding.Table) []binding.Change { return b.SetPorts(topo, node, numbers) }
	}
	port := func(node, iface string, number uint32) func(*binding.Table) []binding.Change {
		return func(b *binding.Table) []binding.Change { return b.SetPort(topo, node, iface, number) }
	}
	told := func(node string, ifaces []binding.Interface) func(*binding.Table) []binding.Change {
		return func(b *binding.Table) []binding.Change { return b.SetInterfaces(topo, node, ifaces) }
	}
	remember := func(p, node, iface string) func(*binding.Table) []binding.Change {
		return func(b *binding.Table) []binding.Change { return b.Remember(topo, p, node, iface) }
	}
	at := func(node, iface string, number uint32) binding.Place {
		return binding.Place{Node: node, Interface: iface, OFPort: number}
	}
	nowhere := binding.Place{}
	change := func(p string, from, to binding.Place) []binding.Change {
		return []binding.Change{{Port: p, Before: from, After: to}}
	}

	tests := []struct {
		name  string
		steps []step
	}{
		{"openflow first, then ovsdb", []step{
			{ports("n1", map[string]uint32{"veth1": 5}), nil},
			{told("n1", ids("veth1", "web")), change("web", nowhere, at("n1", "veth1", 5))},
			{port("n1", "veth1", 0), change("web", at("n1", "veth1", 5), nowhere)},
		}},
		{"ovsdb first, then openflow", []step{
			{told("n1", ids("veth1", "web")), nil},
			{port("n1", "veth1", 5), change("web", nowhere, at("n1", "veth1", 5))},
			{told("n1", nil), change("web", at("n1", "veth1", 5), nowhere)},
		}},
		{"identity set anew to the same is no change", []step{
			{told("n1", ids("veth1", "web")), nil},
			{port("n1", "veth1", 5), change("web", nowhere, at("n1", "veth1", 5))},
			{told("n1", ids("veth1", "web")), nil},
		}},
		{"ovs-docker", []step{
			{port("n1", "1a2b_l", 3), nil},
			{told("n1", []binding.Interface{{Name: "1a2b_l", ContainerID: "web", ContainerIface: "eth0"}}), change("web", nowhere, at("n1", "1a2b_l", 3))},
		}},
		{"iface-id goes before container_id", []step{
			{port("n1", "1a2b_l", 3), nil},
			{told("n1", []binding.Interface{{Name: "1a2b_l", ContainerID: "web", IfaceID: "vm-7"}}), change("pinned", nowhere, at("n1", "1a2b_l", 3))},
		}},
		{"by interface name, without ovsdb", []step{
			{port("n1", "eth7", 9), change("named", nowhere, at("n1", "eth7", 9))},
			{port("n1", "eth7", 10), change("named", at("n1", "eth7", 9), at("n1", "eth7", 10))},
			{port("n2", "eth7", 9), nil},
			{port("n1", "eth7", 0), change("named", at("n1", "eth7", 10), nowhere)},
		}},
		{"a pinned port does not follow to another node", []step{
			{port("n2", "veth1", 4), nil},
			{told("n2", ids("veth1", "vm-7")), nil},
		}},
		{"a port moves to the interface that came last, and back when that goes", []step{
			{told("n1", ids("veth1", "web")), nil},
			{port("n1", "veth1", 5), change("web", nowhere, at("n1", "veth1", 5))},
			{told("n2", ids("tap0", "web")), nil},
			{port("n2", "tap0", 7), change("web", at("n1", "veth1", 5), at("n2", "tap0", 7))},
			{port("n2", "tap0", 0), change("web", at("n2", "tap0", 7), at("n1", "veth1", 5))},
		}},
		{"a restart with everything in place moves nothing but the number", []step{
			{remember("web", "n1", "veth1"), change("web", nowhere, at("n1", "veth1", 0))},
			{ports("n2", map[string]uint32{"tap0": 1}), nil},
			{ports("n1", map[string]uint32{"veth1": 5}), change("web", at("n1", "veth1", 0), at("n1", "veth1", 5))},
			{told("n1", ids("veth1", "web")), nil},
		}},
		{"a restart after which the interface is gone", []step{
			{remember("web", "n1", "veth1"), change("web", nowhere, at("n1", "veth1", 0))},
			{ports("n1", map[string]uint32{"other": 5}), change("web", at("n1", "veth1", 0), nowhere)},
		}},
		{"a restart after which the interface is another's", []step{
			{remember("web", "n1", "veth1"), change("web", nowhere, at("n1", "veth1", 0))},
			{ports("n1", map[string]uint32{"veth1": 5}), change("web", at("n1", "veth1", 0), at("n1", "veth1", 5))},
			{told("n1", ids("veth1", "someone-else")), change("web", at("n1", "veth1", 5), nowhere)},
		}},
		{"a switch that comes back with other numbers", []step{
			{told("n1", ids("veth1", "web")), nil},
			{ports("n1", map[string]uint32{"veth1": 5}), change("web", nowhere, at("n1", "veth1", 5))},
			{ports("n1", map[string]uint32{"veth1": 2}), change("web", at("n1", "veth1", 5), at("n1", "veth1", 2))},
			{ports("n1", map[string]uint32{}), change("web", at("n1", "veth1", 2), nowhere)},
		}},
		{"a node that is deleted takes its ports' places along", []step{
			{port("n1", "eth7", 9), change("named", nowhere, at("n1", "eth7", 9))},
			{func(b *binding.Table) []binding.Change { return b.ForgetNode(topo, "n1") }, change("named", at("n1", "eth7", 9), nowhere)},
		}},
		{"a port that is no more", []step{
			{port("n1", "eth7", 9), change("named", nowhere, at("n1", "eth7", 9))},
			{func(b *binding.Table) []binding.Change {
				return b.PortsChanged(topology.NewSnapshot(), []string{"named"})
			}, change("named", at("n1", "eth7", 9), nowhere)},
		}},
		{"a port that is declared after its interface", []step{
			{func(b *binding.Table) []binding.Change {
				return b.SetPort(topology.NewSnapshot(), "n1", "eth7", 9)
			}, nil},
			{func(b *binding.Table) []binding.Change { return b.PortsChanged(topo, []string{"named"}) }, change("named", nowhere, at("n1", "eth7", 9))},
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := binding.NewTable()
			for i, s := range tt.steps {
				got := s.tell(b)
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
	b := binding.NewTable()
	b.SetPort(topo, "n2", "veth1", 4)
	b.SetInterfaces(topo, "n2", append(ids("veth1", "vm-7"), binding.Interface{Name: "tap0", IfaceID: "web"}))
	want := map[string]string{
		"pinned": "its interface veth1 is on node n2, but the port is pinned to node n1",
		"web":    "its interface tap0 on node n2 is not on br-int",
		"named":  "node n1 has no interface eth7 on br-int",
	}
	for name, why := range want {
		p, _ := topo.Port(name)
		if got := b.Why(p); got != why {
			t.Errorf("Why(%s) = %q, want %q", name, got, why)
		}
	}
	b.SetInterfaces(topo, "n2", nil)
	p, _ := topo.Port("pinned")
	if got, why := b.Why(p), "no interface on br-int has external_ids:iface-id=vm-7"; got != why {
		t.Errorf("Why = %q, want %q", got, why)
	}
}
