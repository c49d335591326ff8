package integration

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sdnctl/sdnctl/integration/lab"
)

// bridged has two tenants with equal addresses that leave by a bridge of their node.
const bridged = `
{kind: Node, name: node1, spec: {tunnelIP: 172.16.56.2, uplinkAddresses: [192.0.2.65]}}
---
{kind: Node, name: node2, spec: {tunnelIP: 172.16.56.3}}
---
{kind: Uplink, name: ext, spec: {type: bridge, bridge: br-ex, subnet: 192.0.2.0/24, gateway: 192.0.2.1, addresses: [192.0.2.64/26]}}
---
{kind: Network, name: blue, spec: {subnets: [{cidr: 10.1.0.0/24}]}}
---
{kind: Network, name: red, spec: {subnets: [{cidr: 10.1.0.0/24}]}}
---
{kind: Router, name: blue, spec: {networks: [blue], egress: {uplink: ext}}}
---
{kind: Router, name: red, spec: {networks: [red], egress: {uplink: ext}}}
---
{kind: Port, name: blue1, labels: {app: web}, spec: {network: blue, node: node1, ips: [10.1.0.11]}}
---
{kind: Port, name: red1, spec: {network: red, node: node1, ips: [10.1.0.11]}}
---
{kind: Port, name: blue2, spec: {network: blue, ips: [10.1.0.12]}}
`

// bridgeBed is a bed whose nodes are part of an external network by a bridge.
type bridgeBed struct {
	*outsideBed
	far netip.Addr // behind the router of the external network
}

func newBridgeBed(t *testing.T) *bridgeBed {
	b := &bridgeBed{&outsideBed{bed: newBed(t, 2), c: map[string]*lab.Container{}}, netip.MustParseAddr("198.51.100.9")}
	var err error
	b.outside, err = b.AddExternal(b.ctx)
	b.must(err)
	for _, name := range []string{"node1", "node2"} {
		b.joinBridge(name)
	}
	b.apply(bridged)
	for port, node := range map[string]string{"blue1": "node1", "red1": "node1", "blue2": "node2"} {
		b.c[port] = b.plug(port, node)
	}
	b.bound("blue1", "red1", "blue2")
	b.serve()
	return b
}

// joinBridge joins a node with its bridge as an uplink.
func (b *bridgeBed) joinBridge(name string) {
	b.t.Helper()
	n := b.node(name)
	_, err := n.Exec(b.ctx, "sdnctl", "node", "join", name, "--uplink", "bridge:br-ex",
		"--controller", b.Controller.Addr.String(), "--tunnel-ip", n.Addr.String(), "--no-wait")
	b.must(err)
	if !slices.Contains(b.joined, n) {
		b.joined = append(b.joined, n)
	}
}

func (b *bridgeBed) part(name string, f func(*bridgeBed)) {
	b.run(name, func(_ *testing.T, part *bed) { f(&bridgeBed{&outsideBed{part, b.outside, b.c}, b.far}) })
}

// outAs checks that a container reaches an address outside, which sees it as another.
func (b *bridgeBed) outAs(from, network string, to netip.Addr, as string) {
	b.t.Helper()
	var seen netip.AddrPort
	err := lab.PollFor(b.ctx, 10*time.Second, from+" to reach outside by "+network, func(context.Context) error {
		s, conn, err := b.ask(from, network, to, 0)
		if err == nil {
			conn.Close()
			seen = s
		}
		return err
	})
	if err != nil {
		b.t.Error(err)
	} else if seen.Addr().String() != as {
		b.t.Errorf("%s by %s to %s is seen as %s, want %s", from, network, to, seen, as)
	}
}

// apart checks that two tenants with equal addresses and ports are different to a machine outside.
func (b *bridgeBed) apart(far netip.Addr) {
	b.t.Helper()
	blue, one, err := b.ask("blue1", "tcp", far, 5555)
	b.must(err)
	defer one.Close()
	red, two, err := b.ask("red1", "tcp", far, 5555)
	b.must(err)
	defer two.Close()
	if blue == red {
		b.t.Errorf("two tenants are seen as %s", blue)
	}
	b.echoes("blue", one)
	b.echoes("red", two)
}

