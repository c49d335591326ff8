package session

import (
	"context"
	"net"
	"sync"
	"time"
)

const (
	// outboxLimit is how many bytes may wait for the connection before senders
	// have to wait.
	outboxLimit = 256 << 10
	// writeChunk is the most that one write passes to the connection, so that
	// the write deadline depends on progress and not on the size of the queue.
	writeChunk = 128 << 10
	// outboxKeep is the largest buffer that an idle connection keeps, and
	// outboxIdle is how long it must be idle: short enough that a thousand
	// switches that get large changes one after the other do not each keep one.
	outboxKeep = 8 << 10
	outboxIdle = 50 * time.Millisecond
)

// outbox collects whole messages from many goroutines for one goroutine that
// writes them. The messages of one call are sent together, with one write. So
// neither the reader nor a caller whose context ends ever blocks in a write to a
// switch that has stopped reading.
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

// put queues whole messages, and waits while the queue is full. It returns ctx's
// cause as err if ctx ends; if dead is closed, ok is false and err is nil.
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

// try is put that does not wait: it reports false while the queue is full.
func (o *outbox) try(frames []byte) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.buf) >= outboxLimit {
		return false
	}
	o.append(frames)
	return true
}

// offer queues a short message without waiting, and reports whether there was
// room. Its limit is above put's, so that large messages never block those that
// keep a connection alive.
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

// take returns all queued bytes, or nil. The writer owns the slice until it calls
// recycle.
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

// recycle takes back a slice of take.
func (o *outbox) recycle(b []byte) {
	o.mu.Lock()
	o.spare = b[:0]
	o.mu.Unlock()
}

// trim frees large buffers that are not in use. It is called periodically.
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

// flush writes all queued bytes.
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
		o.recycle(b)
	}
}
