package integration

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sdnctl/sdnctl/cli"
	"github.com/sdnctl/sdnctl/integration/lab"
)

// joinNode runs "sdnctl node join" on a node, and returns its output. The test expects the
// exit code.
func (b *bed) joinNode(n *lab.Node, code int, args ...string) string {
	b.t.Helper()
	return b.onNode(n, code, append([]string{"sdnctl", "node", "join", n.Name, "--controller", b.Controller.Addr.String(), "--tunnel-ip", n.Addr.String()}, args...)...)
}

// onNode runs a command on a node that must end with an exit code, and returns its stderr.
func (b *bed) onNode(n *lab.Node, code int, args ...string) string {
	b.t.Helper()
	_, err := n.Exec(b.ctx, args...)
	var exit *lab.ExitError
	switch {
	case err == nil && code == 0:
		return ""
	case !errors.As(err, &exit) || exit.Code != code:
		b.t.Fatalf("%s: %v, want exit code %d", strings.Join(args, " "), err, code)
	}
	return exit.Stderr
}

// says checks that a text has all parts.
func says(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, p := range parts {
		if !strings.Contains(text, p) {
			t.Errorf("does not say %q:\n%s", p, text)
		}
	}
}

// rows returns the configuration of a node's Open vSwitch, without uuids and without values
// that change by themselves.
func (b *bed) rows(n *lab.Node) string {
	b.t.Helper()
	out, err := n.VSCtl(b.ctx,
		"--columns=name,fail_mode,protocols,other_config,external_ids,datapath_type", "list", "bridge",
		"--", "--columns=name,type,options", "list", "interface",
		"--", "--columns=target,max_backoff,inactivity_probe,connection_mode", "list", "controller",
		"--", "--columns=target", "list", "manager")
	return must(b, out, err)
}

// TestJoinLooksFirst: join does not change a bridge that is in use unless a flag says so,
// and no packet is lost. A bridge that was taken over and left forwards as before.
func TestJoinLooksFirst(t *testing.T) {
	t.Parallel()
	b := newBed(t, 1)
	n := b.node("node1")
	// A learning switch with two machines, one of which is kept from SSH.
	one, two := b.undeclared(n, "one", "10.9.0.1/24"), b.undeclared(n, "two", "10.9.0.2/24")
	_, err := n.VSCtl(b.ctx, "del-fail-mode", "br-int")
	b.must(err)
	const drop = "table=3, priority=77,tcp,tp_dst=22 actions=drop"
	_, err = n.OFCtl(b.ctx, "add-flow", "-O", "OpenFlow13", "br-int", drop)
	b.must(err)
	b.reach(one, "10.9.0.2")
	rows, flows := b.rows(n), b.flowLines(n)

	stop := b.pinging(one, "10.9.0.2")
	said := b.joinNode(n, cli.ExitConflict)
	says(t, said, "2 ports", "1 flow: removed", "nothing was changed; take it over with --take-over")
	if lost := stop(); lost > 0 {
		t.Errorf("%d packets were lost by a join that was refused", lost)
	}
	if d := cmp.Diff(rows, b.rows(n)) + cmp.Diff(flows, b.flowLines(n)); d != "" {
		t.Errorf("refused, and changed all the same (-before +after):\n%s", d)
	}

	// A controller that cannot be reached must not disconnect them either.
	says(t, b.onNode(n, cli.ExitUnreachable, "sdnctl", "node", "join", "node1", "--controller", b.Controller.Addr.String(), "--openflow-port", "6699", "--take-over"),
		"cannot be reached at", "nothing was changed")
	b.reach(one, "10.9.0.2")

	b.sdnctl("node", "create", "node1", "--tunnel-ip", n.Addr.String())
	b.joinNode(n, 0, "--take-over")
	b.joined = append(b.joined, n)
	b.unreachable(one, "10.9.0.2")
	b.verify()
	b.joined = nil

	b.onNode(n, 0, "sdnctl", "node", "leave")
	b.reach(one, "10.9.0.2")
	b.reach(two, "10.9.0.1")
	if d := cmp.Diff(rows, b.rows(n)) + cmp.Diff(flows, b.flowLines(n)); d != "" {
		t.Errorf("leave did not put back what was there (-before +after):\n%s", d)
	}
	b.noDrift()
}

