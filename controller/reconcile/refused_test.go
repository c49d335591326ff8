package reconcile

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/sdnctl/sdnctl/controller/condition"
	"github.com/sdnctl/sdnctl/controller/workqueue"
	"github.com/sdnctl/sdnctl/openflow/session"
	"github.com/sdnctl/sdnctl/topology"
)

// TestRefusedNode: that a switch was refused is said of the node that is declared
// to be at its address, with the command that lets it in, until it is let in.
func TestRefusedNode(t *testing.T) {
	b := newBoard(time.Now, "br-lan")
	for i, name := range []string{"node1", "node2"} {
		b.set(name, 0, workqueue.New())
		b.update(name, func(s *NodeStatus) {
			s.source.declared = netip.MustParseAddr(fmt.Sprintf("192.0.2.%d", i+1))
		})
	}
	var notified []string
	subscriber := func(o topology.Ref) { notified = append(notified, o.String()) }
	b.subscribers[&subscriber] = struct{}{}

	from := &net.TCPAddr{IP: net.ParseIP("192.0.2.1"), Port: 4711}
	for range 2 {
		b.refuse(from, fmt.Errorf("handshake: %w", &session.VersionError{Offered: []uint8{1}}))
	}
	one, two := b.assessNode(b.nodes["node1"]).Conditions, b.assessNode(b.nodes["node2"]).Conditions
	if len(one) != 1 || one[0].Reason != condition.SwitchRefused || one[0].Action != "on node1: ovs-vsctl set bridge br-lan protocols=OpenFlow13" {
		t.Errorf("the node at the address: %+v", one)
	}
	if len(two) != 1 || two[0].Reason != condition.NotConnected {
		t.Errorf("another node: %+v", two)
	}
	b.accept(from)
	if want := "[node/node1 node/node1]"; fmt.Sprint(notified) != want {
		t.Errorf("subscribers were notified of %v, want %s", notified, want)
	}
}

// TestLookIsNoSwitch: a connection that ends or says nothing before it has proven
// who it is is not listed as a switch; one that proves the wrong thing is.
func TestLookIsNoSwitch(t *testing.T) {
	for _, tt := range []struct {
		err    error
		listed int
	}{
		{io.EOF, 0},
		{io.ErrUnexpectedEOF, 0},
		{&net.OpError{Op: "read", Err: os.NewSyscallError("read", syscall.ECONNRESET)}, 0},
		{&net.OpError{Op: "read", Err: os.ErrDeadlineExceeded}, 0},
		{errors.New("certificate signed by unknown authority"), 1},
		{errors.New("first record does not look like a TLS handshake"), 1},
	} {
		b := newBoard(time.Now, "br-int")
		b.unproven(&net.TCPAddr{IP: net.ParseIP("192.0.2.1"), Port: 4711}, fmt.Errorf("tls handshake: %w", tt.err))
		if n := len((&Fabric{board: b}).Switches()); n != tt.listed {
			t.Errorf("%v: %d are listed, want %d", tt.err, n, tt.listed)
		}
	}
}
