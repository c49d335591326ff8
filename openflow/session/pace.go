package session

import (
	"sync/atomic"
	"time"

	"github.com/sdnctl/sdnctl/openflow"
)

const (
	// paceUnit is how many bytes count as one message: a port-status message has 80, and a long
	// message must not be cheaper than short ones.
	paceUnit = 128
	// packetInUnit is the same of packet-ins: one with a DNS question has about 200 bytes, half of
	// which are what Open vSwitch says of it.
	packetInUnit = 256
	// paceStep is how much longer than necessary a pause is, so that a flood is
	// read in portions, fifty times a second, and not message by message.
	paceStep = 20 * time.Millisecond
)

// pace is a token bucket for unsolicited messages. Times are durations since the
// session started. Only the reader uses it.
type pace struct {
	rate, burst float64 // tokens a second, tokens at most
	tokens      float64
	at          time.Duration // when tokens was right
}

func newPace(perSecond, burst int) pace {
	p := pace{rate: float64(perSecond), burst: float64(burst)}
	p.burst = max(p.burst, p.rate*paceStep.Seconds()) // or a pause would be in vain
	p.tokens = p.burst
	return p
}

// unitsOf returns as how many messages an unsolicited one counts.
func unitsOf(frame []byte) int {
	unit := paceUnit
	if openflow.FrameType(frame) == openflow.TypePacketIn || isNicira(frame, openflow.NiciraPacketIn2) {
		unit = packetInUnit
	}
	return (len(frame) + unit - 1) / unit
}

// refill adds the tokens of the time since it was last called.
func (p *pace) refill(at time.Duration) {
	p.tokens = min(p.burst, p.tokens+p.rate*(at-p.at).Seconds())
	p.at = at
}

// allow takes n tokens at the given time, and reports whether there were as many. If not, it
// takes none.
func (p *pace) allow(at time.Duration, n int) bool {
	p.refill(at)
	if p.tokens < float64(n) {
		return false
	}
	p.tokens -= float64(n)
	return true
}

// take accounts for so many messages that were read at the given time, and returns how long the
// reader has to pause: 0 while there are tokens.
func (p *pace) take(at time.Duration, n int) (wait time.Duration) {
	p.refill(at)
	p.tokens -= float64(n)
	if p.tokens >= 0 {
		return 0
	}
	return time.Duration(-p.tokens/p.rate*float64(time.Second)) + paceStep
}

// packetIn queues a packet-in, and reports whether it was within the budget of packet-ins.
// One beyond it is dropped and counts as an unsolicited message: flows ask for packet-ins, so
// a few too many must not hold up what the switch has to say of its flows and ports.
func (s *Session) packetIn(frame []byte) (within bool) {
	if !s.packetIns.allow(time.Since(s.started), unitsOf(frame)) {
		s.counters.packetInsDropped.Add(1)
		return false
	}
	s.events.push(openflow.TypePacketIn, frame)
	return true
}

// PacketInsDropped returns how many packet-ins were dropped because the switch sent more than
// Config.PacketInRate, or because the queue of events was full.
func (s *Session) PacketInsDropped() uint64 {
	full, _ := s.events.dropped()
	return full + s.counters.packetInsDropped.Load()
}

// throttling counts the reader's pauses.
type throttling struct {
	pauses atomic.Uint64
	total  atomic.Int64 // nanoseconds
}

// Throttled returns for how long, and how many times, the session paused reading
// because the switch sent more unsolicited messages than Config.UnaskedRate.
func (s *Session) Throttled() (total time.Duration, pauses uint64) {
	return time.Duration(s.throttling.total.Load()), s.throttling.pauses.Load()
}

// handle dispatches a message, and pauses if it was an unsolicited one above the
// rate. During the pause the connection's TCP window closes and the switch has to
// wait. An error ends the connection, if it has not ended.
func (s *Session) handle(frame []byte) error {
	asked, err := s.dispatch(frame)
	if asked || err != nil {
		return err
	}
	wait := s.pace.take(time.Since(s.started), unitsOf(frame))
	if wait == 0 {
		return nil
	}
	if s.throttling.pauses.Add(1) == 1 {
		s.log.Warn("switch sends much that nobody asked for: it is read more slowly",
			"address", s.conn.RemoteAddr(), "dpid", s.features.DatapathID,
			"messages_per_second", s.cfg.UnaskedRate, "type", openflow.FrameType(frame))
	}
	return s.pauseReading(wait)
}

// pauseReading returns after wait, or at once with the reason when the connection
// ends.
func (s *Session) pauseReading(wait time.Duration) error {
	began := time.Since(s.started)
	s.alive.paused.Store(max(1, int64(began)))
	defer func() {
		now := time.Since(s.started)
		s.throttling.total.Add(int64(now - began))
		s.alive.paused.Store(max(1, int64(now)))
	}()
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-s.dead:
		return s.reason
	}
}
