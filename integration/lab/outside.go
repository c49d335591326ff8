package lab

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os/exec"
)

// Outside is a machine that is neither a node nor the controller. It represents the internet.
// Nodes reach it by way of the hub, which is a router.
type Outside struct {
	// Addr and Addr6 are its addresses.
	Addr, Addr6 netip.Addr

	lab   *Lab
	netns string
}

// AddOutside creates the machine. mtu is the MTU in bytes of the link from the hub to it.
// RouteOutside gives nodes their default routes.
func (l *Lab) AddOutside(ctx context.Context, mtu int) (*Outside, error) {
	o := &Outside{
		Addr: netip.MustParseAddr("203.0.113.10"), Addr6: netip.MustParseAddr("2001:db8:113::10"),
		lab: l, netns: l.netns("outside"),
	}
	if err := l.addNetns(ctx, o.netns); err != nil {
		return nil, err
	}
	hub := l.netns("hub")
	for _, step := range [][2]string{
		{hub, fmt.Sprintf("link add outside mtu %d type veth peer name eth0 netns %s", mtu, o.netns)},
		{hub, "link set outside up"},
		{hub, "addr add 203.0.113.1/24 dev outside"},
		{hub, "addr add 2001:db8:113::1/64 dev outside nodad"},
		{o.netns, fmt.Sprintf("link set eth0 mtu %d up", mtu)},
		{o.netns, "addr add 203.0.113.10/24 dev eth0"},
		{o.netns, "addr add 2001:db8:113::10/64 dev eth0 nodad"},
		{o.netns, "route add default via 203.0.113.1"},
		{o.netns, "-6 route add default via 2001:db8:113::1"},
	} {
		if err := l.ip(ctx, step[0], "%s", step[1]); err != nil {
			return nil, err
		}
	}
	for _, forward := range []string{"net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1"} {
		if _, err := l.run(ctx, "nsenter", "--net="+netnsPath(hub), "sysctl", "-qw", forward); err != nil {
			return nil, err
		}
	}
	return o, errors.Join(l.noChecksumOffload(ctx, hub, "outside"), l.noChecksumOffload(ctx, o.netns, "eth0"))
}

// RouteOutside gives the node its default routes. They are gone after a reboot.
func (n *Node) RouteOutside(ctx context.Context) error {
	err := n.lab.ip(ctx, n.Netns, "route replace default via %s", n.lab.Controller.Addr)
	if n.Addr6.IsValid() {
		err = errors.Join(err, n.lab.ip(ctx, n.Netns, "-6 route replace default via %s", n.lab.Controller.Addr6))
	}
	return err
}

// Command returns a command that runs on the machine.
func (o *Outside) Command(ctx context.Context, args ...string) *exec.Cmd {
	return o.lab.command(ctx, append([]string{"nsenter", "--net=" + netnsPath(o.netns)}, args...)...)
}

// Listen listens on the machine, as net.Listen does.
func (o *Outside) Listen(network, address string) (l net.Listener, err error) {
	err = inNetns(netnsPath(o.netns), func() (err error) {
		l, err = net.Listen(network, address)
		return err
	})
	return l, err
}

// ListenPacket listens on the machine, as net.ListenPacket does.
func (o *Outside) ListenPacket(network, address string) (p net.PacketConn, err error) {
	err = inNetns(netnsPath(o.netns), func() (err error) {
		p, err = net.ListenPacket(network, address)
		return err
	})
	return p, err
}

// Inside runs a function in the machine's network namespace.
func (o *Outside) Inside(f func() error) error { return inNetns(netnsPath(o.netns), f) }

// Dial connects from the machine, as net.Dialer.DialContext does.
func (o *Outside) Dial(ctx context.Context, network, address string) (conn net.Conn, err error) {
	err = inNetns(netnsPath(o.netns), func() (err error) {
		var d net.Dialer
		conn, err = d.DialContext(ctx, network, address)
		return err
	})
	return conn, err
}
