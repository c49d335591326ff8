package session

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/sdnctl/sdnctl/openflow"
)

const (
	// bundleChunk is how many bytes of a bundle are queued at a time, so that
	// other messages can go between.
	bundleChunk = 64 << 10
	// bundleKeep is the largest buffer that a session keeps between bundles:
	// enough for a change of a few ports.
	bundleKeep = 8 << 10
	// commitGrace is how much longer the switch may be silent, for each message
	// of the bundle that it commits.
	commitGrace = 100 * time.Microsecond

	// bundleWireFlags are the flags that are sent to the switch.
	bundleWireFlags = openflow.BundleAtomic | openflow.BundleOrdered
)

// BundlePipelined is a flag for Session.Bundle that sends the commit without
// waiting until the switch has accepted the messages: one round trip instead of
// two. If the switch refuses a single message, such as one that it cannot decode,
// the others take effect nevertheless, and BundleError.Committed is true. This
// flag is not sent to the switch.
const BundlePipelined openflow.BundleFlags = 1 << 15

// Bundle sends the messages as one bundle and returns when the switch has
// committed it (ONF extension 230, the bundles of OpenFlow 1.4 for 1.3). Each is
// a whole message as FlowMod or Flow.AppendAdd encode it. The caller may reuse it
// when mods is asked for the next; its xid is replaced. Without messages nothing
// is sent.
//
// If the switch refuses any, Bundle returns a *BundleError; then with
// BundleAtomic nothing has changed. If ctx or the connection ends, the switch
// discards what it has, unless the commit was already sent: then the outcome is
// unknown until the flows are read back.
//
// Open vSwitch leaves refused messages out of a bundle and would commit the
// rest. So Bundle sends the commit only after the switch has accepted all
// messages. A bundle costs two round trips and, if it is shorter than 64 KiB, two
// writes; with BundlePipelined it costs one.
//
// A session sends one bundle at a time; others wait.
func (s *Session) Bundle(ctx context.Context, flags openflow.BundleFlags, mods iter.Seq[[]byte]) error {
	select {
	case s.bundles <- struct{}{}:
		defer func() { <-s.bundles }()
	case <-ctx.Done():
		return fmt.Errorf("bundle: %w", context.Cause(ctx))
	case <-s.dead:
		return fmt.Errorf("bundle: %w", s.ended())
	}
	s.bundleID++
	b := &bundle{
		s: s, call: &bundleCall{base: s.bundlePos},
		id: s.bundleID, flags: flags,
		buf: s.bundleBuf[:0],
	}
	s.calls.setBundle(b.call)
	err := b.transact(ctx, mods)
	s.calls.setBundle(nil)
	s.alive.allowed.Store(0)
	s.alive.bundled.Store(0)
	s.bundlePos += b.next
	s.bundleBuf = b.buf[:0]
	if cap(s.bundleBuf) > bundleKeep {
		s.bundleBuf = nil
	}
	if refused := (*BundleError)(nil); errors.As(err, &refused) {
		return err
	} else if err != nil {
		return fmt.Errorf("bundle: %w", err)
	}
	return nil
}

// bundle is a bundle being sent.
type bundle struct {
	s     *Session
	call  *bundleCall
	id    uint32
	flags openflow.BundleFlags
	buf   []byte // messages not yet queued
	next  uint32 // position of the next message
	sent  bool   // the open request was sent

	mods iter.Seq[[]byte]
	n    int // messages of mods that were added
}

// transact sends the bundle and waits for its outcome.
func (b *bundle) transact(ctx context.Context, mods iter.Seq[[]byte]) error {
	n, err := b.addAll(ctx, mods)
	if err != nil || n == 0 {
		b.abandon()
		return err
	}
	b.mods, b.n = mods, n
	if b.flags&BundlePipelined != 0 {
		b.control(openflow.BundleCloseRequest)
	} else if err := b.close(ctx); err != nil {
		return err
	}
	b.s.alive.allowed.Store(int64(n) * int64(commitGrace))
	err = b.request(ctx, openflow.BundleCommitRequest)
	_, refusal, _ := b.call.firstRefusal()
	var refused *openflow.ErrorMsg
	switch {
	case errors.As(err, &refused) || err == nil && refusal != nil:
		failure := b.failure(refused)
		failure.Committed = err == nil
		return failure
	case err != nil:
		return fmt.Errorf("commit was sent, outcome unknown: %w", err)
	}
	return nil
}

