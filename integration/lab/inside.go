package lab

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"runtime"

	"golang.org/x/sys/unix"
)

// Dial connects from within the container, as net.Dialer.DialContext does.
func (c *Container) Dial(ctx context.Context, network, address string) (conn net.Conn, err error) {
	err = inNetns(c.netnsPath(), func() (err error) {
		var d net.Dialer
		conn, err = d.DialContext(ctx, network, address)
		return err
	})
	return conn, err
}

// Listen listens within the container, as net.Listen does.
func (c *Container) Listen(network, address string) (l net.Listener, err error) {
	err = inNetns(c.netnsPath(), func() (err error) {
		l, err = net.Listen(network, address)
		return err
	})
	return l, err
}

// ListenPacket listens within the container, as net.ListenPacket does.
func (c *Container) ListenPacket(network, address string) (p net.PacketConn, err error) {
	err = inNetns(c.netnsPath(), func() (err error) {
		p, err = net.ListenPacket(network, address)
		return err
	})
	return p, err
}

// Inside calls f on a thread that is in the container's network namespace, and returns its
// result. Sockets that f opens belong to that namespace.
func (c *Container) Inside(f func() error) error { return inNetns(c.netnsPath(), f) }

// Inside calls f on a thread that is in the node's network namespace, as Container.Inside
// does.
func (n *Node) Inside(f func() error) error { return inNetns(netnsPath(n.Netns), f) }

// SendUDP sends a datagram from the node's own namespace and address.
func (n *Node) SendUDP(to netip.AddrPort, payload []byte) error {
	return sendUDP(netnsPath(n.Netns), to, payload)
}

// SendUDP sends a datagram from the controller's machine, which is not a node.
func (c *Controller) SendUDP(to netip.AddrPort, payload []byte) error {
	return sendUDP(netnsPath(c.lab.netns("hub")), to, payload)
}

func sendUDP(netns string, to netip.AddrPort, payload []byte) error {
	return inNetns(netns, func() error {
		conn, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(to))
		if err != nil {
			return err
		}
		_, err = conn.Write(payload)
		return errors.Join(err, conn.Close())
	})
}

// inNetns calls f on a thread that is in another network namespace. Sockets that f opens belong
// to that namespace.
func inNetns(path string, f func() error) error {
	result := make(chan error, 1)
	go func() {
		// The thread stays locked and ends with this goroutine, so that no other goroutine
		// ever runs in that namespace.
		runtime.LockOSThread()
		fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			result <- err
			return
		}
		if err = unix.Setns(fd, unix.CLONE_NEWNET); err == nil {
			err = f()
		}
		result <- errors.Join(err, unix.Close(fd))
	}()
	return <-result
}
