package status

import (
	"fmt"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/sdnctl/sdnctl/controller/condition"
	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/controller/workqueue"
	"github.com/sdnctl/sdnctl/topology"
)

// boardAt returns a board with the nodes, at 192.0.2.1 and so on, whose clock is *now, and
// the notifications to its subscribers.
func boardAt(now *time.Time, nodes ...string) (b *Board, notified *[]string) {
	b, notified = New(func() time.Time { return *now }, "br-int", false), new([]string)
	for i, name := range nodes {
		b.Set(name, 0, workqueue.New())
		b.Update(name, func(s *Node) {
			s.Source.Declared = netip.AddrFrom4([4]byte{192, 0, 2, byte(i + 1)})
		})
	}
	subscriber := func(o topology.Ref) { *notified = append(*notified, o.String()) }
	b.subscribers[&subscriber] = struct{}{}
	return b, notified
}

// reasons are the reasons of a node's conditions as it was last evaluated, without
// evaluating it again.
func (b *Board) reasons(node string) (all []condition.Reason) {
	for _, d := range condition.Reasons() {
		if c := []condition.Condition{{Reason: d.Reason}}; d.Kind == topology.KindNode {
			if b.conditions.Stamp(nodeRef(node), c, time.Time{}); !c[0].Since.IsZero() {
				all = append(all, d.Reason)
			}
		}
	}
	return all
}

// TestRefusedIsForgotten: a refused machine is shown as long as it tries, with the time of
// its first attempt, and no longer once it has stopped.
func TestRefusedIsForgotten(t *testing.T) {
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	now := start
	b, notified := boardAt(&now, "node1")
	from := &net.TCPAddr{IP: net.ParseIP("192.0.2.1"), Port: 4711}
	for range 50 { // every 10 s, longer than refusedFor
		b.Show(from, Switch{Reason: "its certificate is of another authority"}, "")
		now = now.Add(10 * time.Second)
		b.Review(now)
	}
	if all := b.Switches(); len(all) != 1 || !all[0].Since.Equal(start) {
		t.Errorf("while it tries: %+v, want one since %v", all, start)
	}
	if got := fmt.Sprint(b.reasons("node1")); got != "[SwitchRefused]" {
		t.Errorf("its node has %s", got)
	}
	now = now.Add(refusedFor)
	b.Review(now)
	if all := b.Switches(); len(all) != 0 {
		t.Errorf("long after it stopped: %+v", all)
	}
	if got := fmt.Sprint(b.reasons("node1"), *notified); got != "[NotConnected] [node/node1 node/node1]" {
		t.Errorf("its node and what subscribers were notified of: %s", got)
	}
}

// TestCertificateExpiring: a connected node has a warning before and after its certificate
// expires, without any event.
func TestCertificateExpiring(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	ends := now.Add(100 * 24 * time.Hour)
	b, notified := boardAt(&now, "node1", "node2")
	connect := func(ends time.Time) {
		b.Update("node1", func(s *Node) { s.Connected, s.CertificateExpires = true, ends })
	}
	connect(ends)
	at := func(when time.Time, want, action string) {
		t.Helper()
		*notified, now = nil, when
		b.Review(now)
		got := ""
		for _, c := range b.assessNode(b.nodes["node1"]).Conditions {
			if c.Reason == condition.CertificateExpiring {
				got = string(c.Reason)
				if c.Action != action {
					t.Errorf("at %v the cure is %q, want %q", when, c.Action, action)
				}
			}
		}
		if got != want {
			t.Errorf("at %v it has %q, want %q", when, got, want)
		}
	}
	at(ends.Add(-condition.CertificateSoon-time.Hour), "", "")
	if len(*notified) != 0 {
		t.Errorf("notified of %v before anything changed", *notified)
	}
	at(ends.Add(-condition.CertificateSoon), "CertificateExpiring", "on node1: sdnctl node renew && ovs-appctl bridge/reconnect br-int")
	if fmt.Sprint(*notified) != "[node/node1]" {
		t.Errorf("notified of %v", *notified)
	}
	at(ends.Add(time.Hour), "CertificateExpiring", "on node1, join again with the line that this prints: sdnctl node invite node1")
	connect(ends.Add(825 * 24 * time.Hour))
	at(ends.Add(2*time.Hour), "", "")
	if n := b.reviews.order.Len(); n != 1 {
		t.Errorf("%d nodes are to be reviewed, want 1", n)
	}
	b.Remove("node1")
	b.Review(ends.Add(10 * 365 * 24 * time.Hour))
	if n := b.reviews.order.Len() + len(b.reviews.at); n != 0 {
		t.Errorf("a node that is gone is to be reviewed")
	}
}

// TestInSyncIsEvaluatedWhenRead: a node that leaves and regains sync costs no evaluation of
// its conditions; subscribers are notified, and readers get the time.
func TestInSyncIsEvaluatedWhenRead(t *testing.T) {
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	now := start
	b, notified := boardAt(&now, "node1")
	b.Update("node1", func(s *Node) { s.Connected, s.TunnelPort = true, true })
	queue := b.nodes["node1"].queue
	view := pipeline.NewView(topology.NewSnapshot())
	*notified = nil

	queue.Post(view, view, nil)
	b.Progressed("node1")
	if got := b.reasons("node1"); len(got) > 0 || len(*notified) != 1 {
		t.Errorf("progress alone: evaluated to %v, and %d are notified, want none and 1", got, len(*notified))
	}
	now = now.Add(time.Minute)
	if s := b.Summary(1); s.Reasons[condition.NotInSync] != 1 {
		t.Errorf("the summary has %v, want %s", s.Reasons, condition.NotInSync)
	}
	s, _ := b.Node("node1")
	if len(s.Conditions) != 1 || !s.Conditions[0].Since.Equal(start) {
		t.Errorf("conditions %v, want one since %v", s.Conditions, start)
	}
	if _, ok := queue.Take(); !ok {
		t.Fatal("there is nothing to do")
	}
	queue.Done(workqueue.Cost{})
	b.Confirmed("node1", pipeline.Counts{})
	if s := b.Summary(1); len(s.Reasons) > 0 || len(b.stale) > 0 {
		t.Errorf("once confirmed there are %v, and %d to be evaluated", s.Reasons, len(b.stale))
	}
	if len(*notified) != 2 {
		t.Errorf("notified of %v, want 2", *notified)
	}
}
