package session

import (
	"bytes"
	"context"
	"fmt"
	"sync"

	"github.com/sdnctl/sdnctl/openflow"
)

// receiver takes the replies to one request, in the reader's goroutine.
type receiver interface {
	// receive is called with a message that has the request's xid. The bytes are
	// valid during the call only. It returns true if no more are expected.
	receive(frame []byte) (last bool)
	// long reports whether the reply has several parts, some of which may arrive
	// after the caller has stopped waiting.
	long() bool
}

// bundleXid marks the transaction ids of bundles: those with this bit belong to
// the present bundle, and the bits below number its messages. So the error
// for any of a million messages needs no table to find its index.
const bundleXid openflow.Xid = 1 << 31

// callTable has the receivers of outstanding replies by xid. Its zero value is
// ready to use.
type callTable struct {
	mu      sync.Mutex
	last    openflow.Xid              // guarded by mu: the newest xid given out
	waiting map[openflow.Xid]receiver // guarded by mu
	bundle  receiver                  // guarded by mu: of the bundle under way, or nil
	late    map[openflow.Xid]struct{} // guarded by mu: replies in parts that nobody waits for any more
}

// maxLate bounds the multipart replies that still arrive although nobody waits
// for them.
const maxLate = 64

// newXid returns an xid that no outstanding request has, with the top bit clear.
func (t *callTable) newXid() openflow.Xid {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.newXidLocked()
}

func (t *callTable) newXidLocked() openflow.Xid {
	for {
		t.last = (t.last + 1) &^ bundleXid
		_, taken := t.waiting[t.last]
		_, late := t.late[t.last]
		if !taken && !late && t.last != 0 {
			return t.last
		}
	}
}

// add registers r under a new xid.
func (t *callTable) add(r receiver) openflow.Xid {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.waiting == nil {
		t.waiting = make(map[openflow.Xid]receiver)
	}
	xid := t.newXidLocked()
	t.waiting[xid] = r
	return xid
}

// drop forgets a request; dropping it twice is harmless. The rest of a multipart
// reply still counts as requested, since it may be long.
func (t *callTable) drop(xid openflow.Xid) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if r := t.waiting[xid]; r != nil && r.long() && len(t.late) < maxLate {
		if t.late == nil {
			t.late = make(map[openflow.Xid]struct{})
		}
		t.late[xid] = struct{}{}
	}
	delete(t.waiting, xid)
}

// answered forgets a request whose reply is complete.
func (t *callTable) answered(xid openflow.Xid) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.waiting, xid)
	delete(t.late, xid)
}

// inParts reports whether a caller waits for a multipart reply.
func (t *callTable) inParts() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, r := range t.waiting {
		if r.long() {
			return true
		}
	}
	return false
}

// isLate reports whether a message belongs to a multipart reply whose caller has
// stopped waiting.
func (t *callTable) isLate(frame []byte) bool {
	if openflow.FrameType(frame) != openflow.TypeMultipartReply {
		return false
	}
	xid := frameXid(frame)
	t.mu.Lock()
	defer t.mu.Unlock()
	_, late := t.late[xid]
	if late && !moreFollows(frame) {
		delete(t.late, xid)
	}
	return late
}

func (t *callTable) setBundle(r receiver) {
	t.mu.Lock()
	t.bundle = r
	t.mu.Unlock()
}

// deliver passes a message to the receiver for its xid. It returns false if there
// is none.
func (t *callTable) deliver(frame []byte) bool {
	xid := frameXid(frame)
	t.mu.Lock()
	r := t.waiting[xid]
	if xid&bundleXid != 0 {
		r = t.bundle
	}
	t.mu.Unlock()
	if r == nil {
		return false
	}
	if r.receive(frame) {
		t.answered(xid)
	}
	return true
}

// call is a receiver of a single message.
type call chan []byte

func newCall() call { return make(call, 1) }

func (call) long() bool { return false }

func (c call) receive(frame []byte) bool {
	select {
	case c <- bytes.Clone(frame):
	default: // the first message decides
	}
	return true
}

