package integration

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/sdnctl/sdnctl/integration/lab"
)

// TestClientMTU: P-ICM-06: who asks for the MTU of a network gets one number, by whatever way: that of the
// machines between, less the tunnel's overhead once. P-ICM-07: a machine that had 1500 bytes and takes
// what DHCP says can send much to another node.
func TestClientMTU(t *testing.T) {
	t.Parallel()
	needs(t, "busybox", "rdisc6")
	const mtu = "1450"
	b := newBed(t, 2)
	b.join("node1")
	b.join("node2")
	b.apply(nodes(2) + `
{kind: Network, name: blue, spec: {subnets: [{cidr: 10.7.0.0/24}, {cidr: "fd00:7::/64"}], ra: slaac, dhcp: {enabled: true}}}
---
{kind: Router, name: r, spec: {networks: [blue]}}
---
{kind: Port, name: vm, spec: {network: blue, node: node1}}
---
{kind: Port, name: far, spec: {network: blue, node: node2}}
`)
	far := b.plug("far", "node2")
	vm := b.plugBare("vm", "node1")
	b.bound("far")
	_, err := vm.c.Exec(b.ctx, "ip", "link", "set", "eth0", "mtu", "1500")
	b.must(err)
	p, err := b.api.Port(b.ctx, "vm")
	b.must(err)
	if got := fmt.Sprint(p.Status.MTU); got != mtu {
		t.Errorf("the API says %s, want %s", got, mtu)
	}
	vm.start("busybox", "udhcpc", "-f", "-i", "eth0", "-s", vm.script, "-T", "1", "-O", "mtu")
	vm.await("bound mtu=" + mtu + "\n")
	b.must(lab.PollFor(b.ctx, 20*time.Second, "a router advertisement", func(ctx context.Context) error {
		out, err := vm.c.Exec(ctx, "rdisc6", "-1", "eth0")
		for line := range strings.Lines(out) {
			if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "MTU" && strings.Fields(value)[0] == mtu {
				return nil
			}
		}
		return errors.Join(err, errors.New(out))
	}))
	_, err = vm.c.Exec(b.ctx, "ip", "link", "set", "eth0", "mtu", mtu) // as clients' own scripts do
	b.must(err)

	const size = 10 << 20
	l, err := far.Listen("tcp", ":81")
	b.must(err)
	defer l.Close()
	received := make(chan int64, 1)
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		n, _ := io.Copy(io.Discard, c) // what is missing is seen by n
		received <- n
	}()
	b.must(vm.c.Inside(func() error {
		conn, err := net.Dial("tcp", netip.AddrPortFrom(far.IP.Addr(), 81).String())
		if err != nil {
			return err
		}
		defer conn.Close()
		if err := conn.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
			return err
		}
		_, err = conn.Write(make([]byte, size))
		return err
	}))
	select {
	case n := <-received:
		if n != size {
			t.Errorf("%d of %d bytes arrive", n, size)
		}
	case <-time.After(30 * time.Second):
		t.Errorf("not all of %d bytes arrive", size)
	}
}
