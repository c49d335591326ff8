package session

import (
	"context"
	"net"
	"sync"
	"time"
)

const (
	// outboxLimit is how many bytes may wait for the connection before those
	// who want to send more have to wait themselves.
	outboxLimit = 256 << 10
	// writeChunk is the most that one write hands to the connection, so that
	// the write deadline judges progress and not the size of the queue.
	writeChunk = 128 << 10
	// outboxKeep is the largest buffer kept by a connection that was idle, and
	// outboxIdle how long it has to be: short enough that a thousand switches
	// which are told much one after the other do not each keep it.
	outboxKeep = 8 << 10
	outboxIdle = 50 * time.Millisecond
)

// outbox collects whole messages from many goroutines and has one goroutine
// write them. What is put in with one call goes out together: several messages
// cost one write. Neither the reader nor a caller whose context ends is ever
// caught in a write to a switch that has stopped reading.
type outbox struct {
	wake chan struct{} // capacity 1: there may be something to write

	mu    sync.Mutex
	buf   []byte        // guarded by mu: waiting for the writer
	spare []byte        // guarded by mu: the writer's previous buffer
	room  chan struct{} // guarded by mu: closed when the writer next takes buf
}

func newOutbox() *outbox {
	return &outbox{wake: make(chan struct{}, 1), room: make(chan struct{})}
}

// put queues whole messages, waiting for room while too much is queued. It
// returns ctx's cause, or nothing but the knowledge that dead was closed: then
// ok is false and err nil.
func (o *outbox) put(ctx context.Context, dead <-chan struct{}, frames []byte) (ok bool, err error) {
	if err := ctx.Err(); err != nil {
		return false, context.Cause(ctx)
	}
	for {
		o.mu.Lock()
		if len(o.buf) < outboxLimit {
			o.append(frames)
			o.mu.Unlock()
			return true, nil
		}
		room := o.room
		o.mu.Unlock()
		select {
		case <-room:
		case <-dead:
			return false, nil
		case <-ctx.Done():
			return false, context.Cause(ctx)
		}
	}
}

// offer queues a short message without waiting and says whether there was room.
// Its limit is above put's, so that bulk never starves what keeps a connection
// alive.
func (o *outbox) offer(frame []byte) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.buf)+len(frame) > 2*outboxLimit {
		return false
	}
	o.append(frame)
	return true
}

// append is called with mu held.
func (o *outbox) append(frames []byte) {
	o.buf = append(o.buf, frames...)
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

// take returns all that waits, or nil. The slice is the writer's until give.
func (o *outbox) take() []byte {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.buf) == 0 {
		return nil
	}
	b := o.buf
	o.buf, o.spare = o.spare[:0], nil
	close(o.room)
	o.room = make(chan struct{})
	return b
}

// give returns a slice that take handed out.
func (o *outbox) give(b []byte) {
	o.mu.Lock()
	o.spare = b[:0]
	o.mu.Unlock()
}

// trim gives large buffers back that are not in use. It is called now and then.
func (o *outbox) trim() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if cap(o.spare) > outboxKeep {
		o.spare = nil
	}
	if len(o.buf) == 0 && cap(o.buf) > outboxKeep {
		o.buf = nil
	}
}

// flush writes all that waits.
func (o *outbox) flush(conn net.Conn, timeout time.Duration) (written int, err error) {
	for {
		b := o.take()
		if b == nil {
			return written, nil
		}
		for rest := b; len(rest) > 0; {
			n := min(len(rest), writeChunk)
			if err := conn.SetWriteDeadline(time.Now().Add(timeout)); err != nil {
				return written, err
			}
			n, err := conn.Write(rest[:n])
			written += n
			if err != nil {
				return written, err
			}
			rest = rest[n:]
		}
		o.give(b)
	}
}
