package session

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sdnctl/sdnctl/openflow"
)

// Prove sends the switch an echo request (OpenFlow 1.3.5, 7.5.2) and returns nil
// when the reply arrives. If none arrives within the given time, it fails with an
// error that wraps ErrDeadPeer. A switch that is busy with our own requests has
// more time:
//
//   - during a bundle, 100 µs more for each of its messages so far, because
//     Open vSwitch answers nothing while it commits a bundle;
//   - during a multipart reply, for as long as its parts keep arriving,
//     up to Config.EchoTimeout;
//   - after either of these, the given time once more.
//
// The session continues in any case.
func (s *Session) Prove(ctx context.Context, within time.Duration) error {
	echo, err := (&openflow.EchoRequest{}).AppendBinary(nil)
	if err != nil {
		return err
	}
	answer := newCall()
	xid := s.calls.add(answer)
	defer s.calls.drop(xid)
	setFrameXid(echo, xid)

	began := time.Since(s.started)
	seen, busy := began, s.busy(0, began)
	// The message is short, so it is queued even if a bundle's messages have to wait.
	s.offer(echo)
	for {
		window, cancel := context.WithTimeoutCause(ctx, within, errWindow)
		_, err := s.wait(window, answer)
		cancel()
		if !errors.Is(err, errWindow) {
			return named("echo", err)
		}
		was, now := busy, time.Since(s.started)
		busy = s.busy(now-began-within, seen)
		seen = now
		if !busy && !was {
			return fmt.Errorf("%w: echo unanswered for %v", ErrDeadPeer, (now - began).Round(time.Millisecond))
		}
	}
}

// errWindow ends one of the periods after which Prove checks whether the switch
// is busy.
var errWindow = errors.New("no answer yet")

// busy reports whether our own requests explain that the switch's reply is late
// by that much; since is the time of the last check.
func (s *Session) busy(late, since time.Duration) bool {
	if late < time.Duration(s.alive.bundled.Load())*commitGrace {
		return true
	}
	received := time.Duration(s.alive.last.Load()) > since
	return received && late < s.cfg.EchoTimeout && s.calls.inParts()
}
