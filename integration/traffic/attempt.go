package traffic

import (
	"errors"
	"math/rand/v2"
	"net/netip"
	"os"

	"golang.org/x/sys/unix"
)

// attempt is one try of a probe: a socket that never blocks.
type attempt struct {
	Probe
	verdict *Verdict
	fd      int   // -1: closed
	events  int16 // what is waited for
	port    uint16
}

// question is the text that is echoed.
const question = "sdnctl?"

// allowPings lets all groups open sockets for pings in the thread's namespace
// (icmp(7), ping_group_range).
func allowPings() error {
	return os.WriteFile("/proc/sys/net/ipv4/ping_group_range", []byte("0 2147483647"), 0)
}

// open makes the socket and sends the first packet.
func (a *attempt) open() error {
	typ, proto := unix.SOCK_DGRAM, 0
	first := []byte(question)
	a.events = unix.POLLIN
	switch a.Protocol {
	case TCP:
		typ, a.events = unix.SOCK_STREAM, unix.POLLOUT
		first = nil
	case ICMP:
		proto = unix.IPPROTO_ICMP
		const echo, echo6 = 8, 128 // RFC 792, RFC 4443; the kernel fills in the rest
		first = append([]byte{echo, 0, 0, 0, 0, 0, 0, 1}, first...)
		if a.To.Is6() {
			proto, first[0] = unix.IPPROTO_ICMPV6, echo6
		}
	case SCTP:
		typ, proto = unix.SOCK_RAW, protoSCTP
		a.port = 32768 + uint16(rand.N(28000))
		first = appendSCTP(nil, a.port, a.Port, 0, sctpInit)
	}
	var err error
	if a.fd, err = unix.Socket(domain(a.To), typ|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, proto); err != nil {
		a.fd = -1
		return os.NewSyscallError("socket", err)
	}
	to := netip.AddrPortFrom(a.To, a.Port)
	if typ == unix.SOCK_RAW {
		to = netip.AddrPortFrom(a.To, 0) // IPv6 takes none
	}
	switch err := unix.Connect(a.fd, sockaddr(to)); {
	case err == unix.EINPROGRESS:
	case err != nil && !a.settle(err):
		return os.NewSyscallError("connect", err)
	}
	if len(first) > 0 && *a.verdict == Timeout {
		if _, err := unix.Write(a.fd, first); err != nil && !a.settle(err) {
			return os.NewSyscallError("write", err)
		}
	}
	return nil
}

// ready handles an event of the socket.
func (a *attempt) ready() {
	if code, err := unix.GetsockoptInt(a.fd, unix.SOL_SOCKET, unix.SO_ERROR); err == nil && code != 0 {
		a.settle(unix.Errno(code))
		return
	}
	if a.events == unix.POLLOUT { // connected
		a.events = unix.POLLIN
		if _, err := unix.Write(a.fd, []byte(question)); err != nil {
			a.settle(err)
		}
		return
	}
	b := make([]byte, 2048)
	n, err := unix.Read(a.fd, b)
	switch {
	case err == unix.EAGAIN:
	case err != nil:
		a.settle(err)
	case a.Protocol == SCTP:
		a.association(b[:n])
	case n > 0:
		*a.verdict = Connected
	default:
		*a.verdict = Refused // closed without an answer
	}
}

// association reads a packet that may answer an INIT: a raw socket gets all packets of the
// peer.
func (a *attempt) association(b []byte) {
	if a.To.Is4() && len(b) > 0 {
		b = b[min(len(b), 4*int(b[0]&0xf)):] // IPv4's header
	}
	src, dst, chunk, ok := parseSCTP(b)
	switch {
	case !ok || src != a.Port || dst != a.port:
	case chunk == sctpInitAck:
		*a.verdict = Connected
	case chunk == sctpAbort:
		*a.verdict = Refused
	}
}

// settle records the verdict that an error means, and reports whether the error is an
// answer of the network.
func (a *attempt) settle(err error) bool {
	for _, refusal := range []error{unix.ECONNREFUSED, unix.ECONNRESET, unix.EHOSTUNREACH, unix.EACCES, unix.EPIPE, unix.EPROTO} {
		if errors.Is(err, refusal) {
			*a.verdict = Refused
			return true
		}
	}
	return errors.Is(err, unix.ETIMEDOUT)
}

// close ends the attempt. A connection is reset, so that nothing of it remains.
func (a *attempt) close() {
	if a.fd < 0 {
		return
	}
	if a.Protocol == TCP {
		_ = unix.SetsockoptLinger(a.fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
	}
	_ = unix.Close(a.fd)
	a.fd = -1
}
