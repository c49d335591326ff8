package session

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sdnctl/sdnctl/openflow"
)

// Prove asks the switch for an echo (OpenFlow 1.3.5, 7.5.2) and returns nil when
// it answers. It fails, with an error that wraps ErrDeadPeer, when there is no
// answer within a time; but a switch that is busy with what it was asked by us
// has longer:
//
//   - while a bundle is under way, 100 µs more for each of its messages so far,
//     for Open vSwitch answers nothing while it commits one;
//   - while a reply in parts is under way, for as long as its parts keep coming,
//     up to Config.EchoTimeout;
//   - and after either once more the time that it had at first.
//
// The session goes on in any case.
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
	// The message is short, and goes out behind a bundle's even when those wait.
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

// errWindow ends one of the times after which Prove looks what the switch is
// doing.
var errWindow = errors.New("no answer yet")

// busy says whether something that the switch was asked explains that it has
// been late with an answer for a while; since is when that was last looked at.
func (s *Session) busy(late, since time.Duration) bool {
	if late < time.Duration(s.alive.bundled.Load())*commitGrace {
		return true
	}
	received := time.Duration(s.alive.last.Load()) > since
	return received && late < s.cfg.EchoTimeout && s.calls.inParts()
}
