package integration

import (
	"bytes"
	"io"
	"net"
	"net/netip"
	"strings"
	"time"
)

// narrowPath: a port sends much by TCP to a machine outside behind a path with an MTU of 1280 bytes,
// by both families. It learns of that by ICMP errors about packets that have been translated.
func (b *outsideBed) narrowPath() {
	const size = 1 << 18
	for _, to := range []netip.Addr{b.outside.Addr, b.outside.Addr6} {
		hub := func(do string) { // which routes
			b.must(b.Controller.Command(b.ctx, "ip", "route", do, to.String(), "dev", "outside", "mtu", "1280").Run())
		}
		hub("add")
		_, c, err := b.ask("blue1", "tcp", to, 0)
		b.must(err)
		b.must(c.SetDeadline(time.Now().Add(10 * time.Second)))
		go func() {
			_, _ = c.Write(bytes.Repeat([]byte{'x'}, size)) // what comes back is counted
			_ = c.(*net.TCPConn).CloseWrite()
		}()
		if n, err := io.Copy(io.Discard, c); n < size || err != nil {
			b.t.Errorf("%s: %d of %d bytes came back: %v", to, n, size, err)
		}
		b.must(c.Close())
		if out, err := b.c["blue1"].Exec(b.ctx, "ip", "route", "get", to.String()); err != nil || !strings.Contains(out, "mtu 1280") {
			b.t.Errorf("the MTU of the way to %s is not learned: %q, %v", to, out, err)
		}
		hub("del")
		_, err = b.c["blue1"].Exec(b.ctx, "ip", "route", "flush", "cache")
		b.must(err)
	}
}