// TestJoinOfAnAdoptedBridge: join makes a node of a bridge that somebody connected to sdnd
// by hand, without a lost packet of its containers, and leave restores it.
func TestJoinOfAnAdoptedBridge(t *testing.T) {
	t.Parallel()
	b := newBed(t, 1)
	n := b.node("node1")
	_, err := n.VSCtl(b.ctx, "del-fail-mode", "br-int", "--", "set", "bridge", "br-int", "protocols=OpenFlow13",
		"--", "set-controller", "br-int", "tcp:"+b.Controller.Addr.String()+":6653", "--", "set-manager", "tcp:"+b.Controller.Addr.String()+":6640")
	b.must(err)
	id := b.awaitSwitches(1)[0].DatapathID
	b.sdnctl("node", "adopt", id, "node1", "--tunnel-ip", n.Addr.String())
	b.apply("{kind: Network, name: blue, spec: {cidr: 10.7.0.0/24}}\n---\n{kind: Port, name: one, spec: {network: blue}}\n---\n{kind: Port, name: two, spec: {network: blue}}\n")
	one, two := b.plug("one", "node1"), b.plug("two", "node1")
	b.bound("one", "two")
	b.reach(one, two.IP.Addr().String())
	rows := b.rows(n)

	stop := b.pinging(one, two.IP.Addr().String())
	says(t, b.joinNode(n, cli.ExitConflict), "keep it with --datapath-id "+id)
	b.joinNode(n, 0, "--datapath-id", id)
	if lost := stop(); lost > 0 {
		t.Errorf("%d packets were lost", lost)
	}
	b.joined = append(b.joined, n)
	b.verify()
	b.joined = nil
	if got, err := n.VSCtl(b.ctx, "get-fail-mode", "br-int"); err != nil || got != "secure\n" {
		t.Errorf("fail mode %q (%v)", got, err)
	}
	b.onNode(n, 0, "sdnctl", "node", "leave", "--force")
	if d := cmp.Diff(rows, b.rows(n)); d != "" {
		t.Errorf("leave did not put back what was there (-before +after):\n%s", d)
	}
	b.reach(one, two.IP.Addr().String())
}

// TestJoinAgain: a node that an older sdnctl joined gets the new settings, over the same
// connection, and traffic between nodes continues.
func TestJoinAgain(t *testing.T) {
	t.Parallel()
	b := newBed(t, 2)
	b.join("node1", "node2")
	b.apply(nodes(2) + "{kind: Network, name: blue, spec: {cidr: 10.7.0.0/24}}\n---\n{kind: Port, name: one, spec: {network: blue}}\n---\n{kind: Port, name: two, spec: {network: blue}}\n")
	n := b.node("node1")
	_, err := n.VSCtl(b.ctx, "remove", "interface", "vxlan-sdn", "options", "local_ip", "--", "remove", "interface", "vxlan-sdn", "external_ids", "sdnctl-node",
		"--", "remove", "bridge", "br-int", "external_ids", "sdnctl-made", "--", "remove", "bridge", "br-int", "external_ids", "sdnctl-found")
	b.must(err)
	one, two := b.plug("one", "node1"), b.plug("two", "node2")
	b.bound("one", "two")
	b.reach(one, two.IP.Addr().String())
	before, err := b.api.Node(b.ctx, "node1")
	b.must(err)
	stop := b.pinging(one, two.IP.Addr().String())
	for range 2 {
		b.joinNode(n, 0)
	}
	if lost := stop(); lost > 0 {
		t.Errorf("%d packets were lost", lost)
	}
	after, err := b.api.Node(b.ctx, "node1")
	b.must(err)
	if after.Status.Address != before.Status.Address {
		t.Errorf("the connection from %s became one from %s", before.Status.Address, after.Status.Address)
	}
	if got, err := n.VSCtl(b.ctx, "get", "interface", "vxlan-sdn", "options:local_ip"); err != nil || got != fmt.Sprintf("%q\n", n.Addr) {
		t.Errorf("local_ip %s (%v)", got, err)
	}
	b.verify()
	b.noDrift()
}

