package simswitch

import (
	"context"
	"net"
	"sync"
	"time"
)

// outbox holds what is still to be written to a connection.
type outbox struct {
	mu      sync.Mutex
	buf     []byte
	writing bool
	err     error
}

// keepBuffer is the largest buffer that an idle outbox keeps.
const keepBuffer = 1 << 10

// append queues whole messages.
func (o *outbox) append(b []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.buf = append(o.buf, b...)
}

// waiting reports whether there is something to write and nobody who does.
func (o *outbox) waiting() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.buf) > 0 && !o.writing
}

// flush writes all that is queued, after the delay, unless somebody else is at
// it.
func (o *outbox) flush(ctx context.Context, to net.Conn, delay func() time.Duration) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.writing {
		return o.err
	}
	o.writing = true
	var spare []byte
	for len(o.buf) > 0 && o.err == nil {
		b := o.buf
		o.buf = spare
		o.mu.Unlock()
		err := pause(ctx, delay())
		if err == nil {
			_, err = to.Write(b)
		}
		o.mu.Lock()
		o.err = err
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

// pause waits, and returns ctx's reason if it ends first.
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
