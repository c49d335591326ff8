package bench

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"time"

	"github.com/sdnctl/sdnctl/integration/lab"
)

// pinger sends echo requests from a container to one address. It needs no process for each
// request.
type pinger struct {
	conn net.Conn
	seq  uint16
	buf  []byte
}

// echoID is the identifier of the pinger's echo requests (RFC 792).
const echoID = 0x5d42

func newPinger(ctx context.Context, from *lab.Container, to netip.Addr) (*pinger, error) {
	c, err := from.Dial(ctx, "ip4:icmp", to.String())
	if err != nil {
		return nil, fmt.Errorf("%s to %s: %w", from.Name, to, err)
	}
	return &pinger{conn: c, buf: make([]byte, 2048)}, nil
}

// Close closes the socket.
func (p *pinger) Close() error { return p.conn.Close() }

// send sends the next echo request.
func (p *pinger) send() error {
	p.seq++
	m := make([]byte, 64)
	m[0] = 8 // echo request
	binary.BigEndian.PutUint16(m[4:], echoID)
	binary.BigEndian.PutUint16(m[6:], p.seq)
	var sum uint32
	for i := 0; i < len(m); i += 2 {
		sum += uint32(binary.BigEndian.Uint16(m[i:]))
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	binary.BigEndian.PutUint16(m[2:], ^uint16(sum))
	_, err := p.conn.Write(m)
	return err
}

// receive waits for a reply to the newest request, or with any to any request. It returns false
// after the timeout.
func (p *pinger) receive(wait time.Duration, any bool) (bool, error) {
	if err := p.conn.SetReadDeadline(time.Now().Add(wait)); err != nil {
		return false, err
	}
	for {
		n, err := p.conn.Read(p.buf)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		b := p.buf[:n]
		if len(b) > 20 && b[0]>>4 == 4 { // a raw socket gives the IP header, too
			b = b[min(len(b), int(b[0]&15)*4):]
		}
		if len(b) >= 8 && b[0] == 0 && binary.BigEndian.Uint16(b[4:]) == echoID && (any || binary.BigEndian.Uint16(b[6:]) == p.seq) {
			return true, nil
		}
	}
}

// rtt returns the time of one round trip. It fails if no reply arrives within a second.
func (p *pinger) rtt() (time.Duration, error) {
	start := time.Now()
	if err := p.send(); err != nil {
		return 0, err
	}
	ok, err := p.receive(time.Second, false)
	if err == nil && !ok {
		err = errors.New("no reply within 1 s")
	}
	return time.Since(start), err
}

// first sends a request every half millisecond, and returns once a reply to any of them
// arrives.
func (p *pinger) first(ctx context.Context) error {
	for ctx.Err() == nil {
		if err := p.send(); err != nil {
			return err
		}
		if ok, err := p.receive(500*time.Microsecond, true); ok || err != nil {
			return err
		}
	}
	return fmt.Errorf("no reply: %w", context.Cause(ctx))
}

// drain discards late replies.
func (p *pinger) drain() error {
	for {
		if ok, err := p.receive(20*time.Millisecond, true); !ok || err != nil {
			return err
		}
	}
}
