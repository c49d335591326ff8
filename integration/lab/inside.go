package lab

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"runtime"

	"github.com/vishvananda/netns"
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
		// A thread that cannot return stays locked and ends with this goroutine, so that no other
		// goroutine ever runs in that namespace. The process's first thread cannot end: it would
		// hold the namespace as long as the process lives.
		runtime.LockOSThread()
		own, err := netns.Get()
		if err != nil {
			result <- err
			return
		}
		other, err := netns.GetFromPath(path)
		if err != nil {
			result <- errors.Join(err, own.Close())
			return
		}
		if err = netns.Set(other); err == nil {
			err = f()
		}
		back := netns.Set(own)
		if back == nil {
			runtime.UnlockOSThread()
		}
		result <- errors.Join(err, back, own.Close(), other.Close())
	}()
	return <-result
}
