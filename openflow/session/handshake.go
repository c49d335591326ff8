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

// Handshake agrees with a switch on OpenFlow 1.3, asks what it is and which
// ports it has, sets how much of packets it sends, and asks for the role in cfg
// (OpenFlow 1.3.5, 6.3.1). The requests go out together: beside the exchange of
// HELLO it takes one round trip.
//
// The Session is ready for Run, which must follow soon. On an error, which wraps
// *VersionError if the switch does not speak OpenFlow 1.3, and *ErrorMsg if it
// refuses the role, conn is closed. No goroutine is left in either case.
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

	unanswered int   // questions
	failure    error // the first that an answer gave rise to
}

// run does the handshake with a goroutine that writes beside this one, which
// reads: neither side has to take in what it is sent before it is heard.
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
		h.linger()
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

// checkFirst judges the header of the first message, in words for those who
// have pointed something else at our port.
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

// reject tells the switch that it has no version in common with us, in the
// oldest of the versions at hand so that it understands.
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

// linger gives the switch a moment to read our last words: closing a connection
// at once that has unread bytes would throw them away.
func (h *handshake) linger() {
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
