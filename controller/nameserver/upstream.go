package nameserver

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/miekg/dns"
)

const (
	// Deadline is how long a question may wait for its upstream servers: askers ask again
	// after five seconds (resolv.conf(5)).
	Deadline = 4500 * time.Millisecond
	// tryFor is how long one server has while others are left.
	tryFor = 1500 * time.Millisecond
	// maxMessage is the longest message (RFC 1035, 4.2.2).
	maxMessage = 1<<16 - 1
)

// errDeclined says that a server has answered, but not the question.
var errDeclined = errors.New("does not answer that")

// Upstream asks the name servers that know what is not declared. Each question has a
// socket of its own, so that nobody can guess the port of the answer (RFC 5452, 9.2).
type Upstream struct {
	// Port of the servers; 53 is that of DNS.
	Port uint16
	// Noted takes what became of the question to a server, unless it is nil: nil if it was
	// answered.
	Noted func(server netip.Addr, err error)
}

// Exchange asks the servers one after the other until one answers, and returns its answer,
// cut to limit bytes. The question goes to them as it is, except for its number. If the
// answer does not fit into a datagram, that server is asked again by TCP. An error says
// what each server did.
func (u Upstream) Exchange(ctx context.Context, servers []netip.Addr, question []byte, limit int) ([]byte, error) {
	q := new(dns.Msg)
	if err := q.Unpack(question); err != nil {
		return nil, err
	}
	var failed []error
	for i, s := range servers {
		m, err := u.try(ctx, netip.AddrPortFrom(s, u.Port), q, question, i < len(servers)-1)
		if u.Noted != nil && !errors.Is(err, errDeclined) {
			u.Noted(s, err)
		}
		if err == nil {
			m.Id = q.Id
			m.Compress = true
			return fit(m, limit)
		}
		failed = append(failed, fmt.Errorf("%s: %w", s, err))
		if ctx.Err() != nil {
			break
		}
	}
	return nil, errors.Join(failed...)
}

// Failed returns the answer to a question that no upstream server has answered.
func Failed(question []byte) ([]byte, error) {
	q := new(dns.Msg)
	if err := q.Unpack(question); err != nil {
		return nil, err
	}
	r := new(dns.Msg).SetRcode(q, dns.RcodeServerFailure)
	r.RecursionAvailable = true
	if opt := q.IsEdns0(); opt != nil {
		r.SetEdns0(ownSize, opt.Do())
		e := &dns.EDNS0_EDE{InfoCode: dns.ExtendedErrorCodeNoReachableAuthority}
		r.IsEdns0().Option = append(r.IsEdns0().Option, e)
	}
	return r.Pack()
}

// try asks one server. Others are left says that it is better to ask these than to wait.
func (u Upstream) try(ctx context.Context, server netip.AddrPort, q *dns.Msg, question []byte, othersLeft bool) (*dns.Msg, error) {
	if othersLeft {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, tryFor)
		defer cancel()
	}
	m, err := ask(ctx, "udp", server, q, question)
	if err == nil && m.Truncated {
		m, err = ask(ctx, "tcp", server, q, question)
	}
	switch {
	case err != nil:
		return nil, err
	case othersLeft && (m.Rcode == dns.RcodeServerFailure || m.Rcode == dns.RcodeRefused):
		return nil, fmt.Errorf("%w: %s", errDeclined, dns.RcodeToString[m.Rcode])
	}
	return m, nil
}

// ask sends a question to a server under a number of its own, and returns the answer to it.
func ask(ctx context.Context, network string, server netip.AddrPort, q *dns.Msg, question []byte) (m *dns.Msg, err error) {
	c, err := new(net.Dialer).DialContext(ctx, network, server.String())
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	stop := context.AfterFunc(ctx, func() { _ = c.SetDeadline(time.Unix(1, 0)) }) // ends what waits
	defer stop()
	id := uint16(rand.Uint32())
	out := append([]byte(nil), question...)
	binary.BigEndian.PutUint16(out, id)
	if network == "tcp" {
		out = append(binary.BigEndian.AppendUint16(nil, uint16(len(out))), out...)
	}
	if _, err := c.Write(out); err != nil {
		return nil, err
	}
	buf := make([]byte, maxMessage)
	for {
		n, err := read(c, network, buf)
		if err != nil {
			return nil, err
		}
		m := new(dns.Msg)
		if err := m.Unpack(buf[:n]); err == nil && m.Response && m.Id == id && sameQuestion(m, q) {
			return m, nil
		}
		if network == "tcp" {
			return nil, errors.New("sent something else than the answer")
		}
	}
}

// read reads one message.
func read(c net.Conn, network string, buf []byte) (int, error) {
	if network != "tcp" {
		return c.Read(buf)
	}
	if _, err := io.ReadFull(c, buf[:2]); err != nil {
		return 0, err
	}
	return io.ReadFull(c, buf[:binary.BigEndian.Uint16(buf)])
}

// sameQuestion reports whether an answer is to a question. Errors may come without it.
func sameQuestion(m, q *dns.Msg) bool {
	if len(m.Question) == 0 {
		return m.Rcode == dns.RcodeFormatError || m.Rcode == dns.RcodeNotImplemented
	}
	x, y := m.Question[0], q.Question[0]
	return len(m.Question) == 1 && x.Qtype == y.Qtype && x.Qclass == y.Qclass && strings.EqualFold(x.Name, y.Name)
}
