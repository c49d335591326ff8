package integration

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/sdnctl/sdnctl/cli/attach"
	"github.com/sdnctl/sdnctl/controller/condition"
	"github.com/sdnctl/sdnctl/integration/lab"
	"github.com/sdnctl/sdnctl/topology/model"
)

// pitfallBed has a network of both families, and a server on node2 that ports reach by IPv6.
func pitfallBed(t *testing.T, more string) (b attachBed, server *lab.Container) {
	b = attachBed{newBed(t, 2)}
	b.join("node1", "node2")
	b.apply(nodes(2) + `
{kind: Network, name: dual, spec: {subnets: [{cidr: 10.7.0.0/24}, {cidr: "fd00:7::/64"}], portsFromNodes: true}}
---
{kind: Router, name: main, spec: {networks: [dual]}}
---
{kind: Port, name: server, spec: {network: dual, node: node2}}
` + more)
	server = b.plug("server", "node2")
	b.bound("server")
	return b, server
}

// namespace makes a network namespace on the machine, for sdnctl attach, until the test ends. It is not made by a
// node's Exec, as "ip netns exec" has mounts of its own.
func (b attachBed) namespace(name string) string {
	b.t.Helper()
	ns := strings.Replace(b.node("node1").Netns, "-node1", "-"+name, 1)
	b.must(exec.CommandContext(b.ctx, "ip", "netns", "add", ns).Run())
	b.t.Cleanup(func() {
		if err := exec.Command("ip", "netns", "del", ns).Run(); err != nil && !b.t.Failed() {
			b.t.Error(err)
		}
	})
	return ns
}

// TestAttachedIPv6AtOnce is P-DHC-16: the first thing that a container does after sdnctl attach is to connect by
// IPv6, and it works each time, since its address is never tentative.
func TestAttachedIPv6AtOnce(t *testing.T) {
	t.Parallel()
	times := 8
	if long() {
		times = 200
	}
	b, server := pitfallBed(t, "")
	l, err := server.Listen("tcp6", "[::]:8080")
	b.must(err)
	defer l.Close()
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			conn.Close()
		}
	}()
	p := b.port("server")
	to := net.JoinHostPort(p.Status.Addresses[1].IP, "8080")
	ns := b.namespace("early")
	for i := range times {
		b.attach("node1", "early", "--netns", ns, "--network", "dual")
		host, port, err := net.SplitHostPort(to)
		b.must(err)
		// One attempt, which a lost packet delays: an address that is not usable yet fails at once.
		out, err := exec.CommandContext(b.ctx, "ip", "netns", "exec", ns, "busybox", "nc", "-w", "20", host, port).CombinedOutput()
		if err != nil {
			addresses, _ := exec.CommandContext(b.ctx, "ip", "-n", ns, "-6", "addr").CombinedOutput()
			t.Fatalf("connection %d: %s, %v; %s", i, out, err, addresses)
		}
		b.detach("node1", "early")
	}
}

// parsedMAC reads a MAC.
func parsedMAC(b *bed, text string) (m model.MAC) {
	b.t.Helper()
	b.must(m.UnmarshalText([]byte(text)))
	return m
}

