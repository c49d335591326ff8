package session

import (
	"context"
	"encoding/binary"
	"iter"
	"time"

	"github.com/sdnctl/sdnctl/openflow"
)

// partsInFlight is how many parts of a reply may wait for the caller while the
// reader reads on.
const partsInFlight = 4

// stream is a receiver of a reply in parts. The reader copies each part into
// one of a few buffers that come back when the caller is done with them. When
// the caller is slow, the reader waits for it, and so does the switch.
type stream struct {
	s     *Session
	xid   openflow.Xid
	parts chan []byte
	free  chan []byte
	gone  chan struct{} // closed when the caller has left
}

func newStream(s *Session, free chan []byte) *stream {
	return &stream{s: s, parts: make(chan []byte, partsInFlight), free: free, gone: make(chan struct{})}
}

func (*stream) long() bool { return true }

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
	st.s.alive.received(time.Since(st.s.started))
	st.s.alive.held.Add(-1)
	return last
}

// moreFollows says whether a message is a part of a reply and not its last
// (OpenFlow 1.3.5, 7.3.5, OFPMPF_REPLY_MORE).
func moreFollows(frame []byte) bool {
	return openflow.FrameType(frame) == openflow.TypeMultipartReply && len(frame) >= openflow.HeaderLen+8 &&
		binary.BigEndian.Uint16(frame[10:])&openflow.MultipartMore != 0
}

// eachPart sends requests and calls each with every message of the replies, in
// order; the bytes are valid during the call. It stops at the first error.
//
// A request goes out when the first part of the reply before it is there: the
// switch has made up that reply by then, and makes up the next while this one is
// still being read.
func (s *Session) eachPart(ctx context.Context, requests iter.Seq[[]byte], each func(frame []byte) error) error {
	request, stop := iter.Pull(requests)
	defer stop()
	free := make(chan []byte, partsInFlight+2)
	ask := func() (st *stream, err error) {
		b, ok := request()
		if !ok {
			return nil, nil
		}
		st = newStream(s, free)
		st.xid = s.calls.add(st)
		setFrameXid(b, st.xid)
		if err := s.put(ctx, b); err != nil {
			st.leave()
			return nil, err
		}
		return st, nil
	}
	st, err := ask()
	for st != nil && err == nil {
		st, err = st.eachPart(ctx, ask, each)
	}
	return err
}

// eachPart is Session.eachPart of one request's reply. It returns the stream of
// the next, nil if there is none.
func (st *stream) eachPart(ctx context.Context, ask func() (*stream, error), each func(frame []byte) error) (next *stream, err error) {
	defer st.leave()
	defer func() {
		if err != nil && next != nil {
			next.leave()
			next = nil
		}
	}()
	for first := true; ; first = false {
		frame, err := st.s.wait(ctx, st.parts)
		if err != nil {
			return next, err
		}
		if first {
			if next, err = ask(); err != nil {
				return nil, err
			}
		}
		more := moreFollows(frame)
		if err := each(frame); err != nil || !more {
			return next, err
		}
		select {
		case st.free <- frame:
		default:
		}
	}
}

// leave says that the caller wants no more.
func (st *stream) leave() {
	st.s.calls.drop(st.xid)
	close(st.gone)
}
