package simswitch

import (
	"context"
	"net"
	"sync"
	"time"
)

// outbox has the bytes to be written to a connection.
type outbox struct {
	mu      sync.Mutex
	buf     []byte
	writing bool
	err     error
	// updates is the number of unwritten bytes from flow monitors. resume requests that
	// takeResume returns true once it is 0.
	updates int
	resume  bool
}

// appendUpdates queues messages of flow monitors, and returns the number of unwritten bytes
// from flow monitors.
func (o *outbox) appendUpdates(b []byte) int {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.buf = append(o.buf, b...)
	o.updates += len(b)
	return o.updates
}

// askResume makes takeResume return true, once, when all updates are written.
func (o *outbox) askResume() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.resume = true
}

func (o *outbox) takeResume() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	take := o.resume && o.updates == 0
	if take {
		o.resume = false
	}
	return take
}

// keepBuffer is the largest buffer that an idle outbox keeps.
const keepBuffer = 1 << 10

// append queues whole messages.
func (o *outbox) append(b []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.buf = append(o.buf, b...)
}

// waiting reports whether there are queued bytes and no goroutine is writing.
func (o *outbox) waiting() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.buf) > 0 && !o.writing
}

// flush writes all queued bytes after the delay, unless another goroutine is doing so.
func (o *outbox) flush(ctx context.Context, to net.Conn, delay func() time.Duration) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.writing {
		return o.err
	}
	o.writing = true
	var spare []byte
	for len(o.buf) > 0 && o.err == nil {
		b, updates := o.buf, o.updates
		o.buf = spare
		o.mu.Unlock()
		err := pause(ctx, delay())
		if err == nil {
			_, err = to.Write(b)
		}
		o.mu.Lock()
		o.err = err
		o.updates -= updates
		if spare = nil; cap(b) <= keepBuffer {
			spare = b[:0]
		}
	}
	if o.buf == nil {
		o.buf = spare
	}
	o.writing = false
	return o.err
}

// pause waits, and returns the cause of ctx's end if that comes first.
func pause(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