// TestBridgeUplink: containers reach an external network by a bridge of their node, with the
// node's address there.
func TestBridgeUplink(t *testing.T) {
	t.Parallel()
	b := newBridgeBed(t)
	b.part("out by the node's address", func(b *bridgeBed) {
		for _, from := range []string{"blue1", "red1"} {
			b.outAs(from, "udp", b.outside.Addr, "192.0.2.65")
			for _, to := range []netip.Addr{b.outside.Addr, b.far} {
				b.outAs(from, "tcp", to, "192.0.2.65")
				if _, err := b.c[from].Reaches(b.ctx, to); err != nil {
					b.t.Errorf("%s: ping of %s: %v", from, to, err)
				}
			}
		}
		b.apart(b.far)
	})
	b.part("a node without an address", func(b *bridgeBed) {
		b.condition("blue", "UplinkAddressMissing", true)
		b.sdnctl("node", "set", "node2", "--uplink-address", "192.0.2.66", "--wait=20s")
		b.condition("blue", "UplinkAddressMissing", false)
		b.outAs("blue2", "tcp", b.far, "192.0.2.66")
	})
	b.part("P-NS-08: the gateway's MAC changes", func(b *bridgeBed) {
		_, live, err := b.ask("blue1", "tcp", b.far, 0)
		b.must(err)
		defer live.Close()
		for _, args := range [][]string{
			{"ip", "link", "set", "lan", "address", "0a:00:c0:00:02:99"},
			{"python3", "-c", `import socket
k, i = bytes.fromhex("0a00c0000299"), bytes([192, 0, 2, 1])
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind(("lan", 0))
s.send(b"\xff"*6 + k + bytes.fromhex("08060001080006040001") + k + i + bytes(6) + i)`},
		} {
			_, err := b.outside.Exec(b.ctx, args...)
			b.must(err)
		}
		b.echoes("after the gateway's MAC has changed", live)
	})
	b.part("P-NS-08: the gateway does not answer for a while", (*bridgeBed).gatewaySilent)
	b.part("P-NS-10, P-NS-15: the MAC of the bridge", (*bridgeBed).bridgeMAC)
	b.part("what stays shut", (*bridgeBed).shutOut)
	b.part("errors come back", func(b *bridgeBed) {
		err := b.c["blue1"].Inside(func() error {
			conn, err := net.Dial("udp", netip.AddrPortFrom(b.far, 99).String())
			if err != nil {
				return err
			}
			defer conn.Close()
			conn.SetDeadline(time.Now().Add(3 * time.Second))
			conn.Write([]byte("x"))
			_, err = conn.Read(make([]byte, 1))
			return err
		})
		if err == nil || !strings.Contains(err.Error(), "refused") {
			b.t.Errorf("UDP to a closed port: %v", err)
		}
	})
	b.part("P-NS-07: VXLAN by another port of the tunnel", (*bridgeBed).otherTunnelPort)
	b.part("the bridge is deleted", (*bridgeBed).bridgeDeleted)
	b.part("restart and tamper", (*bridgeBed).restartAndTamper)
	b.part("leaving removes the ports", (*bridgeBed).leaveBridge)
}

func (b *bridgeBed) shutOut() {
	blue := b.c["blue1"]
	sniffer, err := b.outside.Sniff("lan")
	b.must(err)
	b.must(blue.Inside(func() error {
		conn, err := net.Dial("udp", netip.AddrPortFrom(b.far, 4789).String())
		if err != nil {
			return err
		}
		defer conn.Close()
		for range 3 {
			conn.Write(lab.VXLANPacket(100, make([]byte, 60)))
		}
		return nil
	}))
	b.outAs("blue1", "tcp", b.far, "192.0.2.65") // sent after it
	frames, err := sniffer.Frames(b.ctx)
	b.must(err)
	b.must(sniffer.Close())
	for _, f := range frames {
		if vni, _, ok := f.VXLAN(); ok && vni == 100 {
			b.t.Errorf("VXLAN of a container is outside: %v", f)
		}
	}
	// Nothing begins outside, not even what names the addresses between the translations.
	if out, err := b.outside.Exec(b.ctx, "ping", "-n", "-c", "1", "-W", "0.4", "192.0.2.65"); err == nil {
		b.t.Errorf("the node's address answers: %s", out)
	}
}

