package integration

import (
	"context"
	"fmt"
	"net/netip"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sdnctl/sdnctl/controller/condition"
	"github.com/sdnctl/sdnctl/integration/lab"
	"github.com/sdnctl/sdnctl/topology/model"
)

// TestTunnelKeptRight: if somebody changes the tunnel's options, they are corrected within
// a second, and traffic flows. Nothing else of the node's database is changed, and a
// restart writes nothing to it. A node that joined with --ovsdb read is never written to.
func TestTunnelKeptRight(t *testing.T) {
	t.Parallel()
	b := newBed(t, 2)
	b.join("node1", "node2")
	b.apply(nodes(2) + `
{kind: Network, name: blue, spec: {cidr: 10.7.0.0/24, vni: 100}}
---
{kind: Port, name: blue1, spec: {network: blue, node: node1}}
---
{kind: Port, name: blue2, spec: {network: blue, node: node2}}
`)
	blue1, blue2 := b.plug("blue1", "node1"), b.plug("blue2", "node2")
	b.bound("blue1", "blue2")
	to := blue2.IP.Addr().String()
	b.reach(blue1, to)
	n := b.node("node1")
	right := b.tunnelOptions(n)
	others := b.allRows(n)

	for _, wrong := range []string{
		"set interface vxlan-sdn options:remote_ip=192.0.2.7 -- remove interface vxlan-sdn options key",
		"set interface vxlan-sdn type=geneve options:key=7 options:dst_port=8472",
		"set interface vxlan-sdn options:local_ip=192.0.2.8",
	} {
		b.run(wrong, func(t *testing.T, b *bed) {
			b.on(n, "ovs-vsctl "+wrong)
			start := time.Now()
			b.becomes(n, right)
			if took := time.Since(start); took > 5*time.Second {
				t.Errorf("right after %v", took)
			}
			b.settle()
			b.reach(blue1, to)
		})
	}
	if now := b.allRows(n); now != others {
		t.Errorf("the rows were\n%s\nand are\n%s", others, now)
	}

	b.run("a restart writes nothing", func(t *testing.T, b *bed) {
		before := b.transactions(n)
		b.must(b.Controller.Stop(b.ctx, syscall.SIGTERM))
		b.must(b.Controller.Start(b.ctx))
		b.settle()
		b.awaitOVSDB("node1", "node2")
		b.reach(blue1, to)
		if now := b.transactions(n); strings.Count(now, "sdnd: ") != strings.Count(before, "sdnd: ") {
			t.Errorf("a restart wrote:\n%s", strings.TrimPrefix(now, before))
		}
	})

	b.run("another tunnel address", func(t *testing.T, b *bed) {
		b.put("node1", model.NodeSpec{TunnelIP: netip.MustParseAddr("172.16.56.200")})
		b.becomes(n, strings.Replace(right, n.Addr.String(), "172.16.56.200", 1))
		b.put("node1", model.NodeSpec{TunnelIP: n.Addr})
		b.becomes(n, right)
		b.settle()
		b.reach(blue1, to)
	})

	b.run("joined with --ovsdb read", func(t *testing.T, b *bed) {
		b.joinNode(n, 0, "--ovsdb", "read")
		b.awaitOVSDB("node1")
		before := b.transactions(n)
		b.on(n, "ovs-vsctl --no-wait set interface vxlan-sdn options:key=7")
		b.awaitCondition("node1", condition.TunnelOptionsWrong)
		c := b.condition("node/node1", string(condition.TunnelOptionsWrong))
		if want := "on node1: ovs-vsctl set interface vxlan-sdn options:key=flow; sdnd does not do so, as the node joined with --ovsdb read"; c.Action != want {
			t.Errorf("cure %q, want %q", c.Action, want)
		}
		b.must(b.Controller.Stop(b.ctx, syscall.SIGTERM))
		b.must(b.Controller.Start(b.ctx))
		b.settle()
		b.awaitOVSDB("node1")
		b.awaitCondition("node1", condition.OVSDBReadOnly)
		if now := b.transactions(n); strings.Count(now, "record ") != strings.Count(before, "record ")+1 {
			t.Errorf("written:\n%s", strings.TrimPrefix(now, before))
		}
		// Once allowed again, it is corrected at once.
		b.on(n, "ovs-vsctl remove bridge br-int external_ids sdnctl-ovsdb")
		b.noCondition("node1", condition.TunnelOptionsWrong)
		b.reach(blue1, to)
	})
	b.verify()
}

// becomes waits until a node's tunnel has a type and options.
func (b *bed) becomes(n *lab.Node, want string) {
	b.t.Helper()
	b.must(lab.PollFor(b.ctx, 10*time.Second, "the tunnel of "+n.Name+" to be right", func(context.Context) error {
		if got := b.tunnelOptions(n); got != want {
			return fmt.Errorf("it has %s, want %s", got, want)
		}
		return nil
	}))
}

// allRows returns the configuration of a node's Open vSwitch, with the uuids of the rows of
// ports and interfaces.
func (b *bed) allRows(n *lab.Node) string {
	b.t.Helper()
	out, err := n.VSCtl(b.ctx, "--columns=_uuid,name,external_ids", "list", "port", "--", "--columns=_uuid,name,external_ids", "list", "interface")
	return b.rows(n) + must(b, out, err)
}

// transactions is the log of a node's database.
func (b *bed) transactions(n *lab.Node) string {
	b.t.Helper()
	out, err := n.Exec(b.ctx, "ovsdb-tool", "-mm", "show-log", filepath.Join(n.Dir, "conf.db"))
	return must(b, out, err)
}

// tunnelOptions are the type and options of a node's tunnel.
func (b *bed) tunnelOptions(n *lab.Node) string {
	b.t.Helper()
	out, err := n.VSCtl(b.ctx, "get", "interface", "vxlan-sdn", "type", "options")
	b.must(err)
	return strings.TrimSpace(out)
}