// TestMACAfterLinkUp is P-DHC-13: an interface that is made by hand, comes up and gets its MAC then keeps the
// link-local address of the MAC of before, and its packets from there are dropped. The port says which source that is
// and how to cure it; and the cure works.
func TestMACAfterLinkUp(t *testing.T) {
	t.Parallel()
	b, _ := pitfallBed(t, "---\n{kind: Port, name: hand, spec: {network: dual, node: node1}}\n")
	hand := b.plug("hand", "node1", func(c *lab.Container) { c.MAC = "02:00:00:00:0e:01" })
	mac := b.port("hand").Status.MAC
	inside := func(command string) string {
		t.Helper()
		out, err := hand.Exec(b.ctx, "sh", "-c", command)
		return must(b.bed, out, err)
	}
	old := model.LinkLocal(parsedMAC(b.bed, hand.MAC)).String()
	own := model.LinkLocal(parsedMAC(b.bed, mac)).String()
	inside("sysctl -qw net.ipv6.conf.eth0.addr_gen_mode=0 net.ipv6.conf.eth0.accept_dad=0; ip link set eth0 down; ip link set eth0 up")
	b.must(lab.PollFor(b.ctx, 20*time.Second, "the link-local address of the first MAC", func(context.Context) error {
		if out := inside("ip -6 addr show dev eth0 scope link"); !strings.Contains(out, old+"/64") || strings.Contains(out, "tentative") {
			return errors.New(out)
		}
		return nil
	}))
	inside("ip link set eth0 address " + mac)
	shows := func(want string) error {
		p, err := b.api.Port(b.ctx, "hand")
		if err != nil {
			return err
		}
		var all []string
		for _, c := range p.Status.Conditions {
			all = append(all, c.Reason+": "+c.Message+"; "+c.Action)
			if c.Reason == string(condition.SourceAddressMismatch) && strings.Contains(c.Message, want) && strings.Contains(c.Action, "down") {
				return nil
			}
		}
		return errors.New(strings.Join(all, "\n"))
	}
	b.must(lab.PollFor(b.ctx, time.Minute, "the port to say which source is dropped", func(context.Context) error {
		// A router solicitation, or whatever is sent from the address.
		_, _ = hand.Exec(b.ctx, "ping", "-6", "-c", "2", "-i", "0.2", "-W", "1", "-I", old+"%eth0", "ff02::2%eth0") // it has no answer
		return shows("sends from " + old + ", expected " + own)
	}))
	inside("ip link set eth0 down && ip link set eth0 up")
	b.must(lab.PollFor(b.ctx, 20*time.Second, "the link-local address of the port", func(context.Context) error {
		if out := inside("ip -6 addr show dev eth0 scope link"); !strings.Contains(out, own+"/64") || strings.Contains(out, old) {
			return errors.New(out)
		}
		return nil
	}))
}

// TestHostEndsUnmanaged is P-DHC-18: systemd-networkd, configured to ask for addresses by DHCP on all links of a node, leaves those of
// containers alone, by the file that the package has for it. Without the file it takes them: so the test can tell.
func TestHostEndsUnmanaged(t *testing.T) {
	t.Parallel()
	needs(t, networkdProgram)
	b, _ := pitfallBed(t, "")
	ports := []string{"c1", "c2", "c3"}
	for _, name := range ports {
		b.attach("node1", name, "--netns", b.namespace(name), "--network", "dual")
	}
	node := b.node("node1")
	if _, err := node.Exec(b.ctx, "sh", "-c", "ip link add other0 type veth peer name other1 && ip link set other0 up && ip link set other1 up"); err != nil {
		t.Fatal(err)
	}
	ours, err := os.ReadFile("../controller/sdnd/package/sdnctl.network")
	b.must(err)
	// state runs networkd until it has decided about other0, and returns how it administers some devices.
	state := func(with bool, devices ...string) map[string]string {
		t.Helper()
		files := map[string]string{"90-all.network": "[Match]\nName=sdn* other*\n[Network]\nDHCP=yes\n"}
		if with {
			files["10-sdnctl.network"] = string(ours)
		}
		n := b.networkd(node.Command, files)
		defer n.end()
		found := map[string]string{}
		b.must(lab.PollFor(b.ctx, 30*time.Second, "networkd to decide", func(context.Context) error {
			for _, d := range append([]string{"other0"}, devices...) {
				text, _ := n.link(ifindex(b.bed, node.Exec, d))
				_, rest, _ := strings.Cut(text, "ADMIN_STATE=")
				if found[d], _, _ = strings.Cut(rest, "\n"); found[d] == "" || found[d] == "pending" || found[d] == "initialized" {
					return fmt.Errorf("%s is %q", d, found[d])
				}
			}
			return nil
		}))
		return found
	}
	var devices []string
	for _, name := range ports {
		devices = append(devices, attach.HostName(name))
	}
	managed := func(s string) bool { return s == "configuring" || s == "configured" }
	for _, with := range []bool{false, true} {
		got := state(with, devices...)
		for _, d := range devices {
			if managed(got[d]) == with {
				t.Errorf("with the file of the package %s: %s is %q", strconv.FormatBool(with), d, got[d])
			}
		}
		if !managed(got["other0"]) {
			t.Errorf("with the file of the package %t: other0 is %q", with, got["other0"])
		}
	}
}
