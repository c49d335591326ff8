package answer

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/sdnctl/sdnctl/controller/nameserver"
	"github.com/sdnctl/sdnctl/controller/packetin"
	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// clients are on ports of several nodes; their switches take every answer.
type clients struct {
	view *pipeline.View
	// answers are the packets that were sent, each with the node.
	answers chan sentTo
}

type sentTo struct {
	node string
	m    *openflow.PacketOut
}

func (c *clients) View() *pipeline.View { return c.view }

func (c *clients) CTFlush(string, *openflow.CTFlush) bool { return true }

func (c *clients) PacketOut(node string, m *openflow.PacketOut) bool {
	c.answers <- sentTo{node, m}
	return true
}

// TestThousandClients: a thousand clients that ask at once all get their own address
// within 2 s, by the queues that sdnd has, while one port floods.
func TestThousandClients(t *testing.T) {
	const many, nodes = 1000, 20
	ops := []topology.Op{{Verb: topology.Create, Ref: topology.Ref{Kind: topology.KindNetwork, Name: "blue"}, Spec: topology.NetworkSpec{
		VNI: 100, DHCP: model.DHCP{Enabled: true}, Subnets: []topology.Subnet{{Prefix: netip.MustParsePrefix("10.0.0.0/16")}},
	}}}
	node := func(i int) string { return fmt.Sprintf("n%d", i%nodes) }
	for i := range nodes {
		ops = append(ops, topology.Op{Verb: topology.Create, Ref: topology.Ref{Kind: topology.KindNode, Name: node(i)}, Spec: topology.NodeSpec{TunnelIP: netip.AddrFrom4([4]byte{192, 0, 2, byte(i + 1)})}})
	}
	name := func(i int) string { return fmt.Sprintf("p%d", i) }
	for i := range many + 1 {
		ops = append(ops, topology.Op{Verb: topology.Create, Ref: topology.Ref{Kind: topology.KindPort, Name: name(i)}, Spec: topology.PortSpec{Network: "blue", Node: node(i)}})
	}
	r, err := topology.Plan(topology.NewSnapshot(), ops, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	var u pipeline.Update
	for i := range many + 1 {
		u.Places = append(u.Places, pipeline.PlaceChange{Port: name(i), After: pipeline.Place{Node: node(i), Interface: name(i), OFPort: openflow.PortNo(i + 1)}})
	}
	b := &bed{t, pipeline.NewView(r.Next).Next(u)}
	c := &clients{view: b.view, answers: make(chan sentTo, 4*many)}
	queues, err := packetin.New(nil, Causes(nameserver.Upstream{})...)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- queues.Run(ctx, c) }()
	defer func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()
	send := func(i int, q *dhcpv4.DHCPv4) {
		e := envelope{srcMAC: b.port(name(i)).MAC, dstMAC: broadcast(), src: netip.IPv4Unspecified(), dst: netip.MustParseAddr("255.255.255.255"), srcPort: 68, dstPort: 67}
		frame, err := e.udp(q.ToBytes())
		if err != nil {
			t.Fatal(err)
		}
		var m openflow.Match
		queues.Offer(node(i), &openflow.PacketIn{Table: pipeline.TableDHCP, Reason: openflow.ReasonAction, Match: m.InPort(openflow.PortNo(i + 1)).Metadata(100), Data: frame})
	}
	began := time.Now()
	for i := range many {
		send(i, b.request(name(i), dhcpv4.MessageTypeDiscover))
		send(many, b.request(name(many), dhcpv4.MessageTypeInform)) // floods
	}
	bound := map[string]bool{}
	var took []time.Duration
	deadline := time.After(20 * time.Second)
	for len(bound) < many {
		select {
		case s := <-c.answers:
			f, err := read(s.m.Data)
			if err != nil {
				t.Fatal(err)
			}
			m, err := dhcpv4.FromBytes(f.payload)
			if err != nil {
				t.Fatal(err)
			}
			p, ok := b.view.Topo.PortByMAC("blue", topology.MAC(m.ClientHWAddr))
			switch ip, _ := p.Address(topology.IPv4); {
			case !ok || s.node != p.Spec.Node:
				t.Fatalf("%v on %s", m.ClientHWAddr, s.node)
			case m.MessageType() == dhcpv4.MessageTypeOffer && addrOf(m.YourIPAddr) == ip:
				var i int
				if _, err := fmt.Sscanf(p.Name, "p%d", &i); err != nil {
					t.Fatal(err)
				}
				send(i, b.request(p.Name, dhcpv4.MessageTypeRequest, dhcpv4.WithOption(dhcpv4.OptRequestedIPAddress(m.YourIPAddr)), dhcpv4.WithOption(dhcpv4.OptServerIdentifier(m.ServerIdentifier()))))
			case m.MessageType() == dhcpv4.MessageTypeAck && addrOf(m.YourIPAddr) == ip:
				bound[p.Name] = true
				took = append(took, time.Since(began))
			}
		case <-deadline:
			t.Fatalf("%d of %d are bound", len(bound), many)
		}
	}
	slices.Sort(took)
	t.Logf("bound: half after %v, 99 %% after %v, all after %v", took[many/2], took[many*99/100], took[many-1])
	if took[many-1] > 2*time.Second {
		t.Errorf("all are bound after %v", took[many-1])
	}
	for p, n := range queues.Ports(pipeline.TableDHCP) {
		if flooder := p.No == many+1; !flooder && (n.Dropped != 0 || n.Expired != 0) {
			t.Errorf("%v lost questions: %+v", p, n)
		}
	}
}
