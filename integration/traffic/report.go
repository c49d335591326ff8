package traffic

import (
	"errors"
	"fmt"
	"net"
	"time"

	"golang.org/x/sys/unix"
)

// Report describes a stream so far.
type Report struct {
	// Name names client and server, and which of them sends.
	Name string
	// Arrived is how many messages arrived.
	Arrived int
	// Longest is the longest time between two consecutive messages that arrived, or between
	// the last one and the report; At is when it began, after the start of the stream.
	Longest, At time.Duration
	// Lost is how many segments either side had to send again: 0 if the network loses
	// nothing, however busy the machine is.
	Lost int
	// Err is how the stream ended, if it did so by itself.
	Err error
}

// String returns everything in one line.
func (r Report) String() string {
	text := fmt.Sprintf("%s: %d messages, longest gap %v at %v, %d segments lost", r.Name, r.Arrived,
		r.Longest.Round(time.Millisecond), r.At.Round(time.Millisecond), r.Lost)
	if r.Err != nil {
		text += fmt.Sprintf(", ended: %v", r.Err)
	}
	return text
}

// Report returns the report of the stream so far.
func (s *Stream) Report() Report {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := Report{Name: s.Name, Arrived: len(s.arrivals), Err: s.err}
	last := time.Duration(0)
	for _, at := range append(s.arrivals[:len(s.arrivals):len(s.arrivals)], time.Since(s.start)) {
		if at-last > r.Longest {
			r.Longest, r.At = at-last, last
		}
		last = at
	}
	for _, c := range []*net.TCPConn{s.client, s.server} {
		if c == nil {
			continue
		}
		n, err := lost(c)
		if err != nil && s.err == nil {
			r.Err = errors.Join(r.Err, err)
		}
		r.Lost += n
	}
	return r
}

// lost reads how many segments a side has sent again (tcp(7), TCP_INFO), without
// those that the other side had already (RFC 2883), as when an acknowledgement was
// late.
func lost(c *net.TCPConn) (int, error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return 0, err
	}
	var info *unix.TCPInfo
	var inner error
	err = raw.Control(func(fd uintptr) {
		info, inner = unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO)
	})
	if err != nil || inner != nil {
		return 0, errors.Join(err, inner)
	}
	return int(info.Total_retrans) - int(info.Dsack_dups), nil
}
