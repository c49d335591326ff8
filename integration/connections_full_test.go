package integration

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"regexp"
	"time"

	"github.com/sdnctl/sdnctl/integration/lab"
)

// kernelConnections: a port that begins connections to ever more destinations takes a quarter of the table of
// connections of its node's kernel, and is refused at once when it wants more. The node itself and other routers have room.
func (b *outsideBed) kernelConnections() {
	const table, quarter = 1 << 16, 1 << 14
	n := b.node("node1")
	script := n.Dir + "/sdnctl/uplink"
	for _, args := range [][]string{
		{"sed", "-i", fmt.Sprintf("s/most=$(cat .*)/most=%d/", table), script}, // as on a machine with little memory
		{script, "start"},
	} {
		_, err := n.Exec(b.ctx, args...)
		b.must(err)
	}
	begun := regexp.MustCompile(` dport=200[0-3] `)
	entries := func() int { // of those that fill begins; others may be left of what was tried before
		out, err := n.Exec(b.ctx, "cat", "/proc/net/nf_conntrack")
		b.must(err)
		return len(begun.FindAllString(out, -1))
	}
	most := 0
	fill := func() {
		b.must(b.c["blue1"].Inside(func() error {
			for i := range 10000 {
				c, err := net.ListenUDP("udp4", &net.UDPAddr{Port: 20000 + i})
				if err != nil {
					return err
				}
				for port := range uint16(4) {
					_, _ = c.WriteToUDPAddrPort([]byte("x"), netip.AddrPortFrom(b.outside.Addr, 2000+port)) // it may be refused
				}
				c.Close()
			}
			return nil
		}))
	}
	b.must(lab.PollFor(b.ctx, time.Minute, "blue1 to take its part of the kernel's connections", func(context.Context) error {
		fill()
		count := entries()
		most = max(most, count)
		if count < quarter*9/10 {
			return fmt.Errorf("it has %d", count)
		}
		return nil
	}))
	if most > quarter {
		b.t.Errorf("the kernel has %d connections, a quarter of its table is %d", most, quarter)
	}
	b.refused(b.port("blue1"), "udp", netip.AddrPortFrom(b.outside.Addr, 2004))
	b.leaves("red1", "tcp", b.outside.Addr)
	b.leaves("red1", "udp", b.outside.Addr)
	if _, conn, err := b.connect(b.host("node1"), "tcp", netip.AddrPortFrom(b.outside.Addr, 80), 0, 3*time.Second); err != nil {
		b.t.Errorf("the node itself: %v", err)
	} else {
		conn.Close()
	}
	b.joinUplink("node1") // with its own table again
	b.leaves("blue1", "tcp", b.outside.Addr)
}