// close closes the bundle and waits for the reply. By then the errors for all
// refused messages have arrived; if there are any, close returns a *BundleError.
func (b *bundle) close(ctx context.Context) error {
	err := b.request(ctx, openflow.BundleCloseRequest)
	_, refusal, _ := b.call.firstRefusal()
	var refused *openflow.ErrorMsg
	switch {
	case errors.As(err, &refused) || err == nil && refusal != nil:
		failure := b.failure(refused)
		// Wait, so that the bundle is gone when the caller tries again. If it is
		// gone already, the switch answers with an error, which does not matter.
		_ = b.request(ctx, openflow.BundleDiscardRequest)
		return failure
	case err != nil:
		b.abandon()
	}
	return err
}

// addAll sends the open request and the messages, all but the last bytes of
// them, and returns how many messages there are. It stops early, without error,
// when the switch refuses one.
func (b *bundle) addAll(ctx context.Context, mods iter.Seq[[]byte]) (n int, err error) {
	for mod := range mods {
		if len(mod) < openflow.HeaderLen || int(binary.BigEndian.Uint16(mod[2:])) != len(mod) || len(mod) > openflow.MaxMessageLen-openflow.BundleAddHeaderLen {
			return n, fmt.Errorf("message %d: %d bytes are no whole message that fits into a bundle: %w", n, len(mod), openflow.ErrBadLength)
		}
		if n == 0 {
			b.control(openflow.BundleOpenRequest)
		}
		b.add(mod)
		n++
		if len(b.buf) < bundleChunk {
			continue
		}
		if err := b.flush(ctx); err != nil {
			return n, err
		}
		if _, refusal, _ := b.call.firstRefusal(); refusal != nil {
			break
		}
	}
	return n, nil
}

// add appends a message that adds mod.
func (b *bundle) add(mod []byte) {
	b.buf = openflow.AppendBundleAdd(b.buf, b.call.xid(b.next), b.id, b.flags&bundleWireFlags, mod)
	b.next++
}

// control appends a control request and returns its position.
func (b *bundle) control(a openflow.BundleControlType) (position uint32) {
	position = b.next
	b.next++
	m := openflow.BundleControl{BundleID: b.id, Kind: a, Flags: b.flags & bundleWireFlags}
	m.SetXid(b.call.xid(position))
	b.buf, _ = m.AppendBinary(b.buf) // which is never too long
	return position
}

// flush queues what was appended.
func (b *bundle) flush(ctx context.Context) error {
	b.sent = true
	b.s.alive.bundled.Store(int64(b.next))
	err := b.s.put(ctx, b.buf)
	b.buf = b.buf[:0]
	return err
}

// request appends a control request, sends all that was appended, and waits for
// the answer: nil for a reply, else the *ErrorMsg.
func (b *bundle) request(ctx context.Context, a openflow.BundleControlType) error {
	answer := b.call.await(b.control(a))
	if err := b.flush(ctx); err != nil {
		return err
	}
	frame, err := b.s.wait(ctx, answer)
	if err != nil {
		return err
	}
	m, err := openflow.DecodeMessage(frame)
	if err != nil {
		return fmt.Errorf("answer: %w", err)
	}
	if refused, ok := m.(*openflow.ErrorMsg); ok {
		return refused
	}
	return nil
}

// abandon asks the switch to discard the bundle, if it was opened, without
// waiting for the reply.
func (b *bundle) abandon() {
	b.buf = b.buf[:0]
	if b.sent {
		b.control(openflow.BundleDiscardRequest)
		b.s.offer(b.buf)
	}
}

// failure makes the error from the first refused message or, if there is none,
// from the answer to a control request.
func (b *bundle) failure(refused *openflow.ErrorMsg) *BundleError {
	position, frame, refusals := b.call.firstRefusal()
	if frame != nil {
		m, err := openflow.DecodeMessage(frame)
		if err != nil { // so short that it does not even say why
			m = &openflow.ErrorMsg{}
		}
		refused = m.(*openflow.ErrorMsg)
	}
	if position == 0 || int(position) > b.n {
		return &BundleError{Index: -1, Err: refused}
	}
	index := int(position) - 1
	return &BundleError{
		Index: index, Message: refusedMod(b.mods, index, refused.Data),
		Err: refused, Refusals: refusals,
	}
}
