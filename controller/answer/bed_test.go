package answer

import (
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/sdnctl/sdnctl/controller/packetin"
	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// bed is networks with ports on node n1, each at an interface of its own.
type bed struct {
	t    testing.TB
	view *pipeline.View
}

// blue is a network of both families with a router; what change says differs.
func newBed(t testing.TB, change func(*topology.NetworkSpec)) *bed {
	t.Helper()
	spec := topology.NetworkSpec{
		VNI: 100, MTU: 1400, RA: model.RAManaged, DHCP: model.DHCP{Enabled: true},
		Subnets: []topology.Subnet{{Prefix: netip.MustParsePrefix("10.0.0.0/24")}, {Prefix: netip.MustParsePrefix("fd00:1::/64")}},
	}
	if change != nil {
		change(&spec)
	}
	op := func(kind topology.Kind, name string, s topology.Spec) topology.Op {
		return topology.Op{Verb: topology.Create, Ref: topology.Ref{Kind: kind, Name: name}, Spec: s}
	}
	ops := []topology.Op{
		op(topology.KindNode, "n1", topology.NodeSpec{TunnelIP: netip.MustParseAddr("192.0.2.1")}),
		op(topology.KindNetwork, "blue", spec),
		op(topology.KindNetwork, "pods", topology.NetworkSpec{
			VNI: 300, Mode: topology.Segmented, ContainersPerNode: 20, MaxNodes: 100, DHCP: model.DHCP{Enabled: true}, RA: model.RAManaged,
			Subnets: []topology.Subnet{{Prefix: netip.MustParsePrefix("10.2.0.0/16")}, {Prefix: netip.MustParsePrefix("fd00:2::/48")}},
		}),
		op(topology.KindNetwork, "alone", topology.NetworkSpec{VNI: 200, DHCP: model.DHCP{Enabled: true}, Subnets: []topology.Subnet{{Prefix: netip.MustParsePrefix("10.1.0.0/24")}}}),
		op(topology.KindRouter, "r", topology.RouterSpec{Networks: []string{"blue"}}),
		op(topology.KindPort, "web.1", topology.PortSpec{Network: "blue", Node: "n1"}),
		op(topology.KindPort, "own", topology.PortSpec{Network: "blue", Node: "n1", Addresses: []model.PortAddress{{Prefix: netip.MustParsePrefix("fd00:51::/64")}}}),
		op(topology.KindPort, "lone", topology.PortSpec{Network: "alone", Node: "n1"}),
		op(topology.KindPort, "job", topology.PortSpec{Network: "pods", Node: "n1"}),
	}
	r, err := topology.Plan(topology.NewSnapshot(), ops, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	v := pipeline.NewView(r.Next)
	var u pipeline.Update
	number := openflow.PortNo(0)
	for p := range r.Next.Ports() {
		number++
		u.Places = append(u.Places, pipeline.PlaceChange{Port: p.Name, After: pipeline.Place{Node: "n1", Interface: p.Name, OFPort: number}})
	}
	return &bed{t, v.Next(u)}
}

func (b *bed) port(name string) *topology.Port {
	b.t.Helper()
	p, ok := b.view.Topo.Port(name)
	if !ok {
		b.t.Fatalf("no port %s", name)
	}
	return p
}

// at returns where a port's interface is.
func (b *bed) at(port string) packetin.Port {
	return packetin.Port{Node: "n1", No: b.view.Place(port).OFPort}
}

// packetIn is a frame as it comes from a port.
func (b *bed) packetIn(port string, frame []byte) *openflow.PacketIn {
	n, _ := b.view.Topo.Network(b.port(port).Spec.Network)
	var m openflow.Match
	return &openflow.PacketIn{Reason: openflow.ReasonAction, Match: m.InPort(b.at(port).No).Metadata(uint64(n.VNI)), Data: frame}
}

// sent reads what was answered: out of the port, by UDP or ICMPv6.
func (b *bed) sent(port string, r packetin.Reply) frame {
	b.t.Helper()
	if r.Out == nil {
		b.t.Fatalf("no answer: %s", r.What)
	}
	if want := openflow.Actions(nil).Output(b.at(port).No); string(r.Out.Actions) != string(want) {
		b.t.Errorf("actions %v, want %v", r.Out.Actions, want)
	}
	f, err := read(r.Out.Data)
	if err != nil {
		b.t.Fatal(err)
	}
	return f
}

// hardware is a MAC as the libraries want it.
func hardware(m topology.MAC) net.HardwareAddr { return net.HardwareAddr(m[:]) }
