package session

import (
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/sdnctl/sdnctl/openflow"
)

// ErrDeadPeer is wrapped by the reason for ending a connection whose switch
// stopped answering.
var ErrDeadPeer = errors.New("switch gives no sign of life")

// keepalive remembers when the last bytes of the switch arrived; any bytes are a
// sign of life. Times are durations since the session started.
type keepalive struct {
	last    atomic.Int64 // when bytes last arrived
	held    atomic.Int32 // above 0: the reader waits for one of our own callbacks
	paused  atomic.Int64 // when the reader last began or ended a pause to slow a flood; 0: never
	allowed atomic.Int64 // more time for answers, while the switch is known to be busy
	bundled atomic.Int64 // messages of the bundle under way so far; 0: there is none

	// Of the writer alone:
	asked   bool // an echo request is unanswered
	askedAt time.Duration
}

// received notes that bytes have arrived.
func (k *keepalive) received(at time.Duration) { k.last.Store(int64(at)) }

// keepAlive sends a silent switch an echo request, and returns an error when one
// has been unanswered for too long. Otherwise it returns when it must be called
// next.
func (s *Session) keepAlive() (next time.Duration, err error) {
	k, now := &s.alive, time.Since(s.started)
	if paused := time.Duration(k.paused.Load()); paused > 0 && now-paused < s.cfg.EchoInterval {
		// The switch's own echo requests are not read during the pause. An echo
		// request of ours keeps it from giving up; its reply may take as long.
		k.asked = false
		s.offer(appendHeader(nil, openflow.TypeEchoRequest, openflow.HeaderLen, s.calls.newXid()))
		return s.cfg.EchoInterval, nil
	}
	if k.held.Load() > 0 {
		// The reader is blocked in a callback, so the silence says nothing about the switch.
		k.asked = false
		return s.cfg.EchoInterval, nil
	}
	last := time.Duration(k.last.Load())
	if k.asked && last >= k.askedAt {
		k.asked = false
	}
	if k.asked {
		patience := s.cfg.EchoTimeout + time.Duration(k.allowed.Load())
		if waited := now - k.askedAt; waited < patience {
			return min(patience-waited, s.cfg.EchoInterval), nil
		}
		return 0, fmt.Errorf("%w: silent for %v, echo request unanswered for %v",
			ErrDeadPeer, (now - last).Round(time.Millisecond), (now - k.askedAt).Round(time.Millisecond))
	}
	if silent := now - last; silent < s.cfg.EchoInterval {
		return s.cfg.EchoInterval - silent, nil
	}
	s.offer(appendHeader(nil, openflow.TypeEchoRequest, openflow.HeaderLen, s.calls.newXid()))
	k.asked, k.askedAt = true, now
	return min(s.cfg.EchoTimeout, s.cfg.EchoInterval), nil
}

// answerEcho sends an echo request's body back (OpenFlow 1.3.5, 7.5.3). It
// turns the request itself into the reply.
func (s *Session) answerEcho(request []byte) {
	request[1] = byte(openflow.TypeEchoReply)
	s.offer(request)
}

// offer queues a message that has no caller to wait. If the queue is full because
// the switch does not read, offer drops and counts the message.
func (s *Session) offer(frame []byte) {
	if s.out.offer(frame) {
		s.counters.sent(frame)
	} else {
		s.counters.unsent.Add(1)
	}
}
