package integration

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/controller/condition"
	"github.com/sdnctl/sdnctl/integration/lab"
)

// TestIPv6Underlay: nodes reach sdnd and each other by IPv6, in both modes and with
// networks of both families; what an unknown machine sends is dropped; and a node with an
// IPv4 tunnel address reaches none of them, with a condition, until it gets an IPv6 one.
func TestIPv6Underlay(t *testing.T) {
	t.Parallel()
	b := newBed(t, 3, withIPv6)
	var file strings.Builder
	for _, n := range b.Nodes {
		tunnel := n.Addr6
		if n.Name == "node3" {
			tunnel = n.Addr
		}
		b.joinBy(b.Controller.Addr6, tunnel, n.Name)
		fmt.Fprintf(&file, "{kind: Node, name: %s, spec: {tunnelIP: %q}}\n---\n", n.Name, tunnel)
	}
	b.apply(file.String() + `
{kind: Network, name: blue, spec: {vni: 100, mtu: 1430, subnets: [{cidr: 10.7.0.0/24}, {cidr: "fd00:7::/64"}]}}
---
{kind: Network, name: pods, spec: {vni: 200, mode: segmented, containersPerNode: 20, maxNodes: 100, subnets: [{cidr: 10.9.0.0/16}, {cidr: "fd00:9::/48"}]}}
---
{kind: Router, name: r, spec: {networks: [blue, pods]}}
---
{kind: Network, name: lone, spec: {cidr: 10.8.0.0/24}}
`)
	var ports string
	var names []string
	for _, network := range []string{"blue", "pods"} {
		for i := 1; i <= 3; i++ {
			name := fmt.Sprintf("%s%d", network, i)
			ports += fmt.Sprintf("---\n{kind: Port, name: %s, spec: {network: %s, node: node%d}}\n", name, network, i)
			names = append(names, name)
		}
	}
	b.apply(ports + "---\n{kind: Port, name: lone3, spec: {network: lone, node: node3}}\n")
	var list []*lab.Container
	for _, name := range names {
		list = append(list, b.plug(name, "node"+name[4:]))
	}
	b.bound(names...)

	reach := func(want func(from, to *lab.Container) bool) (asked []lab.Reach) {
		for _, from := range list {
			for _, to := range list {
				for _, a := range to.Addresses() {
					if from != to {
						asked = append(asked, lab.Reach{From: from, To: a, Want: want(from, to)})
					}
				}
			}
		}
		return asked
	}
	b.must(lab.CheckReach(b.ctx, reach(func(from, to *lab.Container) bool { return (from.Node == "node3") == (to.Node == "node3") })))
	b.trace(list[0], list[1], true)
	b.trace(list[3], list[4], true)
	b.trace(list[0], list[2], false)
	for _, network := range []string{"blue", "pods"} {
		b.must(b.networkHas(b.ctx, network, condition.TunnelFamilyMismatch, true))
	}
	b.must(b.networkHas(b.ctx, "lone", condition.TunnelFamilyMismatch, false))
	b.must(b.networkHas(b.ctx, "pods", condition.UnderlayMTUTooSmall, true)) // 1450 and 70 are more than 1500
	if out := b.sdnctl("status"); !strings.Contains(out, "sdnctl node set node3 --tunnel-ip") {
		t.Errorf("sdnctl status does not say what to do:\n%s", out)
	}

	b.run("an unknown machine", func(_ *testing.T, b *bed) {
		node := func(c *lab.Container) netip.AddrPort { return netip.AddrPortFrom(b.node(c.Node).Addr6, vxlanPort) }
		for _, c := range list[:2] {
			b.tunnelledTo(node(c), b.Controller.SendUDP, c, 100, false)
			b.tunnelledTo(node(c), b.Controller.SendUDP, c, 200, false)
		}
		b.tunnelledTo(node(list[0]), b.node("node2").SendUDP, list[0], 100, true)
	})
	b.run("the other family's node", func(t *testing.T, b *bed) {
		n := b.node("node3")
		b.sdnctl("node", "set", "node3", "--tunnel-ip", n.Addr6.String(), "--wait=20s")
		b.noCondition("node3", condition.TunnelSourceUnchecked)
		b.settle()
		b.must(lab.CheckReach(b.ctx, reach(everyPair)))
		b.must(lab.PollFor(b.ctx, 20*time.Second, "no mismatch", func(ctx context.Context) error {
			return b.networkHas(ctx, "blue", condition.TunnelFamilyMismatch, false)
		}))
		for _, n := range []string{"node1", "node2", "node3"} {
			b.noCondition(n, condition.TunnelSourceUnchecked)
		}
	})
	b.verify()
}

// networkHas returns an error unless a network has a condition, or has it not.
func (b *bed) networkHas(ctx context.Context, network string, r condition.Reason, want bool) error {
	n, err := b.api.Network(ctx, network)
	if err != nil {
		return err
	}
	if has := slices.ContainsFunc(n.Status.Conditions, func(c api.Condition) bool { return c.Reason == string(r) }); has != want {
		return fmt.Errorf("network %s: want %s %t, conditions: %+v", network, r, want, n.Status.Conditions)
	}
	return nil
}
