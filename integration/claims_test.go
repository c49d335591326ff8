package integration

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/controller/condition"
	"github.com/sdnctl/sdnctl/integration/lab"
	"github.com/sdnctl/sdnctl/integration/prober"
)

// TestClaims: which interface is bound when several claim a port, or when its name or type
// is unusual.
func TestClaims(t *testing.T) {
	t.Parallel()
	b := newBed(t, 3)
	b.join("node1", "node2", "node3")
	b.apply(nodes(3) + `
{kind: Network, name: blue, spec: {cidr: 10.7.0.0/24}}
---
{kind: Port, name: peer, spec: {network: blue}}
---
{kind: Port, name: vm1, spec: {network: blue}}
`)
	peer := b.plug("peer", "node3")
	b.bound("peer")
	b.run("of two claims the place that a port has stays, over every restart", func(t *testing.T, b *bed) {
		older := b.plug("vm1", "node1")
		b.bound("vm1")
		newer := b.claimAgain(older, "node2")
		b.livesOn("vm1", "node2")
		b.conflict("vm1", "vm1 on node1")
		b.reach(peer, newer.IP.Addr().String())
		for i, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL, syscall.SIGTERM, syscall.SIGKILL, syscall.SIGKILL} {
			b.must(b.Controller.Stop(b.ctx, sig))
			b.must(b.Controller.Start(b.ctx))
			b.settle()
			b.awaitOVSDB("node1", "node2", "node3")
			b.livesOn("vm1", "node2")
			if n := b.flowMods(); n != 0 {
				t.Errorf("restart %d: %d flow-mods", i+1, n)
			}
			b.conflict("vm1", "vm1 on node1")
		}
		b.must(b.node("node1").RestartVSwitchd(b.ctx, syscall.SIGKILL))
		b.settle()
		b.livesOn("vm1", "node2")
		b.must(newer.Remove(b.ctx))
		b.livesOn("vm1", "node1")
		b.reach(peer, older.IP.Addr().String())
		b.must(older.Remove(b.ctx))
	})
	b.run("names of which OpenFlow gives the same 15 bytes", func(t *testing.T, b *bed) {
		b.apply(`
{kind: Port, name: weba, spec: {network: blue, node: node1}}
---
{kind: Port, name: webb, spec: {network: blue, node: node1}}
`)
		weba := b.behindPatch("weba", "node1", "patch-to-br-weba-on-node1")
		webb := b.behindPatch("webb", "node1", "patch-to-br-webb-on-node1")
		b.bound("weba", "webb")
		b.reach(weba, webb.IP.Addr().String())
		b.reach(webb, peer.IP.Addr().String())
		_, err := b.node("node1").VSCtl(b.ctx, "del-port", "br-int", "patch-to-br-webb-on-node1")
		b.must(err)
		b.unbound("webb")
		b.reach(weba, peer.IP.Addr().String())
		b.sdnctl("port", "delete", "weba")
		b.sdnctl("port", "delete", "webb")
	})
	b.run("the second interface of a container is not the port of the first", func(t *testing.T, b *bed) {
		b.apply(`
{kind: Port, name: c, spec: {network: blue, node: node1}}
---
{kind: Port, name: c-eth1, spec: {network: blue, node: node1, interfaceID: c/eth1}}
`)
		byContainer := func(c *lab.Container) { c.InterfaceID = "" }
		eth0 := b.plug("c", "node1", byContainer)
		n := b.node("node1")
		_, err := n.VSCtl(b.ctx, "set", "interface", eth0.Interface, "external_ids:container_id=c", "external_ids:container_iface=eth0")
		b.must(err)
		b.bound("c")
		eth1 := b.plug("c-eth1", "node1", byContainer)
		_, err = n.VSCtl(b.ctx, "set", "interface", eth1.Interface, "external_ids:container_id=c", "external_ids:container_iface=eth1")
		b.must(err)
		b.bound("c", "c-eth1")
		b.matrix([]*lab.Container{eth0, eth1, peer}, everyPair)
	})
	b.run("the bridge's own interface can be a port, the tunnel cannot", func(t *testing.T, b *bed) {
		b.apply(`
{kind: Port, name: host, spec: {network: blue, node: node2}}
---
{kind: Port, name: tunnel, spec: {network: blue, node: node2, interface: vxlan-sdn}}
`)
		_, err := b.node("node2").VSCtl(b.ctx, "set", "interface", "br-int", "external_ids:iface-id=host")
		b.must(err)
		b.bound("host")
		p, err := b.api.Port(b.ctx, "host")
		b.must(err)
		n := b.node("node2")
		for _, args := range [][]string{
			{"ip", "link", "set", "br-int", "up"},
			{"ip", "addr", "add", p.Status.IP + "/24", "dev", "br-int"},
			{"ovs-vsctl", "set", "bridge", "br-int", `other_config:hwaddr="` + p.Status.MAC + `"`},
			{"ping", "-c3", "-W2", peer.IP.Addr().String()},
		} {
			_, err := n.Exec(b.ctx, args...)
			b.must(err)
		}
		if p, err := b.api.Port(b.ctx, "tunnel"); err != nil || p.Status.Bound || !strings.Contains(p.Status.Message, "cannot be a port") {
			t.Errorf("the port that names the tunnel: %+v, %v", p.Status, err)
		}
		b.sdnctl("port", "delete", "tunnel")
	})
	b.run("a port that is pinned elsewhere moves when its pin does", func(t *testing.T, b *bed) {
		b.apply(`{kind: Port, name: vm2, spec: {network: blue, node: node1}}`)
		source := b.plug("vm2", "node1")
		b.bound("vm2")
		destination := b.claimAgain(source, "node2")
		b.must(lab.PollFor(b.ctx, 20*time.Second, "the candidate", func(ctx context.Context) error {
			p, err := b.api.Port(ctx, "vm2")
			if err == nil && (p.Status.Candidate == nil || p.Status.Candidate.Node != "node2" || !p.Status.Ready) {
				err = fmt.Errorf("%+v", p.Status)
			}
			return err
		}))
		b.livesOn("vm2", "node1")
		b.reach(peer, source.IP.Addr().String())
		// Either tap receives the packets, as one of them does in a migration.
		senders := &probes{b: b, dropped: b.dropped()}
		p, err := prober.Start(peer, source, source.IP.Addr())
		b.must(err)
		senders.all = append(senders.all, p)
		b.must(p.Also(destination))
		senders.flow(50)
		b.sdnctl("port", "set", "vm2", "--node", "node2", "--wait=5s")
		senders.lossless()
		b.reach(peer, destination.IP.Addr().String()) // nothing else has to happen
		b.livesOn("vm2", "node2")
	})
	b.verify()
}

