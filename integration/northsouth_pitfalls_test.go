package integration

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/sdnctl/sdnctl/integration/lab"
)

// racedPairs: P-NS-13: two ports with the same address send from the same port to the same
// destination at the same moment. Both get their answers.
func (b *outsideBed) racedPairs() {
	const pairs, first = 1000, 21000
	to := net.UDPAddrFromAddrPort(netip.AddrPortFrom(b.outside.Addr, 80))
	lost := 0
	for i := range pairs {
		var both sync.WaitGroup
		var failed [2]error
		begin := make(chan struct{})
		for k, from := range []string{"blue1", "red1"} {
			c, err := b.c[from].ListenPacket("udp4", fmt.Sprintf(":%d", first+i))
			b.must(err)
			both.Go(func() {
				defer c.Close()
				<-begin
				_, err := c.WriteTo([]byte(from), to)
				buf := make([]byte, 64)
				n := 0
				if err == nil {
					err = c.SetReadDeadline(time.Now().Add(3 * time.Second))
				}
				if err == nil {
					n, _, err = c.ReadFrom(buf)
				}
				if err == nil && !strings.HasSuffix(string(buf[:n]), from) {
					err = fmt.Errorf("%s has the answer %q", from, buf[:n])
				}
				failed[k] = err
			})
		}
		close(begin)
		both.Wait()
		if err := errors.Join(failed[:]...); err != nil {
			b.t.Logf("pair %d: %v", i, err)
			lost++
		}
	}
	if lost > 0 {
		b.t.Errorf("%d of %d pairs have not both been answered", lost, pairs)
	}
}

// ownVXLAN: P-NS-14: ports send VXLAN to each other, on one node and on two.
func (b *outsideBed) ownVXLAN() {
	for _, to := range []string{"blue2", "blue1"} {
		at, err := b.c[to].ListenPacket("udp4", ":4789")
		b.must(err)
		from := map[string]string{"blue1": "blue2", "blue2": "blue1"}[to]
		b.must(b.c[from].Inside(func() error {
			c, err := net.Dial("udp4", netip.AddrPortFrom(b.c[to].IP.Addr(), 4789).String())
			if err != nil {
				return err
			}
			_, err = c.Write(lab.VXLANPacket(7, make([]byte, 60)))
			return errors.Join(err, c.Close())
		}))
		b.must(at.SetReadDeadline(time.Now().Add(3 * time.Second)))
		if _, _, err := at.ReadFrom(make([]byte, 128)); err != nil {
			b.t.Errorf("VXLAN from %s to %s: %v", from, to, err)
		}
		b.must(at.Close())
	}
}

// tunnelsUntracked: P-NS-06: tunnel packets take no entries in the table of connections of the node's
// kernel.
func (b *outsideBed) tunnelsUntracked() {
	const packets = 200
	n := b.node("node1")
	entries := func() (count int) {
		out, err := n.Exec(b.ctx, "cat", "/proc/sys/net/netfilter/nf_conntrack_count")
		b.must(err)
		count, err = strconv.Atoi(strings.TrimSpace(out))
		b.must(err)
		return count
	}
	for _, port := range []uint16{4789, 4788} {
		before := entries()
		for range packets {
			b.must(n.SendUDP(netip.AddrPortFrom(b.Controller.Addr, port), []byte("x")))
			b.must(b.Controller.SendUDP(netip.AddrPortFrom(n.Addr, port), []byte("x")))
		}
		grown := entries() - before
		if tracked := grown >= packets; tracked != (port == 4788) {
			b.t.Errorf("%d entries more after %d packets each way to UDP port %d", grown, packets, port)
		}
	}
}

// gatewaySilent: P-NS-08: the gateway of the uplink does not answer for a while. The node asks
// again, and packets leave soon after it answers.
func (b *bridgeBed) gatewaySilent() {
	answers := func(ignore string) {
		_, err := b.outside.Exec(b.ctx, "sysctl", "-q", "-w", "net.ipv4.conf.lan.arp_ignore="+ignore)
		b.must(err)
	}
	answers("8")                                                               // to no request
	_, err := b.node("node1").OFCtl(b.ctx, "del-flows", "br-int", "table=118") // as if its lease of an hour were over
	b.must(err)
	sniffer, err := b.outside.Sniff("to-node1")
	b.must(err)
	defer sniffer.Close()
	tries := func() error {
		_, conn, err := b.connect(b.port("blue1"), "udp", netip.AddrPortFrom(b.outside.Addr, 80), 0, 200*time.Millisecond)
		if err == nil {
			conn.Close()
		}
		return err
	}
	b.must(lab.PollFor(b.ctx, 20*time.Second, "node1 to ask three times", func(ctx context.Context) error {
		if err := tries(); err == nil {
			return errors.New("the gateway is reached")
		}
		frames, err := sniffer.Frames(ctx)
		asked := 0
		for _, f := range frames {
			if a, ok := f.ARP(); ok && a.Op == lab.ARPRequest && a.TargetIP == b.outside.Addr {
				asked++
			}
		}
		if err == nil && asked < 3 {
			err = fmt.Errorf("it has asked %d times", asked)
		}
		return err
	}))
	answers("0")
	b.must(lab.PollFor(b.ctx, 20*time.Second, "packets to leave again", func(context.Context) error { return tries() }))
}

// bridgeMAC: P-NS-10, P-NS-15: the administrator's bridge keeps the MAC of its network card,
// whatever joins and is plugged in.
func (b *bridgeBed) bridgeMAC() {
	n := b.node("node1")
	// Open vSwitch gives a bridge the MAC of a card, but not of an interface whose MAC is made up.
	_, err := n.Exec(b.ctx, "ip", "link", "set", "ex", "address", "00:16:3e:00:00:99")
	b.must(err)
	_, err = n.VSCtl(b.ctx, "set", "interface", "ex", "external_ids:card=yes") // has it look
	b.must(err)
	mac := func(of string) string {
		out, err := n.Exec(b.ctx, "cat", "/sys/class/net/"+of+"/address")
		b.must(err)
		return strings.TrimSpace(out)
	}
	keeps := func(when string) {
		b.t.Helper()
		if bridge, card := mac(lab.ExternalBridge), mac("ex"); bridge != card {
			b.t.Errorf("%s the bridge has the MAC %s, its network card %s", when, bridge, card)
		}
	}
	keeps("after the node has joined")
	for i := range 3 {
		name := fmt.Sprintf("low%d", i)
		b.apply(fmt.Sprintf(`{kind: Port, name: %s, spec: {network: blue, node: node1, mac: "00:16:3e:00:00:0%d"}}`, name, i+1))
		b.c[name] = b.plug(name, "node1")
		b.bound(name)
	}
	keeps("with ports of low MACs")
	b.outAs("blue1", "tcp", b.far, "192.0.2.65")
	_, err = n.Exec(b.ctx, "sdnctl", "node", "join", "node1", "--uplink", "none",
		"--controller", b.Controller.Addr.String(), "--tunnel-ip", n.Addr.String(), "--no-wait")
	b.must(err)
	keeps("after the uplink is gone")
	b.joinBridge("node1")
	keeps("after it has joined again")
	b.outAs("blue1", "tcp", b.far, "192.0.2.65")
}