// otherTunnelPort: nodes whose tunnels have another UDP port let nothing leave to that one either.
func (b *bridgeBed) otherTunnelPort() {
	tunnels := func(port string) {
		for _, name := range []string{"node1", "node2"} {
			_, err := b.node(name).VSCtl(b.ctx, "set", "interface", "vxlan-sdn", "external_ids:sdnctl-dst-port="+port)
			b.must(err)
		}
	}
	tunnels("4790")
	b.must(lab.PollFor(b.ctx, 10*time.Second, "the flow for the other port", func(ctx context.Context) error {
		out, err := b.node("node1").Exec(ctx, "ovs-ofctl", "-O", "OpenFlow13", "dump-flows", "br-int", "table=91,udp,tp_dst=4790")
		if err == nil && !strings.Contains(out, "actions=drop") {
			err = fmt.Errorf("none: %s", out)
		}
		return err
	}))
	sniffer, err := b.outside.Sniff("lan")
	b.must(err)
	for _, port := range []uint16{4789, 4790, 4791} {
		b.must(b.c["blue1"].Inside(func() error {
			conn, err := net.Dial("udp", netip.AddrPortFrom(b.far, port).String())
			if err != nil {
				return err
			}
			defer conn.Close()
			_, err = conn.Write([]byte("forged"))
			return err
		}))
	}
	b.outAs("blue1", "tcp", b.far, "192.0.2.65") // sent after it
	frames, err := sniffer.Frames(b.ctx)
	b.must(err)
	b.must(sniffer.Close())
	seen := map[byte]bool{}
	for _, f := range frames {
		if at := bytes.Index(f.Data, []byte("forged")); at >= 8 {
			seen[f.Data[at-5]] = true // the low byte of the destination port
		}
	}
	if !seen[4791%256] || seen[4790%256] || seen[4789%256] {
		b.t.Errorf("of 4789, 4790 and 4791 there left (low bytes) %v, want 4791 alone", seen)
	}
	got := b.changes(func() {
		b.must(b.Controller.Stop(b.ctx, syscall.SIGTERM))
		b.must(b.Controller.Start(b.ctx))
	}, "node1")
	if got["node1"] != 0 {
		b.t.Errorf("a restart of sdnd changed flows: %v", got)
	}
	tunnels("4789")
	b.settle()
}

// bridgeDeleted: sdnd notices that the bridge of an uplink is gone, and that it is back.
func (b *bridgeBed) bridgeDeleted() {
	n := b.node("node2")
	_, err := n.VSCtl(b.ctx, "del-br", lab.ExternalBridge)
	b.must(err)
	b.condition("blue", "UplinkSevered", true)
	_, err = n.VSCtl(b.ctx, "add-br", lab.ExternalBridge, "--", "set", "bridge", lab.ExternalBridge, "datapath_type=netdev", "--", "add-port", lab.ExternalBridge, "ex")
	b.must(err)
	b.condition("blue", "UplinkSevered", true) // its port to br-int is missing still
	b.joinBridge("node2")
	b.condition("blue", "UplinkSevered", false)
	b.outAs("blue2", "tcp", b.far, "192.0.2.66")
}

func (b *bridgeBed) restartAndTamper() {
	_, live, err := b.ask("blue1", "tcp", b.far, 0)
	b.must(err)
	defer live.Close()
	n := b.node("node1")
	if got := b.changes(func() {
		b.must(b.Controller.Stop(b.ctx, syscall.SIGTERM))
		b.must(b.Controller.Start(b.ctx))
	}, "node1"); got["node1"] != 0 {
		b.t.Errorf("a restart of sdnd changed flows: %v", got)
	}
	b.echoes("after a restart of sdnd", live)
	for _, table := range []int{4, 117, 118, 119} {
		_, err := n.Exec(b.ctx, "ovs-ofctl", "-O", "OpenFlow13", "del-flows", "br-int", fmt.Sprintf("table=%d", table))
		b.must(err)
	}
	b.settle()
	b.outAs("blue1", "tcp", b.far, "192.0.2.65")
	b.echoes("after others deleted flows", live)
}

func (b *bridgeBed) leaveBridge() {
	b.joinBridge("node1") // again: nothing changes
	b.outAs("blue1", "tcp", b.far, "192.0.2.65")
	n := b.node("node1")
	_, err := n.Exec(b.ctx, "sdnctl", "node", "leave", "--force")
	b.must(err)
	b.joined = slices.DeleteFunc(b.joined, func(o *lab.Node) bool { return o == n })
	out, err := n.VSCtl(b.ctx, "list-ports", "br-ex")
	if strings.TrimSpace(out) != "ex" {
		b.t.Errorf("br-ex has the ports %q after the node left, want ex alone", out)
	}
}
