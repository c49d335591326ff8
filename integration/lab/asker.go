package lab

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
)

// asker sends echo requests (RFC 792) from a container and hears the answers.
type asker struct {
	container *Container
	conn      net.PacketConn
	id        uint16 // of its requests, in each
	questions []*question
	answers   chan<- *question
	done      chan struct{}
}

// question is an echo request that may be sent many times; seq is its place
// among the asker's.
type question struct {
	Reach
	by       *asker
	seq      uint16
	answered bool // for listen alone
}

// newAsker opens a socket in the container. The caller adds questions, calls
// start, and close in the end.
func newAsker(c *Container, answers chan<- *question) (*asker, error) {
	conn, err := c.ListenPacket("ip4:icmp", "0.0.0.0")
	if err != nil {
		return nil, fmt.Errorf("container %q: %w", c.Name, err)
	}
	return &asker{container: c, conn: conn, id: uint16(rand.Uint32()), answers: answers}, nil
}

// add notes what to ask.
func (a *asker) add(r Reach) (*question, error) {
	if len(a.questions) > 0xffff || !r.To.Is4() {
		return nil, fmt.Errorf("container %q: cannot ask %v: it asks 65,536 IPv4 addresses at a time at most", a.container.Name, r.To)
	}
	q := &question{Reach: r, by: a, seq: uint16(len(a.questions))}
	a.questions = append(a.questions, q)
	return q, nil
}

// start has answers heard.
func (a *asker) start() {
	a.done = make(chan struct{})
	go a.listen()
}

// listen reports each question once, when its answer comes, until the socket is
// closed.
func (a *asker) listen() {
	defer close(a.done)
	buf := make([]byte, 2048)
	for {
		n, from, err := a.conn.ReadFrom(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil || n < 8 || buf[0] != icmpEchoReply || binary.BigEndian.Uint16(buf[4:]) != a.id {
			continue // an error is one of earlier requests: a host that is unreachable
		}
		seq := int(binary.BigEndian.Uint16(buf[6:]))
		if seq >= len(a.questions) {
			continue
		}
		q := a.questions[seq]
		if addr, ok := from.(*net.IPAddr); ok && addr.IP.Equal(q.To.AsSlice()) && !q.answered {
			q.answered = true
			a.answers <- q
		}
	}
}

// close ends what start began.
func (a *asker) close() error {
	err := a.conn.Close()
	if a.done != nil {
		<-a.done
	}
	return err
}

// ask sends the request once.
func (q *question) ask() error {
	_, err := q.by.conn.WriteTo(icmpEcho(q.by.id, q.seq), &net.IPAddr{IP: q.To.AsSlice()})
	return err
}

// who is the one who asks, in words.
func (q *question) who() string {
	var ip netip.Addr
	if q.From.IP.IsValid() {
		ip = q.From.IP.Addr()
	}
	return fmt.Sprintf("%s (%s on %s)", q.From.Name, ip, q.From.Node)
}