// TestJoinWithAnotherBridge: a machine that has left joins again with a bridge of another
// name, once sdnd is configured for that, and its ports are bound there. Leave removes the
// bridge.
func TestJoinWithAnotherBridge(t *testing.T) {
	t.Parallel()
	b := newBed(t, 1)
	n := b.node("node1")
	b.sdnctl("node", "create", "node1", "--tunnel-ip", n.Addr.String())
	b.joinNode(n, 0)
	b.apply("{kind: Network, name: blue, spec: {cidr: 10.7.0.0/24}}\n---\n{kind: Port, name: one, spec: {network: blue}}\n")
	b.onNode(n, 0, "sdnctl", "node", "leave", "--force")
	rows := b.rows(n)
	other := []string{"--bridge", "ovs-br1", "--datapath-type", "netdev"}
	says(t, b.joinNode(n, cli.ExitConflict, other...), "start sdnd with --bridge ovs-br1", "nothing was changed")
	if d := cmp.Diff(rows, b.rows(n)); d != "" {
		t.Errorf("refused, and changed all the same (-before +after):\n%s", d)
	}
	b.must(b.Controller.Stop(b.ctx, syscall.SIGTERM))
	b.must(b.Controller.Start(b.ctx, "--bridge=ovs-br1"))
	b.joinNode(n, 0, other...)
	b.on(n, "ovs-vsctl add-port ovs-br1 one -- set interface one type=internal external_ids:iface-id=one")
	b.sdnctl("wait", "--for", "bound", "port/one", "--timeout=20s")
	b.sdnctl("wait", "--for", "ready", "node/node1", "--timeout=20s")
	b.onNode(n, 0, "sdnctl", "node", "leave", "--force")
	if d := cmp.Diff(rows, b.rows(n)); d != "" {
		t.Errorf("leave did not put back what was there (-before +after):\n%s", d)
	}
}

// undeclared plugs a container into br-int that is not declared to sdnd.
func (b *bed) undeclared(n *lab.Node, name, cidr string) *lab.Container {
	b.t.Helper()
	c, err := b.AddContainer(b.ctx, lab.Container{Name: name, Node: n.Name, IP: netip.MustParsePrefix(cidr), MTU: 1400})
	return must(b, c, err)
}

// flowLines returns a node's flows without their counters.
func (b *bed) flowLines(n *lab.Node) string {
	b.t.Helper()
	out, err := n.OFCtl(b.ctx, "--no-stats", "dump-flows", "br-int")
	return must(b, out, err)
}

// pinging pings many times a second until the returned function is called, which returns
// how many were not answered.
func (b *bed) pinging(from *lab.Container, to string) (stop func() int) {
	b.t.Helper()
	ctx, cancel := context.WithCancel(b.ctx)
	lost := make(chan int)
	go func() {
		n := 0
		for ctx.Err() == nil {
			if replies, err := from.Ping(b.ctx, netip.MustParseAddr(to), 1); err == nil && len(replies) == 0 {
				n++
			}
		}
		lost <- n
	}()
	return func() int { cancel(); return <-lost }
}

// noDrift checks that no drift is reported.
func (b *bed) noDrift() {
	b.t.Helper()
	drifts, err := b.api.Drifts(b.ctx, "")
	b.must(err)
	if len(drifts.Items) > 0 {
		b.t.Errorf("drift is reported: %+v", drifts.Items)
	}
	var metrics string
	b.must(b.Controller.Get(b.ctx, "/metrics", &metrics))
	if strings.Contains(metrics, "sdnd_drifts_total{") {
		b.t.Error("sdnd_drifts_total counts drift")
	}
}

