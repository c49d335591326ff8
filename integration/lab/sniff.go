package lab

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Sniffer records every frame that passes an interface (packet(7)).
type Sniffer struct {
	netns, iface string
	fd           int
	done         chan struct{}

	mu      sync.Mutex // guards frames and markers
	frames  []Frame
	markers map[byte]bool
	next    byte
}

// Sniff records what passes the container's eth0.
func (c *Container) Sniff() (*Sniffer, error) { return sniff(c.netnsPath(), "eth0") }

// SniffUnderlay records the frames on the node's link to the underlay, at the hub's end. So
// frames from the node do not have Sent set.
func (n *Node) SniffUnderlay() (*Sniffer, error) {
	return sniff(netnsPath(n.lab.netns("hub")), "to-"+n.Name)
}

// sniff starts a recording, which includes all frames after it returns. The caller must call
// Close.
func sniff(netns, iface string) (*Sniffer, error) {
	s := &Sniffer{netns: netns, iface: iface, done: make(chan struct{}), markers: map[byte]bool{}}
	err := inNetns(netns, func() (err error) {
		s.fd, _, err = packetSocket(iface)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("sniff on %s in %s: %w", iface, netns, err)
	}
	go s.receive()
	return s, nil
}

// receive runs until Close shuts the socket.
func (s *Sniffer) receive() {
	defer close(s.done)
	buf := make([]byte, 1<<16)
	for {
		n, from, err := unix.Recvfrom(s.fd, buf, 0)
		if errors.Is(err, unix.EINTR) || errors.Is(err, unix.EAGAIN) {
			// A timeout of the socket, after which to check for Close.
			if s.closing() {
				return
			}
			continue
		}
		if err != nil {
			return
		}
		link, ok := from.(*unix.SockaddrLinklayer)
		f := Frame{At: time.Now(), Sent: ok && link.Pkttype == unix.PACKET_OUTGOING, Data: slices.Clone(buf[:n])}
		s.mu.Lock()
		if f.EtherType() == etherMarker && [6]byte(f.Data[6:12]) == [6]byte{} {
			s.markers[f.Data[14]] = true
		} else {
			s.frames = append(s.frames, f)
		}
		s.mu.Unlock()
	}
}

func (s *Sniffer) closing() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.markers == nil
}

// Frames returns the frames recorded so far. It sends a marker through the same interface and
// waits until the sniffer has seen it.
func (s *Sniffer) Frames(ctx context.Context) ([]Frame, error) {
	s.mu.Lock()
	s.next++
	id := s.next
	s.mu.Unlock()
	marker := ethernet(make(net.HardwareAddr, 6), make(net.HardwareAddr, 6), etherMarker)
	marker = append(marker, id)
	// The marker needs another socket: a packet(7) socket does not receive its own frames.
	if err := send(s.netns, s.iface, marker); err != nil {
		return nil, err
	}
	err := PollFor(ctx, 5*time.Second, "the sniffer's marker", func(context.Context) error {
		s.mu.Lock()
		defer s.mu.Unlock()
		if !s.markers[id] {
			return errors.New("not seen")
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.frames), nil
}

// Close ends the recording.
func (s *Sniffer) Close() error {
	s.mu.Lock()
	s.markers = nil
	s.mu.Unlock()
	<-s.done
	return unix.Close(s.fd)
}

// Send sends one frame as it is out of the container's eth0.
func (c *Container) Send(frame []byte) error { return send(c.netnsPath(), "eth0", frame) }

func send(netns, iface string, frame []byte) error {
	return inNetns(netns, func() error {
		fd, ifindex, err := packetSocket(iface)
		if err != nil {
			return err
		}
		return errors.Join(
			unix.Sendto(fd, frame, 0, &unix.SockaddrLinklayer{Ifindex: ifindex}),
			unix.Close(fd))
	})
}

// packetSocket opens a raw socket on an interface of the current namespace.
func packetSocket(iface string) (fd, ifindex int, err error) {
	i, err := net.InterfaceByName(iface)
	if err != nil {
		return 0, 0, err
	}
	const all = unix.ETH_P_ALL<<8&0xff00 | unix.ETH_P_ALL>>8 // in network byte order
	fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, all)
	if err != nil {
		return 0, 0, err
	}
	err = errors.Join(
		unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: all, Ifindex: i.Index}),
		unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Usec: 50_000}))
	if err != nil {
		return 0, 0, errors.Join(err, unix.Close(fd))
	}
	return fd, i.Index, nil
}
