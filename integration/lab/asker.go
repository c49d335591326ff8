package lab

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
)

// asker sends echo requests (RFC 792, RFC 4443) from a container and receives the
// answers.
type asker struct {
	container *Container
	// conns are its sockets, for IPv4 and for IPv6; one is nil where the container has
	// no address of the family.
	conns     [2]net.PacketConn
	id        uint16 // of its requests, in each
	questions []*question
	answers   chan<- *question
	listening sync.WaitGroup
}

// question is an echo request that may be sent several times. seq is its number among those of
// the asker.
type question struct {
	Reach
	by       *asker
	seq      uint16
	answered bool // only listen accesses it
}

// newAsker opens sockets in the container. The caller adds questions, calls start, and at the
// end close.
func newAsker(c *Container, answers chan<- *question) (*asker, error) {
	a := &asker{container: c, id: uint16(rand.Uint32()), answers: answers}
	for i, socket := range [...][2]string{{"ip4:icmp", "0.0.0.0"}, {"ip6:ipv6-icmp", "::"}} {
		conn, err := c.ListenPacket(socket[0], socket[1])
		if err != nil {
			return nil, errors.Join(fmt.Errorf("container %q: %w", c.Name, err), a.close())
		}
		a.conns[i] = conn
	}
	return a, nil
}

// familyOf returns the index, in asker.conns, of an address' family.
func familyOf(a netip.Addr) int {
	if a.Is4() {
		return 0
	}
	return 1
}

// add adds a question.
func (a *asker) add(r Reach) (*question, error) {
	if len(a.questions) > 0xffff || !r.To.IsValid() {
		return nil, fmt.Errorf("container %q: cannot ask %v: it asks 65,536 addresses at a time at most", a.container.Name, r.To)
	}
	q := &question{Reach: r, by: a, seq: uint16(len(a.questions))}
	a.questions = append(a.questions, q)
	return q, nil
}

// start receives answers.
func (a *asker) start() {
	for _, conn := range a.conns {
		a.listening.Go(func() { a.listen(conn) })
	}
}

// listen reports each question once, when its answer comes, until the socket is
// closed.
func (a *asker) listen(conn net.PacketConn) {
	buf := make([]byte, 2048)
	for {
		n, from, err := conn.ReadFrom(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil || n < 8 || buf[0] != icmpEchoReply && buf[0] != icmp6EchoReply || binary.BigEndian.Uint16(buf[4:]) != a.id {
			continue // an error of an earlier request, such as an unreachable host
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

// close closes the sockets and waits for the goroutines of start.
func (a *asker) close() error {
	var err error
	for _, conn := range a.conns {
		if conn != nil {
			err = errors.Join(err, conn.Close())
		}
	}
	a.listening.Wait()
	return err
}

// ask sends the request once.
func (q *question) ask() error {
	message := icmpEcho(q.by.id, q.seq)
	if q.To.Is6() {
		message[0] = icmp6EchoRequest // the kernel computes the checksum (RFC 3542, 3.1)
	}
	_, err := q.by.conns[familyOf(q.To)].WriteTo(message, &net.IPAddr{IP: q.To.AsSlice(), Zone: q.To.Zone()})
	return err
}

// who describes the container, for errors.
func (q *question) who() string {
	var ip netip.Addr
	for _, a := range q.From.Addresses() {
		if a.BitLen() == q.To.BitLen() || !ip.IsValid() {
			ip = a
		}
	}
	return fmt.Sprintf("%s (%s on %s)", q.From.Name, ip, q.From.Node)
}
