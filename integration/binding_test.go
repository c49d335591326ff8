package integration

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sdnctl/sdnctl/integration/lab"
)

// TestBinding: by external_ids, by interface name, and how a binding changes.
// (container_id, as ovs-docker writes it, is in TestSingleL2.)
func TestBinding(t *testing.T) {
	t.Parallel()
	b := newBed(t, 2)
	b.join("node1", "node2")
	b.apply(bothFamilies(t, nodes(2)+`
{kind: Network, name: blue, spec: {cidr: 10.7.0.0/24}}
---
{kind: Port, name: here, spec: {network: blue, node: node1}}
---
{kind: Port, name: by-id, spec: {network: blue, node: node1, interfaceID: 3c5e7f20-vm}}
---
{kind: Port, name: by-name, spec: {network: blue, node: node2, interface: tap7}}
`))
	here := b.plug("here", "node1")
	byID := b.plug("by-id", "node1", func(c *lab.Container) { c.Interface, c.InterfaceID = "vnet3", "3c5e7f20-vm" })
	byName := b.plug("by-name", "node2", func(c *lab.Container) { c.Interface, c.InterfaceID = "tap7", "" })
	b.bound("here", "by-id", "by-name")
	all := []*lab.Container{here, byID, byName}
	b.matrix(all, everyPair)

	b.run("a pinned port is not bound on another node", func(t *testing.T, b *bed) {
		before := b.flowSet("node2")
		thief, err := b.AddContainer(b.ctx, lab.Container{Name: "thief", Node: "node2", IP: here.IP, MAC: here.MAC, InterfaceID: "here"})
		b.must(err)
		b.livesOn("here", "node1")
		b.unreachable(thief, byName.IP.Addr().String())
		if diff := cmp.Diff(before, b.flowSet("node2")); diff != "" {
			t.Errorf("flows changed (-before +after):\n%s", diff)
		}
		b.must(thief.Remove(b.ctx))
	})
	b.run("iface-id may be set after the interface came", func(t *testing.T, b *bed) {
		n := b.node("node1")
		_, err := n.VSCtl(b.ctx, "remove", "interface", here.Interface, "external_ids", "iface-id")
		b.must(err)
		b.unbound("here")
		b.unreachable(here, byID.IP.Addr().String())
		_, err = n.VSCtl(b.ctx, "set", "interface", here.Interface, "external_ids:iface-id=here")
		b.must(err)
		b.bound("here")
		b.matrix(all, everyPair)
	})
	b.run("an interface that leaves takes its flows along, and may come back", func(t *testing.T, b *bed) {
		b.must(byName.Move(b.ctx, "node2"))
		b.bound("by-name")
		b.must(byID.Move(b.ctx, "node1"))
		b.bound("by-id")
		b.matrix(all, everyPair)
	})
	b.run("OpenFlow alone is enough for a binding by name", func(t *testing.T, b *bed) {
		_, err := b.node("node2").VSCtl(b.ctx, "del-manager")
		b.must(err)
		b.must(byName.Move(b.ctx, "node2"))
		b.bound("by-name")
		b.matrix(all, everyPair)
	})
	b.verify()
}

// TestQuarantine: a switch that is no declared node gets no flows and is listed with the
// command that adopts it. Two switches with one datapath id do not displace each other.
func TestQuarantine(t *testing.T) {
	t.Parallel()
	b := newBed(t, 3)
	b.join("node1", "node2")
	b.apply(nodes(1))
	b.joined = b.joined[:1] // node2 is not declared
	sw := b.awaitSwitches(1)[0]
	if n, err := b.node("node2").FlowCount(b.ctx); err != nil || n != 0 {
		t.Errorf("a switch in quarantine has %d flows (%v)", n, err)
	}
	b.runCommand(sw.Adopt, "NAME", "node2")
	b.joined = append(b.joined, b.node("node2"))
	b.settle()
	b.awaitSwitches(0)
	if n := b.flowCount("node2"); n == 0 {
		t.Error("an adopted switch has no flows")
	}

	b.run("somebody else's datapath id", func(t *testing.T, b *bed) {
		node1, err := b.api.Node(b.ctx, "node1")
		b.must(err)
		before := b.flowSet("node1")
		n3 := b.node("node3")
		_, err = n3.Exec(b.ctx, "sdnctl", "node", "join", "node3", "--controller", b.Controller.Addr.String(), "--no-wait",
			"--datapath-id", node1.Status.DatapathID)
		b.must(err)
		if sw := b.awaitSwitches(1)[0]; sw.DatapathID != node1.Status.DatapathID || sw.Reason == "" {
			t.Errorf("in quarantine: %+v", sw)
		}
		if n, err := n3.FlowCount(b.ctx); err != nil || n != 0 {
			t.Errorf("the impostor has %d flows (%v)", n, err)
		}
		if diff := cmp.Diff(before, b.flowSet("node1")); diff != "" {
			t.Errorf("the true one's flows changed (-before +after):\n%s", diff)
		}
	})
	b.verify()
}
