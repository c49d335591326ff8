package answer

import (
	"bytes"
	"context"
	"encoding/hex"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

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
	in := func(data []byte, port uint32) *openflow.PacketIn {
		return &openflow.PacketIn{Data: data, Match: openflow.Match(nil).Reg(7, port).Reg(12, 0xc0000201)}
	}
	r := NextHop(nil, packetin.Port{Node: "n1"}, in(frame, 997))
	if r.Out == nil || hex.EncodeToString(r.Out.Data) != asked || !bytes.Equal(r.Out.Actions, openflow.Actions(nil).Output(997)) {
		t.Errorf("sent %+v (%s), want %s", r.Out, r.What, asked)
	}
	for name, m := range map[string]*openflow.PacketIn{"nothing": in(nil, 997), "half of a packet": in(frame[:20], 997), "of no port": in(frame, 0)} {
		if r := NextHop(nil, packetin.Port{Node: "n1"}, m); r.Out != nil || !strings.Contains(r.What, "cannot be read") {
			t.Errorf("%s: sent %+v (%s)", name, r.Out, r.What)
		}
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

// TestGatewayAsker: nodes that have the bridge and an address there ask for the gateway every 30 s,
// others do not.
func TestGatewayAsker(t *testing.T) {
	node := func(name string, last byte, uplink ...netip.Addr) topology.Op {
		return topology.Op{Verb: topology.Create, Ref: topology.Ref{Kind: topology.KindNode, Name: name}, Spec: topology.NodeSpec{
			TunnelIP: netip.AddrFrom4([4]byte{172, 16, 56, last}), UplinkAddresses: uplink,
		}}
	}
	r, err := topology.Plan(topology.NewSnapshot(), []topology.Op{
		node("n1", 2, netip.MustParseAddr("192.0.2.65")), node("n2", 3), node("n3", 4, netip.MustParseAddr("192.0.2.67")),
		{Verb: topology.Create, Ref: topology.Ref{Kind: topology.KindUplink, Name: "wan"}, Spec: model.UplinkSpec{}},
		{Verb: topology.Create, Ref: topology.Ref{Kind: topology.KindUplink, Name: "ext"}, Spec: model.UplinkSpec{
			Type: model.UplinkBridge, Bridge: "br-ex", Subnet: netip.MustParsePrefix("192.0.2.0/24"), Gateway: netip.MustParseAddr("192.0.2.1"),
			Addresses: []netip.Prefix{netip.MustParsePrefix("192.0.2.64/26")},
		}},
	}, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	to := &recorder{view: pipeline.NewView(r.Next).Next(pipeline.Update{Uplinks: []pipeline.UplinkChange{
		{Node: "n1", Bridge: "br-ex", After: 997}, {Node: "n2", Bridge: "br-ex", After: 997},
	}})}
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 2*askGatewaysEvery+time.Second)
		defer cancel()
		if err := RunGatewayAsker(ctx, to); err != nil {
			t.Error(err)
		}
	})
	if len(to.sent) != 2 || to.sent[0] != "n1 "+asked || to.sent[1] != to.sent[0] {
		t.Errorf("sent %q", to.sent)
	}
}
