package session

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"sync"

	"github.com/sdnctl/sdnctl/openflow"
)

// applyChunk is how many messages Apply sends before it waits for the switch.
const applyChunk = 1 << 10

// Apply sends whole messages that have no reply, such as METER_MODs, which Open
// vSwitch does not accept in a bundle, and returns when the switch has processed
// them all. The caller may reuse a message when msgs is asked for the next; its
// xid is replaced. Without messages nothing is sent.
//
// The messages are independent: if the switch refuses some, the others take effect,
// and Apply returns the first refusal as *ApplyError.
func (s *Session) Apply(ctx context.Context, msgs iter.Seq[[]byte]) error {
	next, stop := iter.Pull(msgs)
	defer stop()
	for {
		n, err := s.applySome(ctx, next)
		if err != nil || n < applyChunk {
			return err
		}
	}
}

// ApplyError says that the switch refused a message of Apply.
type ApplyError struct {
	// Message is the refused message.
	Message []byte
	// Err is the switch's answer.
	Err *openflow.ErrorMsg
}

// Error names the message and the switch's reason.
func (e *ApplyError) Error() string {
	return fmt.Sprintf("switch refused %s: %s", describeMod(e.Message), e.Err.Name())
}

// Unwrap returns the switch's answer.
func (e *ApplyError) Unwrap() error { return e.Err }

// applySome sends up to applyChunk messages and a barrier, and waits for the
// barrier's reply. It returns the number of messages.
func (s *Session) applySome(ctx context.Context, next func() ([]byte, bool)) (n int, err error) {
	var b []byte
	sent := make(map[openflow.Xid][2]int) // where in b each message begins and ends
	c := new(refusals)
	defer func() {
		for xid := range sent {
			s.calls.drop(xid)
		}
	}()
	for ; n < applyChunk; n++ {
		msg, ok := next()
		if !ok {
			break
		}
		xid := s.calls.add(c)
		sent[xid] = [2]int{len(b), len(b) + len(msg)}
		b = append(b, msg...)
		setFrameXid(b[sent[xid][0]:], xid)
	}
	if n == 0 {
		return 0, nil
	}
	if err := s.put(ctx, b); err != nil {
		return n, fmt.Errorf("apply: %w", err)
	}
	if err := s.Barrier(ctx); err != nil {
		return n, fmt.Errorf("apply: %w", err)
	}
	frame := c.first()
	if frame == nil {
		return n, nil
	}
	m, err := openflow.DecodeMessage(frame)
	refusal, ok := m.(*openflow.ErrorMsg)
	if !ok {
		return n, fmt.Errorf("apply: answer %v: %w", m, err)
	}
	at := sent[refusal.Xid()]
	return n, &ApplyError{Message: b[at[0]:at[1]], Err: refusal}
}

// refusals receives the errors for several messages.
type refusals struct {
	mu    sync.Mutex
	frame []byte // guarded by mu: the first
}

func (r *refusals) receive(frame []byte) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.frame == nil {
		r.frame = bytes.Clone(frame)
	}
	return true
}

func (r *refusals) first() []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.frame
}

func (*refusals) long() bool { return false }