// wait returns the message that comes through c.
func (s *Session) wait(ctx context.Context, c <-chan []byte) ([]byte, error) {
	select {
	case f := <-c:
		return f, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	case <-s.dead:
		select {
		case f := <-c: // it came before the end
			return f, nil
		default:
			return nil, s.ended()
		}
	}
}

// put queues whole messages for the switch.
func (s *Session) put(ctx context.Context, frames []byte) error {
	select {
	case <-s.dead:
		return s.ended()
	default:
	}
	ok, err := s.out.put(ctx, s.dead, frames)
	switch {
	case err != nil:
		return err
	case !ok:
		return s.ended()
	}
	s.counters.sent(frames)
	return nil
}

// Send queues messages for the switch, which are sent together. Send assigns the
// xids without changing the messages themselves. It waits only while the queue is
// full. If the switch refuses a message, the *ErrorMsg comes as an event: use Do
// to learn the outcome.
func (s *Session) Send(ctx context.Context, msgs ...openflow.Message) error {
	b, err := s.encode(msgs)
	if err != nil {
		return err
	}
	return s.put(ctx, b)
}

// TrySend is Send without waiting: it reports false if so much waits for the switch
// already that Send would wait.
func (s *Session) TrySend(msgs ...openflow.Message) (sent bool, err error) {
	b, err := s.encode(msgs)
	if err != nil {
		return false, err
	}
	return s.out.try(b), nil
}

// encode returns messages as they are on the wire, each with an xid of its own.
func (s *Session) encode(msgs []openflow.Message) (b []byte, err error) {
	for _, m := range msgs {
		at := len(b)
		if b, err = m.AppendBinary(b); err != nil {
			return nil, fmt.Errorf("send: %w", err)
		}
		setFrameXid(b[at:], s.calls.newXid())
	}
	return b, nil
}

// Do sends a request, assigns its xid, and returns the reply. If the switch
// answers with an error, Do returns the *ErrorMsg as its error. For a message
// that may have no reply Do also sends a barrier, and returns the barrier's reply
// if no other came before it.
//
// Use Multipart for requests with multipart replies.
func (s *Session) Do(ctx context.Context, m openflow.Message) (openflow.Message, error) {
	b, err := m.AppendBinary(nil)
	if err != nil {
		return nil, err
	}
	if m.Type() == openflow.TypeMultipartRequest {
		return nil, fmt.Errorf("%v: the reply may come in parts: use Multipart", m.Type())
	}
	c := newCall()
	xid := s.calls.add(c)
	defer s.calls.drop(xid)
	setFrameXid(b, xid)
	if !alwaysAnswered(m.Type()) {
		barrier := s.calls.add(c)
		defer s.calls.drop(barrier)
		b = appendHeader(b, openflow.TypeBarrierRequest, openflow.HeaderLen, barrier)
	}
	if err := s.put(ctx, b); err != nil {
		return nil, fmt.Errorf("%v: %w", m.Type(), err)
	}
	frame, err := s.wait(ctx, c)
	if err != nil {
		return nil, fmt.Errorf("%v: %w", m.Type(), err)
	}
	return reply(m.Type(), frame)
}

// reply decodes the reply to a request; an error message becomes an error.
func reply(request openflow.MessageType, frame []byte) (openflow.Message, error) {
	m, err := openflow.DecodeMessage(frame)
	if err != nil {
		return nil, fmt.Errorf("%v: reply: %w", request, err)
	}
	if refusal, ok := m.(*openflow.ErrorMsg); ok {
		return nil, refusal
	}
	return m, nil
}

// alwaysAnswered reports whether a request of type t has a reply also when it
// succeeds.
func alwaysAnswered(t openflow.MessageType) bool {
	switch t {
	case openflow.TypeEchoRequest, openflow.TypeFeaturesRequest, openflow.TypeGetConfigRequest,
		openflow.TypeBarrierRequest, openflow.TypeRoleRequest, openflow.TypeGetAsyncRequest:
		return true
	}
	return false
}

// Barrier returns when the switch has processed all messages that were sent
// before (OpenFlow 1.3.5, 7.3.8).
func (s *Session) Barrier(ctx context.Context) error {
	_, err := s.Do(ctx, &openflow.BarrierRequest{})
	return err
}
