package integration

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/integration/lab"
	"github.com/sdnctl/sdnctl/integration/prober"
	"github.com/sdnctl/sdnctl/topology/model"
)

// TestReliabilityLossFree: no change loses packets that it does not concern, nor packets
// that it concerns but need not lose.
func TestReliabilityLossFree(t *testing.T) {
	b := newBed(t, 3)
	b.join("node1", "node2", "node3")
	b.apply(nodes(3) + `
{kind: Network, name: blue, spec: {cidr: 10.7.0.0/24}}
---
{kind: Network, name: red, spec: {cidr: 10.8.0.0/24}}
---
{kind: Network, name: pods, spec: {mode: segmented, cidr: 10.9.0.0/16, containersPerNode: 250, maxNodes: 20}}
---
{kind: Router, name: r, spec: {networks: [red, pods]}}
---
{kind: Port, name: blue1, spec: {network: blue, node: node1}}
---
{kind: Port, name: blue2, spec: {network: blue, node: node2}}
---
{kind: Port, name: red1, spec: {network: red, node: node1}}
---
{kind: Port, name: pod1, spec: {network: pods, node: node1}}
---
{kind: Port, name: pod2, spec: {network: pods, node: node2}}
---
{kind: Port, name: roamer, spec: {network: blue}}
`)
	blue1, blue2 := b.plug("blue1", "node1"), b.plug("blue2", "node2")
	red1, pod1, pod2 := b.plug("red1", "node1"), b.plug("pod1", "node1"), b.plug("pod2", "node2")
	roamer := b.plug("roamer", "node3")
	b.bound("blue1", "blue2", "red1", "pod1", "pod2", "roamer")
	// Switched in one network, routed between blocks, routed between networks.
	pairs := [][2]*lab.Container{{blue1, blue2}, {pod1, pod2}, {red1, pod2}}

	b.run("ports", func(t *testing.T, b *bed) {
		// Plugged in before, and claiming no port yet: see letGo.
		var spare []*lab.Container
		for i, node := range []string{"node1", "node2", "node3"} {
			c, err := b.AddContainer(b.ctx, lab.Container{Name: fmt.Sprintf("spare%d", i), Node: node})
			spare = append(spare, must(b, c, err))
		}
		ps := b.probe(pairs...)
		for i := range 9 {
			name, c := fmt.Sprintf("extra%d", i), spare[i%3]
			b.put(name, model.PortSpec{Network: []string{"blue", "red", "pods"}[i/3], Node: c.Node})
			b.attach(c, name)
			b.bound(name)
			if i%2 == 0 {
				b.letGo(c)
				b.unbound(name)
			}
			b.del(api.KindPort, name)
		}
		ps.lossless()
	})
	b.run("networks", func(t *testing.T, b *bed) {
		ps := b.probe(pairs...)
		for i := range 5 {
			b.put("green", model.NetworkSpec{CIDR: netip.MustParsePrefix("10.20.0.0/24")})
			b.put("green1", model.PortSpec{Network: "green", Node: fmt.Sprintf("node%d", 1+i%3)})
			b.del(api.KindPort, "green1")
			b.del(api.KindNetwork, "green")
		}
		ps.lossless()
	})
	b.run("routers", func(t *testing.T, b *bed) {
		b.put("green", model.NetworkSpec{CIDR: netip.MustParsePrefix("10.20.0.0/24")})
		b.put("green1", model.PortSpec{Network: "green", Node: "node1"})
		ps := b.probe(pairs...)
		for range 5 {
			// Also a router for the networks that the traffic is in.
			b.put("second", model.RouterSpec{Networks: []string{"blue", "green"}})
			b.del(api.KindRouter, "second")
			b.put("r", model.RouterSpec{Networks: []string{"red", "pods", "green"}})
			b.put("r", model.RouterSpec{Networks: []string{"red", "pods"}})
		}
		ps.lossless()
		b.del(api.KindPort, "green1")
		b.del(api.KindNetwork, "green")
	})
	b.run("nodes", func(t *testing.T, b *bed) {
		ps := b.probe(pairs...)
		for i := range 5 {
			name := fmt.Sprintf("node1%d", i)
			b.put(name, model.NodeSpec{TunnelIP: netip.MustParseAddr(fmt.Sprintf("172.16.56.1%d", i))})
			b.put("there", model.PortSpec{Network: "pods", Node: name})
			b.put("there2", model.PortSpec{Network: "blue", Node: name})
			b.put(name, model.NodeSpec{TunnelIP: netip.MustParseAddr(fmt.Sprintf("172.16.56.11%d", i))})
			b.del(api.KindPort, "there")
			b.del(api.KindPort, "there2")
			b.del(api.KindNode, name)
		}
		ps.lossless()
	})
	b.run("a gateway is renumbered", func(t *testing.T, b *bed) {
		// It is the gateway of red1 alone, which sends to it.
		ps := b.probe([2]*lab.Container{blue1, blue2}, [2]*lab.Container{pod1, pod2})
		for i := range 5 {
			b.put("red", model.NetworkSpec{
				Subnets:    []model.Subnet{{Prefix: netip.MustParsePrefix("10.8.0.0/24"), Gateway: model.GatewayOf(netip.MustParseAddr(fmt.Sprintf("10.8.0.%d", 100+i)))}},
				GatewayMAC: model.MAC{6, 4: 0x77, 5: byte(i)},
			})
		}
		ps.lossless()
	})
	b.run("a port moves", func(t *testing.T, b *bed) { moves(b, roamer, blue1, blue2) })
	b.verify()
}

// moves moves a port from node to node as a live migration does: the interface on the new
// node is there before the one on the old node is removed, and both accept packets. No
// packet to the port is lost.
func moves(b *bed, old, blue1, blue2 *lab.Container) {
	b.t.Helper()
	for i, to := range []string{"node2", "node1", "node3"} {
		twin, err := b.AddContainer(b.ctx, lab.Container{
			Name: fmt.Sprintf("twin%d", i), Node: to, IP: old.IP, MAC: old.MAC, Gateway: old.Gateway,
		})
		b.must(err)
		bystanders := b.probe([2]*lab.Container{blue1, blue2})
		senders := &probes{b: b, dropped: b.dropped()}
		for _, from := range []*lab.Container{blue1, blue2} {
			b.reach(from, old.IP.Addr().String())
			p, err := prober.Start(from, old, old.IP.Addr())
			b.must(err)
			senders.all = append(senders.all, p)
			b.must(p.Also(twin))
		}
		senders.flow(50)
		b.attach(twin, "roamer")
		b.livesOn("roamer", to)
		senders.flow(50)
		b.letGo(old)
		b.livesOn("roamer", to)
		b.t.Logf("moved from %s to %s", old.Node, to)
		senders.lossless()
		bystanders.lossless()
		b.must(old.Remove(b.ctx))
		old = twin
	}
}

// attach has an interface claim a port.
func (b *bed) attach(c *lab.Container, port string) {
	b.t.Helper()
	_, err := b.node(c.Node).VSCtl(b.ctx, "set", "interface", c.Interface, "external_ids:iface-id="+port)
	b.must(err)
}

// letGo has an interface no longer claim its port. It stays plugged in: when an interface
// is added or removed, Open vSwitch's userspace datapath may lose a few packets of all
// others, even without a controller.
func (b *bed) letGo(c *lab.Container) {
	b.t.Helper()
	_, err := b.node(c.Node).VSCtl(b.ctx, "remove", "interface", c.Interface, "external_ids", "iface-id")
	b.must(err)
}
