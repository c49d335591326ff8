package openflow

import (
	"context"
	"time"
)

// partsInFlight is how many parts of a reply may wait for the caller while the
// reader reads on.
const partsInFlight = 4

// stream is a receiver of a reply in parts. The reader copies each part into
// one of a few buffers that come back when the caller is done with them. When
// the caller is slow, the reader waits for it, and so does the switch.
type stream struct {
	s     *Session
	parts chan []byte
	free  chan []byte
	gone  chan struct{} // closed when the caller has left
}

func newStream(s *Session) *stream {
	return &stream{
		s:     s,
		parts: make(chan []byte, partsInFlight),
		free:  make(chan []byte, partsInFlight+2),
		gone:  make(chan struct{}),
	}
}

func (st *stream) receive(frame []byte) (last bool) {
	var buf []byte
	select {
	case buf = <-st.free:
	default:
	}
	buf = append(buf[:0], frame...)
	last = !moreFollows(frame)
	select {
	case st.parts <- buf:
		return last
	default:
	}
	st.s.alive.held.Add(1)
	select {
	case st.parts <- buf:
	case <-st.gone:
	case <-st.s.dead:
	}
	st.s.alive.heard(time.Since(st.s.started))
	st.s.alive.held.Add(-1)
	return last
}

// moreFollows says whether a message is a part of a reply and not its last
// (OpenFlow 1.3.5, 7.3.5, OFPMPF_REPLY_MORE).
func moreFollows(frame []byte) bool {
	return frameType(frame) == TypeMultipartReply && len(frame) >= HeaderLen+8 &&
		be.Uint16(frame[10:])&MultipartMore != 0
}

// eachPart sends a request and calls each with every message of the reply, in
// order; the bytes are valid during the call. It stops at the first error.
func (s *Session) eachPart(ctx context.Context, request []byte, each func(frame []byte) error) error {
	st := newStream(s)
	defer close(st.gone)
	xid := s.calls.add(st)
	defer s.calls.drop(xid)
	setFrameXid(request, xid)
	if err := s.put(ctx, request); err != nil {
		return err
	}
	for {
		frame, err := s.wait(ctx, st.parts)
		if err != nil {
			return err
		}
		more := moreFollows(frame)
		if err := each(frame); err != nil || !more {
			return err
		}
		select {
		case st.free <- frame:
		default:
		}
	}
}
