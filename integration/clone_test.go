package integration

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sdnctl/sdnctl/controller/condition"
	"github.com/sdnctl/sdnctl/integration/lab"
)

// TestClone: a machine that is a copy of a node, with its OVSDB, takes nothing from the
// node: neither the bindings of its ports nor its OpenFlow session, even while ovs-vswitchd
// stands still for a moment.
func TestClone(t *testing.T) {
	b := newBed(t, 2)
	b.join("node1")
	b.apply("{kind: Node, name: node1, spec: {tunnelIP: 172.16.56.2}}\n---\n" + `
{kind: Network, name: blue, spec: {cidr: 10.7.0.0/24}}
---
{kind: Port, name: web1, spec: {network: blue}}
---
{kind: Port, name: web2, spec: {network: blue}}
`)
	web1, web2 := b.plug("web1", "node1"), b.plug("web2", "node1")
	b.bound("web1", "web2")
	before, node := b.flowSet("node1"), b.nodeAt("node1")
	loss := b.probe([2]*lab.Container{web1, web2})

	clone := b.node("node2")
	_, err := clone.Exec(b.ctx, "sdnctl", "node", "join", "node1", "--controller", b.Controller.Addr.String(), "--tunnel-ip", clone.Addr.String(), "--no-wait")
	b.must(err)
	b.must(lab.PollFor(b.ctx, 10*time.Second, "the clone to be reported", func(ctx context.Context) error {
		log, err := os.ReadFile(b.Controller.LogFile)
		if err == nil && !strings.Contains(string(log), "two nodes or connections have one datapath id") {
			err = errors.New("its OVSDB has not connected")
		}
		return errors.Join(err, b.hasCondition(ctx, "node1", condition.IdentityConflict, clone.Addr.String()))
	}))
	loss.lossless()
	b.must(b.node("node1").FreezeVSwitchd())
	_, err = clone.VSCtl(b.ctx, "del-controller", "br-int", "--", "set-controller", "br-int", "tcp:"+b.Controller.Addr.String()+":6653")
	b.must(err)
	// A connection that does not answer an echo request within a second may end.
	moment := time.NewTimer(1500 * time.Millisecond)
	defer moment.Stop()
	<-moment.C
	b.must(b.node("node1").ThawVSwitchd())
	b.awaitSwitches(1)
	b.settle()
	if now := b.nodeAt("node1"); now != node {
		t.Errorf("node1 had its session from %s, and has it from %s", node, now)
	}
	for _, port := range []string{"web1", "web2"} {
		if p, err := b.api.Port(b.ctx, port); err != nil || !p.Status.Bound || p.Status.Node != "node1" {
			t.Errorf("%s: %+v, %v", port, p.Status, err)
		}
	}
	if diff := cmp.Diff(before, b.flowSet("node1")); diff != "" {
		t.Errorf("node1's flows changed (-before +after):\n%s", diff)
	}
	b.verify()
}

// nodeAt returns the address of a node's session.
func (b *bed) nodeAt(name string) string {
	b.t.Helper()
	n, err := b.api.Node(b.ctx, name)
	b.must(err)
	return n.Status.Address
}

// hasCondition returns an error unless a node has a condition whose message has some words.
func (b *bed) hasCondition(ctx context.Context, node string, r condition.Reason, words string) error {
	n, err := b.api.Node(ctx, node)
	if err != nil {
		return err
	}
	for _, c := range n.Status.Conditions {
		if c.Reason == string(r) && strings.Contains(c.Message, words) {
			return nil
		}
	}
	return fmt.Errorf("conditions: %+v", n.Status.Conditions)
}
