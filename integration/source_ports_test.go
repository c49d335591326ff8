package integration

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/sdnctl/sdnctl/integration/lab"
)

// sourcePorts: P-NS-05: one port takes its part of the source ports to one destination, and no
// more. What finds none free is counted and a condition of its node. Other ports of its router,
// other routers and other destinations have theirs, and so has the port once its connections end.
func (b *outsideBed) sourcePorts() {
	const part = 16128
	to := netip.AddrPortFrom(b.outside.Addr, 81) // nothing listens there
	b.apply(`{kind: Port, name: blue3, spec: {network: blue, node: node1, ips: [10.1.0.13, "fd00:0:0:1::13"]}}`)
	b.c["blue3"] = b.plug("blue3", "node1")
	b.bound("blue3")
	b.settle()
	sends := func(from string, first, n int) {
		b.must(b.c[from].Inside(func() error {
			for i := range n {
				c, err := net.DialUDP("udp4", &net.UDPAddr{Port: first + i}, net.UDPAddrFromAddrPort(to))
				if err != nil {
					return err
				}
				_, err = c.Write([]byte("hello"))
				c.Close()
				if err != nil && !strings.Contains(err.Error(), "refused") {
					return err
				}
			}
			return nil
		}))
	}
	has := func(want bool) {
		b.t.Helper()
		b.must(lab.PollFor(b.ctx, 20*time.Second, "the condition of node1", func(ctx context.Context) error {
			n, err := b.api.Node(ctx, "node1")
			if err != nil {
				return err
			}
			for _, c := range n.Status.Conditions {
				if c.Reason == "SourcePortsExhausted" {
					if want && strings.Contains(c.Message, "of blue for a port") {
						return nil
					}
					return fmt.Errorf("it has %q", c.Message)
				}
			}
			if want {
				return fmt.Errorf("it has only %v", n.Status.Conditions)
			}
			return nil
		}))
	}
	entries := func(from string) (n int) {
		out, err := b.node("node1").AppCtl(b.ctx, "dpctl/dump-conntrack")
		b.must(err)
		for line := range strings.Lines(out) {
			if strings.Contains(line, fmt.Sprintf("orig=(src=%s,dst=%s,", b.c[from].IP.Addr(), to.Addr())) && strings.Contains(line, "dport=81)") {
				n++
			}
		}
		return n
	}
	// A burst loses packets on its way to the switch, so all is sent again until each has an entry.
	fills := func(from string, first, n, want int) {
		b.t.Helper()
		b.must(lab.PollFor(b.ctx, 20*time.Second, fmt.Sprintf("%s to have %d connections", from, want), func(context.Context) error {
			sends(from, first, n)
			if n := entries(from); n < want {
				return fmt.Errorf("it has %d", n)
			}
			return nil
		}))
	}
	fills("blue1", 20000, part/2, part/2)
	has(false)
	fills("blue1", 20000+part/2, part, part)
	has(true)
	if n := entries("blue1"); n != part {
		b.t.Errorf("blue1 has %d connections to %s, want %d", n, to, part)
	}
	fills("blue3", 30000, 100, 100) // another port of its router
	b.leaves("blue1", "udp", b.outside.Addr)
	b.leaves("red1", "udp", b.outside.Addr)
	_, err := b.node("node1").AppCtl(b.ctx, "dpctl/flush-conntrack")
	b.must(err)
	fills("blue1", 50000, 100, 100)
}
