package answer

import (
	"bytes"
	"context"
	"encoding/hex"
	"net"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/mdlayher/ndp"

	"github.com/sdnctl/sdnctl/controller/packetin"
	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// asked is the frame in which 192.0.2.65 asks for 192.0.2.1, in hexadecimal.
const asked = "ffffffffffff" + "0e73c0000241" + "0806" + "0001080006040001" + "0e73c0000241c0000241" + "000000000000c0000201"

// TestNextHop: a packet whose next hop is not known makes the switch ask for it by the port to the
// bridge, from the address that the packet has there.
func TestNextHop(t *testing.T) {
	e := envelope{src: netip.MustParseAddr("192.0.2.65"), dst: netip.MustParseAddr("198.51.100.9")}
	frame, err := e.udp([]byte("x"))
	if err != nil {
		t.Fatal(err)
	}
	none := pipeline.NewView(topology.NewSnapshot())
	in := func(data []byte, port uint32) *openflow.PacketIn {
		return &openflow.PacketIn{Data: data, Match: openflow.Match(nil).Reg(7, port).Reg(12, 0xc0000201)}
	}
	r := NextHop(none, packetin.Port{Node: "n1"}, in(frame, 997))
	if r.Out == nil || hex.EncodeToString(r.Out.Data) != asked || !bytes.Equal(r.Out.Actions, openflow.Actions(nil).Output(997)) {
		t.Errorf("sent %+v (%s), want %s", r.Out, r.What, asked)
	}
	for name, m := range map[string]*openflow.PacketIn{"nothing": in(nil, 997), "half of a packet": in(frame[:20], 997), "of no port": in(frame, 0)} {
		if r := NextHop(none, packetin.Port{Node: "n1"}, m); r.Out != nil || !strings.Contains(r.What, "cannot be read") {
			t.Errorf("%s: sent %+v (%s)", name, r.Out, r.What)
		}
	}
}

// TestNextHopIPv6: the same by neighbour discovery. The solicitation goes to the group of those that may have
// the address, and has the MAC of who asks.
func TestNextHopIPv6(t *testing.T) {
	from := netip.MustParseAddr("2001:db8:0:2::65")
	e := envelope{src: from, dst: netip.MustParseAddr("2001:db8:f::9")}
	frame, err := e.udp([]byte("x"))
	if err != nil {
		t.Fatal(err)
	}
	none := pipeline.NewView(topology.NewSnapshot())
	in := func(data []byte) *openflow.PacketIn {
		return &openflow.PacketIn{Data: data, Match: openflow.Match(nil).Reg(7, 997).Reg(8, 0xfe800000).Reg(11, 0x12345678)}
	}
	r := NextHop(none, packetin.Port{Node: "n1"}, in(frame))
	if r.Out == nil {
		t.Fatalf("nothing is sent: %s", r.What)
	}
	got, err := read(r.Out.Data)
	if err != nil {
		t.Fatal(err)
	}
	if want := "3333ff345678" + "1e72ccf3cb0e" + "86dd"; hex.EncodeToString(r.Out.Data[:14]) != want || got.from != from || got.to != netip.MustParseAddr("ff02::1:ff34:5678") || r.Out.Data[14+7] != 255 {
		t.Errorf("sent %x from %s to %s, want %s, hop limit 255", r.Out.Data[:22], got.from, got.to, want)
	}
	m, err := ndp.ParseMessage(got.payload)
	if want := (&ndp.NeighborSolicitation{
		TargetAddress: netip.MustParseAddr("fe80::1234:5678"),
		Options:       []ndp.Option{&ndp.LinkLayerAddress{Direction: ndp.Source, Addr: net.HardwareAddr{0x1e, 0x72, 0xcc, 0xf3, 0xcb, 0x0e}}},
	}); err != nil || !cmp.Equal(m, ndp.Message(want), cmp.Comparer(func(a, b netip.Addr) bool { return a == b })) {
		t.Errorf("asked %v, %v, want %v", m, err, want)
	}
	e = envelope{src: netip.MustParseAddr("192.0.2.65"), dst: netip.MustParseAddr("198.51.100.9")}
	if frame, err = e.udp([]byte("x")); err != nil {
		t.Fatal(err)
	}
	if r := NextHop(none, packetin.Port{Node: "n1"}, in(frame)); r.Out != nil || !strings.Contains(r.What, "cannot be read") {
		t.Errorf("a packet of the other family: sent %+v (%s)", r.Out, r.What)
	}
}

// recorder is switches that note what they are to send.
type recorder struct {
	packetin.Switches
	view *pipeline.View
	sent []string
}

func (r *recorder) View() *pipeline.View { return r.view }

func (r *recorder) PacketOut(node string, m *openflow.PacketOut) bool {
	r.sent = append(r.sent, node+" "+hex.EncodeToString(m.Data))
	return true
}

// TestGatewayAsker: nodes that have the bridge and an address there, of their own or a floating one, ask
// for the gateway three times at once and every 30 s, others do not.
func TestGatewayAsker(t *testing.T) {
	node := func(name string, last byte, uplink ...netip.Addr) topology.Op {
		return topology.Op{Verb: topology.Create, Ref: topology.Ref{Kind: topology.KindNode, Name: name}, Spec: topology.NodeSpec{
			TunnelIP: netip.AddrFrom4([4]byte{172, 16, 56, last}), UplinkAddresses: uplink,
		}}
	}
	r, err := topology.Plan(topology.NewSnapshot(), []topology.Op{
		node("n1", 2, netip.MustParseAddr("192.0.2.65"), netip.MustParseAddr("2001:db8:0:2::65")), node("n2", 3), node("n3", 4, netip.MustParseAddr("192.0.2.67")), node("n4", 5),
		{Verb: topology.Create, Ref: topology.Ref{Kind: topology.KindUplink, Name: "wan"}, Spec: model.UplinkSpec{}},
		{Verb: topology.Create, Ref: topology.Ref{Kind: topology.KindUplink, Name: "ext"}, Spec: model.UplinkSpec{
			Type: model.UplinkBridge, Bridge: "br-ex", Subnet: netip.MustParsePrefix("192.0.2.0/24"), Gateway: netip.MustParseAddr("192.0.2.1"),
			Subnet6: netip.MustParsePrefix("2001:db8:0:2::/64"), Gateway6: netip.MustParseAddr("fe80::1"),
			Addresses: []netip.Prefix{netip.MustParsePrefix("192.0.2.64/26"), netip.MustParsePrefix("2001:db8:0:2::40/122")},
		}},
		{Verb: topology.Create, Ref: topology.Ref{Kind: topology.KindNetwork, Name: "net"}, Spec: topology.NetworkSpec{
			Mode: topology.Stretched, Subnets: []topology.Subnet{{Prefix: netip.MustParsePrefix("10.0.0.0/24")}},
		}},
		{Verb: topology.Create, Ref: topology.Ref{Kind: topology.KindRouter, Name: "r"}, Spec: topology.RouterSpec{
			Networks: []string{"net"}, Egress: &model.RouterEgress{Uplink: "ext"},
		}},
		{Verb: topology.Create, Ref: topology.Ref{Kind: topology.KindPort, Name: "web"}, Spec: topology.PortSpec{Network: "net", Node: "n4"}},
		{Verb: topology.Create, Ref: topology.Ref{Kind: topology.KindFloatingIP, Name: "f"}, Spec: model.FloatingIPSpec{
			Uplink: "ext", Address: netip.MustParseAddr("192.0.2.70"), Port: "web",
		}},
	}, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	to := &recorder{view: pipeline.NewView(topology.NewSnapshot()).Next(pipeline.Update{Topo: r.Next, Changes: r.Changes, Numberings: r.Numberings}).Next(pipeline.Update{
		Uplinks: []pipeline.UplinkChange{
			{Node: "n1", Bridge: "br-ex", After: 997}, {Node: "n2", Bridge: "br-ex", After: 997}, {Node: "n4", Bridge: "br-ex", After: 997},
		},
		Places: []pipeline.PlaceChange{{Port: "web", After: pipeline.Place{Node: "n4", Interface: "eth0", OFPort: 5}}},
	})}
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 2*askGatewaysEvery+time.Second)
		defer cancel()
		if err := RunGatewayAsker(ctx, to); err != nil {
			t.Error(err)
		}
	})
	floating := strings.ReplaceAll(asked, "c0000241", "c0000246")
	asked6, err := askFor(netip.MustParseAddr("fe80::1"), netip.MustParseAddr("2001:db8:0:2::65"))
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for range askGatewaysFirst + 2 {
		want = append(want, "n1 "+asked, "n4 "+floating, "n1 "+hex.EncodeToString(asked6))
	}
	if diff := cmp.Diff(want, to.sent); diff != "" {
		t.Errorf("sent (-want +got):\n%s", diff)
	}
}
