package integration

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"
	"time"

	"github.com/sdnctl/sdnctl/integration/lab"
)

// errorSources: P-ICM-03: what a machine outside sends to a node port and what cannot get to the backend, as
// its TTL ends at the node or it is too large for the backend's network, is answered by an ICMP error from
// the address that the machine used. The node has two.
func (b *nodePortBed) errorSources() {
	second := netip.MustParseAddr("172.16.57.2")
	n := b.node("node1")
	_, err := n.Exec(b.ctx, "ip", "addr", "add", second.String()+"/32", "dev", "lo")
	b.must(err)
	b.must(b.Controller.Command(b.ctx, "ip", "route", "add", second.String(), "via", n.Addr.String()).Run()) // in the hub, which routes
	for _, addr := range []netip.Addr{n.Addr, second} {
		b.answers("udp", netip.AddrPortFrom(addr, 30080).String(), "web1", "web2")
		for _, c := range []struct {
			what       string
			ttl, size  int
			kind, code byte // of ICMP
		}{
			{"its TTL ends", 2, 10, 11, 0}, // the hub is a hop, too
			{"too large", 64, 1472, 3, 4},
		} {
			sniffer, err := b.outside.Sniff("eth0")
			b.must(err)
			b.must(lab.PollFor(b.ctx, 20*time.Second, fmt.Sprintf("an error from %s: %s", addr, c.what), func(ctx context.Context) error {
				if err := b.sendUDP(netip.AddrPortFrom(addr, 30080), c.ttl, c.size); err != nil {
					return err
				}
				frames, err := sniffer.Frames(ctx)
				seen := ""
				for _, f := range frames {
					// IPv4 without options, and ICMP in it (RFC 792).
					if f.Sent || f.EtherType() != 0x0800 || len(f.Data) < 42 || f.Data[23] != 1 || f.Data[34] != c.kind || f.Data[35] != c.code {
						continue
					}
					from, _ := netip.AddrFromSlice(f.Data[26:30])
					if from == addr {
						return nil
					}
					seen += " " + from.String()
				}
				return errors.Join(err, fmt.Errorf("there are errors of%s only", seen))
			}))
			b.must(sniffer.Close())
		}
	}
	b.must(b.Controller.Command(b.ctx, "ip", "route", "del", second.String()).Run())
	_, err = n.Exec(b.ctx, "ip", "addr", "del", second.String()+"/32", "dev", "lo")
	b.must(err)
}

// sendUDP sends a datagram from outside that may not be fragmented.
func (b *nodePortBed) sendUDP(to netip.AddrPort, ttl, size int) error {
	return b.outside.Inside(func() error {
		d := net.Dialer{Control: func(_, _ string, c syscall.RawConn) error {
			var set error
			err := c.Control(func(fd uintptr) {
				set = errors.Join(
					syscall.SetsockoptInt(int(fd), syscall.IPPROTO_IP, syscall.IP_TTL, ttl),
					syscall.SetsockoptInt(int(fd), syscall.IPPROTO_IP, syscall.IP_MTU_DISCOVER, syscall.IP_PMTUDISC_PROBE))
			})
			return errors.Join(err, set)
		}}
		conn, err := d.DialContext(b.ctx, "udp", to.String())
		if err != nil {
			return err
		}
		defer conn.Close()
		_, err = conn.Write(make([]byte, size))
		return err
	})
}
