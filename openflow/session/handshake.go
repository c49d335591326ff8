package session

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/sdnctl/sdnctl/openflow"
)

// Handshake negotiates OpenFlow 1.3 with a switch, reads its features, description
// and ports, sets its miss_send_len and fragment handling, and requests the role in
// cfg (OpenFlow 1.3.5, 6.3.1). It sends all requests together, so it takes one
// round trip after the exchange of HELLO messages.
//
// The Session is ready for Run, which must follow soon. On an error Handshake
// closes conn. The error wraps *VersionError if the switch does not speak OpenFlow
// 1.3, and *ErrorMsg if it refuses the role. No goroutine is left in either case.
func Handshake(ctx context.Context, conn net.Conn, cfg Config) (*Session, error) {
	s := newSession(conn, cfg)
	ctx, cancel := context.WithTimeoutCause(ctx, s.cfg.HandshakeTimeout,
		fmt.Errorf("not finished within %v", s.cfg.HandshakeTimeout))
	defer cancel()
	h := handshake{s: s, stage: "waiting for the switch's HELLO"}
	if err := h.run(ctx); err != nil {
		s.end(err)
		return nil, fmt.Errorf("handshake: %s: %w", h.stage, err)
	}
	return s, nil
}

// handshake is a handshake under way.
type handshake struct {
	s     *Session
	stage string // what it is doing, for errors

	unanswered int   // requests
	failure    error // the first error in a reply
}

// run does the handshake. It reads while another goroutine writes, so that
// neither side can block the other by not reading.
func (h *handshake) run(ctx context.Context) error {
	s := h.s
	release := s.endWith(ctx)
	stop := make(chan struct{})
	var writer sync.WaitGroup
	writer.Go(func() { s.write(stop) })

	err := h.exchange(ctx)

	close(stop)
	writer.Wait()
	if errors.As(err, new(*VersionError)) {
		h.drain()
	}
	release()
	if err != nil {
		return err
	}
	select {
	case <-s.dead: // ctx ended or writing failed after all
		return s.reason
	default:
		return nil
	}
}

func (h *handshake) exchange(ctx context.Context) error {
	hello, err := openflow.NewHello().AppendBinary(nil)
	if err != nil {
		return err
	}
	setFrameXid(hello, h.s.calls.newXid())
	h.s.offer(hello)
	if err := h.readHello(); err != nil {
		return err
	}
	h.stage = "asking the switch what it is"
	return h.inquire(ctx)
}

// next reads one message.
func (h *handshake) next() ([]byte, error) {
	frame, err := h.s.frames.next()
	if err == nil {
		return frame, nil
	}
	select {
	case <-h.s.dead:
		return nil, h.s.reason // says more than that a closed connection was read
	default:
		return nil, readError(err)
	}
}

// checkFirst checks the header of the first message. Its errors are for users who
// have connected something other than a switch.
func checkFirst(header []byte) error {
	switch t := openflow.FrameType(header); {
	case header[0] == 22 && header[1] == 3: // TLS handshake record, SSL 3.0 or later
		return errors.New("peer speaks TLS where plain TCP is expected")
	case header[0] == 0 || header[0] > 0x7f || t != openflow.TypeHello && t != openflow.TypeError:
		return fmt.Errorf("peer does not begin with HELLO: is it an OpenFlow switch? (bytes % x, %q)", header, header)
	}
	return nil
}

// readHello reads the switch's first message and answers it with an error if
// that has no version in common with us.
func (h *handshake) readHello() error {
	h.s.frames.check = checkFirst
	frame, err := h.next()
	if err != nil {
		return err
	}
	h.s.frames.check = checkVersion
	h.s.counters.received(frame)
	m, err := openflow.DecodeMessage(frame)
	if err != nil {
		return err
	}
	switch m := m.(type) {
	case *openflow.Hello:
		if m.Supports(openflow.Version) {
			return nil
		}
		return h.reject(m)
	case *openflow.ErrorMsg:
		return m
	default:
		return fmt.Errorf("first message is %v, not HELLO", m.Type())
	}
}

// reject sends the switch the error that it has no version in common with us, in
// the older of the two versions, so that the switch can decode it.
func (h *handshake) reject(m *openflow.Hello) error {
	why := &VersionError{Offered: m.Versions()}
	refusal, err := (&openflow.ErrorMsg{
		Version: min(openflow.Version, max(m.Version, 1)),
		ErrType: openflow.ErrTypeHelloFailed,
		Code:    openflow.HelloFailedIncompatible,
		Data:    []byte("this controller speaks OpenFlow 1.3 only"),
	}).AppendBinary(nil)
	if err != nil {
		return err
	}
	setFrameXid(refusal, m.Xid())
	h.s.offer(refusal)
	return why
}

// drain reads until the switch closes the connection, for a moment at most. If
// the connection were closed with unread bytes, the switch would lose our last
// message.
func (h *handshake) drain() {
	if c, ok := h.s.conn.(interface{ CloseWrite() error }); ok {
		if c.CloseWrite() != nil {
			return
		}
	}
	if h.s.conn.SetReadDeadline(time.Now().Add(lingerTime)) == nil {
		_, _ = io.CopyN(io.Discard, h.s.conn, openflow.MaxMessageLen)
	}
}

const lingerTime = 500 * time.Millisecond