// claimAgain plugs an interface that claims a container's port on another node.
func (b *bed) claimAgain(c *lab.Container, node string) *lab.Container {
	b.t.Helper()
	again := *c
	again.Name, again.Node, again.Interface = c.Name+"-2", node, ""
	got, err := b.AddContainer(b.ctx, again)
	return must(b, got, err)
}

// behindPatch plugs a container into a bridge of its own, which a patch port joins
// with br-int; that is what carries the port's identity.
func (b *bed) behindPatch(port, node, patch string) *lab.Container {
	b.t.Helper()
	c := b.plug(port, node, func(c *lab.Container) { c.InterfaceID = "" })
	bridge, back := "br-"+port, "to-int-"+port
	_, err := b.node(node).VSCtl(b.ctx, "del-port", "br-int", c.Interface,
		"--", "add-br", bridge, "--", "set", "bridge", bridge, "datapath_type=netdev", "--", "add-port", bridge, c.Interface,
		"--", "add-port", bridge, back, "--", "set", "interface", back, "type=patch", "options:peer="+patch,
		"--", "add-port", "br-int", patch, "--", "set", "interface", patch, "type=patch", "options:peer="+back, "external_ids:iface-id="+port)
	b.must(err)
	return c
}

// conflict waits until a port reports that another interface claims it, too.
func (b *bed) conflict(port, place string) {
	b.t.Helper()
	b.must(lab.PollFor(b.ctx, 20*time.Second, "the conflict over "+port, func(ctx context.Context) error {
		p, err := b.api.Port(ctx, port)
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(p.Status.Conditions, func(c api.Condition) bool {
			return c.Reason == string(condition.ClaimConflict) && strings.Contains(c.Message, place)
		}) {
			return fmt.Errorf("conditions: %+v", p.Status.Conditions)
		}
		return nil
	}))
}

// awaitOVSDB waits until nodes have reported their interfaces by OVSDB.
func (b *bed) awaitOVSDB(nodes ...string) {
	b.t.Helper()
	for _, name := range nodes {
		b.must(lab.PollFor(b.ctx, 10*time.Second, "OVSDB of "+name, func(ctx context.Context) error {
			n, err := b.api.Node(ctx, name)
			if err == nil && !n.Status.OVSDB {
				err = errors.New("not connected")
			}
			return err
		}))
	}
}
