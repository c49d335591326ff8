package traffic

import (
	"errors"
	"fmt"
	"io"
	"net/netip"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/sdnctl/sdnctl/integration/lab"
)

// Host is a container with servers.
type Host struct {
	*lab.Container

	running sync.WaitGroup

	mu      sync.Mutex // guards what follows
	servers []io.Closer
	served  map[service]bool
	// streams has the streams that may be started towards this host, by number.
	streams map[uint64]*Stream
	next    uint64
	conns   map[io.Closer]bool
}

// service is a protocol and port that a host serves.
type service struct {
	protocol Protocol
	port     uint16
}

// NewHost makes a host of a container that serves nothing; its kernel answers pings.
func NewHost(c *lab.Container) (*Host, error) {
	h := &Host{Container: c, served: map[service]bool{}, streams: map[uint64]*Stream{}, conns: map[io.Closer]bool{}}
	if err := h.serveSCTP(); err != nil {
		return nil, errors.Join(fmt.Errorf("container %q: %w", c.Name, err), h.Close())
	}
	return h, nil
}

// Serve offers a service at all addresses, of both families, until Close.
func (h *Host) Serve(p Protocol, port uint16) error {
	var err error
	switch p {
	case TCP:
		err = h.serveTCP(port)
	case UDP:
		err = h.serveUDP(port)
	}
	if err != nil {
		return fmt.Errorf("container %q: serve %v port %d: %w", h.Name, p, port, err)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.served[service{p, port}] = true
	return nil
}

// serves reports whether a service is offered.
func (h *Host) serves(p Protocol, port uint16) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.served[service{p, port}]
}

// Address returns the host's address of the family that other has, and whether it
// has one.
func (h *Host) Address(other netip.Addr) (netip.Addr, bool) {
	for _, a := range h.Addresses() {
		if a.BitLen() == other.BitLen() {
			return a, true
		}
	}
	return netip.Addr{}, false
}

// Close ends the servers and all connections with them.
func (h *Host) Close() error {
	h.mu.Lock()
	var errs []error
	for _, s := range h.servers {
		errs = append(errs, s.Close())
	}
	for c := range h.conns {
		_ = c.Close() // the client may have reset it
	}
	h.mu.Unlock()
	h.running.Wait()
	return errors.Join(errs...)
}

// own registers a server, to be closed with the host, and runs it.
func (h *Host) own(s io.Closer, run func()) {
	h.mu.Lock()
	h.servers = append(h.servers, s)
	h.mu.Unlock()
	h.running.Go(run)
}

// inside calls f on a thread in the host's namespace.
func (h *Host) inside(f func() error) error {
	if err := h.Inside(f); err != nil {
		return fmt.Errorf("container %q: %w", h.Name, err)
	}
	return nil
}

// sockaddr is an address as system calls take it.
func sockaddr(a netip.AddrPort) unix.Sockaddr {
	if a.Addr().Is4() {
		return &unix.SockaddrInet4{Port: int(a.Port()), Addr: a.Addr().As4()}
	}
	return &unix.SockaddrInet6{Port: int(a.Port()), Addr: a.Addr().As16()}
}

// domain is the address family of sockets.
func domain(a netip.Addr) int {
	if a.Is4() {
		return unix.AF_INET
	}
	return unix.AF_INET6
}
