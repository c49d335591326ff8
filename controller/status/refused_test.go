package status

import (
	"fmt"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/sdnctl/sdnctl/controller/condition"
	"github.com/sdnctl/sdnctl/controller/workqueue"
	"github.com/sdnctl/sdnctl/topology"
)

// TestRefusedNode: the node that is declared to be at the address of a refused switch shows
// the refusal, with the command that admits it, until it is admitted.
func TestRefusedNode(t *testing.T) {
	b := New(time.Now, "br-lan", false)
	for i, name := range []string{"node1", "node2"} {
		b.Set(name, 0, workqueue.New())
		b.Update(name, func(s *Node) {
			s.Source.Declared = netip.MustParseAddr(fmt.Sprintf("192.0.2.%d", i+1))
		})
	}
	var notified []string
	subscriber := func(o topology.Ref) { notified = append(notified, o.String()) }
	b.subscribers[&subscriber] = struct{}{}

	from := &net.TCPAddr{IP: net.ParseIP("192.0.2.1"), Port: 4711}
	for range 2 {
		b.Show(from, Switch{Reason: "switch offers OpenFlow 1.0"}, "ovs-vsctl set bridge br-lan protocols=OpenFlow13")
	}
	one, two := b.assessNode(b.nodes["node1"]).Conditions, b.assessNode(b.nodes["node2"]).Conditions
	if len(one) != 1 || one[0].Reason != condition.SwitchRefused || one[0].Action != "on node1: ovs-vsctl set bridge br-lan protocols=OpenFlow13" {
		t.Errorf("the node at the address: %+v", one)
	}
	if len(two) != 1 || two[0].Reason != condition.NotConnected {
		t.Errorf("another node: %+v", two)
	}
	b.Accept(from)
	if want := "[node/node1 node/node1]"; fmt.Sprint(notified) != want {
		t.Errorf("subscribers were notified of %v, want %s", notified, want)
	}
}
