package integration

import (
	"context"
	"net"
	"net/netip"
	"strconv"

	"github.com/sdnctl/sdnctl/integration/lab"
)

// reservedForNode checks that ports do not reach what the node itself reaches: sdnd, metadata services, and the node.
func (b *outsideBed) reservedForNode() {
	n, hub := b.node("node1"), b.Controller
	const metadata, own = "169.254.169.254", 8090
	for _, cmd := range []interface{ Run() error }{
		b.outside.Command(b.ctx, "ip", "addr", "add", metadata+"/32", "dev", "lo"),
		hub.Command(b.ctx, "ip", "route", "add", metadata, "via", b.outside.Addr.String(), "dev", "outside"), // in the hub, which routes
	} {
		b.must(cmd.Run())
	}
	var l net.Listener
	b.must(n.Inside(func() (err error) {
		l, err = net.Listen("tcp", ":"+strconv.Itoa(own))
		return err
	}))
	defer l.Close()
	dials := func(from end, to netip.AddrPort) error {
		ctx, cancel := context.WithTimeout(b.ctx, briefly)
		defer cancel()
		return from.inside(func() error {
			var d net.Dialer
			conn, err := d.DialContext(ctx, "tcp", to.String())
			if err == nil {
				err = conn.Close()
			}
			return err
		})
	}
	for _, door := range []struct {
		what string
		port uint16
		at   []netip.Addr
	}{
		// Without TLS the API does not listen, and only the address is known that the node uses; with it: TestEnroll.
		{"sdnd's OpenFlow", 6653, []netip.Addr{hub.Addr}},
		{"sdnd's OVSDB", 6640, []netip.Addr{hub.Addr}},
		{"a metadata service", 80, []netip.Addr{netip.MustParseAddr(metadata)}},
		{"a program of the node", own, []netip.Addr{n.Addr, n.Addr6, netip.MustParseAddr("198.18.0.1"), netip.MustParseAddr("fd73:646e:6374::1")}},
	} {
		for _, a := range door.at {
			to := netip.AddrPortFrom(a, door.port)
			if err := lab.PollFor(b.ctx, servicePatience, "node1 to reach "+to.String(), func(context.Context) error { return dials(b.host("node1"), to) }); err != nil {
				b.t.Errorf("%s is not there, so its door is not tried: %v", door.what, err)
			}
			if err := dials(b.port("blue1"), to); err == nil {
				b.t.Errorf("%s (%s) is reached", door.what, to)
			}
		}
	}
	for _, to := range []string{n.Addr.String(), n.Addr6.String(), "198.18.0.1", metadata} {
		if out, err := b.c["blue1"].Exec(b.ctx, "ping", "-n", "-c", "1", "-W", "0.4", to); err == nil {
			b.t.Errorf("%s answers: %s", to, out)
		}
	}
}