// TestJoinVerifies: join ends when the node works, or says what is missing.
func TestJoinVerifies(t *testing.T) {
	t.Parallel()
	b := newBed(t, 3)
	one, two, three := b.node("node1"), b.node("node2"), b.node("node3")

	b.run("a VXLAN port of somebody else", func(t *testing.T, b *bed) {
		_, err := two.VSCtl(b.ctx, "add-br", "br-tun", "--", "set", "bridge", "br-tun", "datapath_type=netdev",
			"--", "add-port", "br-tun", "vx0", "--", "set", "interface", "vx0", "type=vxlan", "options:remote_ip=flow", "options:key=flow")
		b.must(err)
		rows := b.rows(two)
		says(t, b.joinNode(two, cli.ExitConflict), "port vx0 of bridge br-tun", "ovs-vsctl del-port br-tun vx0")
		if d := cmp.Diff(rows, b.rows(two)); d != "" {
			t.Errorf("changed all the same (-before +after):\n%s", d)
		}
		_, err = two.VSCtl(b.ctx, "del-br", "br-tun")
		b.must(err)
	})
	b.run("no kernel module", func(t *testing.T, b *bed) {
		rows := b.rows(two)
		says(t, b.joinNode(two, cli.ExitFailure, "--bridge", "br-k", "--no-wait"), "modprobe openvswitch", "everything is undone")
		if d := cmp.Diff(rows, b.rows(two)); d != "" {
			t.Errorf("not all is undone (-before +after):\n%s", d)
		}
	})
	b.run("a bridge that sdnd does not look at", func(t *testing.T, b *bed) {
		says(t, b.joinNode(two, cli.ExitConflict, "--bridge", "ovs-br1", "--datapath-type", "netdev"), "join with --bridge br-int, or start sdnd with --bridge ovs-br1", "nothing was changed")
	})
	b.run("not declared", func(t *testing.T, b *bed) {
		says(t, b.joinNode(one, cli.ExitTimeout, "--timeout", "1s"), "node1 is not declared to sdnd", "sdnctl node create node1 --tunnel-ip "+one.Addr.String(), "sdnctl node leave")
		// By the state of Open vSwitch alone.
		said := b.onNode(one, cli.ExitTimeout, "env", "SDNCTL_HOST=", "sdnctl", "node", "join", "node1", "--controller", b.Controller.Addr.String(), "--timeout", "7s")
		says(t, said, "sdnd installs no flows on the bridge", "sdnd itself was not asked")
	})
	b.run("works", func(t *testing.T, b *bed) {
		b.sdnctl("node", "create", "node1", "--tunnel-ip", one.Addr.String())
		b.joinNode(one, 0)
		b.onNode(one, 0, "env", "SDNCTL_HOST=", "sdnctl", "node", "join", "node1", "--controller", b.Controller.Addr.String())
		out, err := one.VSCtl(b.ctx, "get", "interface", "vxlan-sdn", "options:local_ip", "--", "get", "bridge", "br-int", "external_ids:sdnctl-underlay-mtu")
		b.must(err)
		if want := fmt.Sprintf("%q\n%q\n", one.Addr, "1500"); out != want {
			t.Errorf("local_ip and the MTU of the underlay are %q, want %q", out, want)
		}
		b.joined = append(b.joined, one)
	})
	b.run("a name that is another's", func(t *testing.T, b *bed) {
		said := b.onNode(three, cli.ExitConflict, "sdnctl", "node", "join", "node1", "--controller", b.Controller.Addr.String())
		says(t, said, "another machine is connected as node node1, from "+one.Addr.String(), "nothing was changed")
	})
	b.run("a datapath id that is another's", func(t *testing.T, b *bed) {
		node1, err := b.api.Node(b.ctx, "node1")
		b.must(err)
		says(t, b.joinNode(three, cli.ExitConflict, "--datapath-id", node1.Status.DatapathID), "is that of node node1", "nothing was changed")
	})
	b.run("unreachable", func(t *testing.T, b *bed) {
		said := b.joinNode(three, cli.ExitTimeout, "--openflow-port", "6699", "--timeout", "1s")
		says(t, said, "no OpenFlow connection to tcp:"+b.Controller.Addr.String()+":6699", "cannot be reached at", "does a firewall allow the connection?")
		b.onNode(three, 0, "sdnctl", "node", "leave")
	})
	b.run("leaving is no drift", func(t *testing.T, b *bed) {
		b.apply(nodes(1) + "{kind: Network, name: blue, spec: {cidr: 10.7.0.0/24}}\n---\n{kind: Port, name: web, spec: {network: blue, node: node1}}\n")
		b.plug("web", "node1")
		b.bound("web")
		says(t, b.onNode(one, cli.ExitConflict, "sdnctl", "node", "leave"), "still has the ports")
		b.onNode(one, 0, "sdnctl", "node", "leave", "--force")
		b.must(lab.PollFor(b.ctx, 10*time.Second, "node1 to be gone", func(ctx context.Context) error {
			node, err := b.api.Node(ctx, "node1")
			if err == nil && node.Status.Connected {
				err = errors.New("it is connected")
			}
			return err
		}))
		b.noDrift()
		// The same for a bridge that join made itself.
		_, err := one.VSCtl(b.ctx, "del-br", "br-int")
		b.must(err)
		b.joinNode(one, 0, "--datapath-type", "netdev")
		b.settle()
		b.onNode(one, 0, "sdnctl", "node", "leave")
		if out, err := one.VSCtl(b.ctx, "list-br"); err != nil || out != "br-phy\n" {
			t.Errorf("bridges %q (%v)", out, err)
		}
		b.noDrift()
	})
}
