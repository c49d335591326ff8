package simswitch

import (
	"errors"
	"io"
	"net"
	"sync"

	"github.com/sdnctl/sdnctl/openflow"
)

// The sizes of read buffers, in bytes. An idle connection has a small buffer of its own. A
// busy one borrows a large buffer, which has room for any message.
const (
	smallRead = 512
	largeRead = 2 * (openflow.MaxMessageLen + 1)
)

// largeBuffers lends buffers to busy connections.
type largeBuffers struct{ pool sync.Pool }

func (l *largeBuffers) get() []byte {
	if b, ok := l.pool.Get().(*[largeRead]byte); ok {
		return b[:]
	}
	return make([]byte, largeRead)
}

func (l *largeBuffers) put(b []byte) { l.pool.Put((*[largeRead]byte)(b)) }

// inbox splits the bytes read from a connection into messages.
type inbox struct {
	from  net.Conn
	large *largeBuffers
	small [smallRead]byte
	buf   []byte // small, or borrowed
	start int
	end   int
}

// errBadFrame is the error of a message whose declared length is shorter than a header.
var errBadFrame = errors.New("message shorter than its header")

// next returns the next complete message, nil if there is none. It is valid until fill is
// called.
func (in *inbox) next() ([]byte, error) {
	have := in.buf[in.start:in.end]
	if len(have) < openflow.HeaderLen {
		return nil, nil
	}
	n := int(be.Uint16(have[2:]))
	if n < openflow.HeaderLen {
		return nil, errBadFrame
	}
	if n > len(have) {
		return nil, nil
	}
	in.start += n
	return have[:n:n], nil
}

// fill reads once, at most limit bytes unless limit is 0. The caller must have received nil
// from next. If fill fails, the bytes read before stay.
func (in *inbox) fill(limit int) error {
	if in.buf == nil {
		in.buf = in.small[:]
	}
	rest := in.end - in.start
	borrowed := len(in.buf) == largeRead
	switch {
	case rest == 0 && borrowed && in.end < largeRead/4:
		in.large.put(in.buf)
		in.buf = in.small[:]
	case !borrowed && in.end == smallRead:
		b := in.large.get()
		copy(b, in.buf[in.start:in.end])
		in.buf = b
	default:
		copy(in.buf, in.buf[in.start:in.end])
	}
	in.start, in.end = 0, rest
	room := in.buf[in.end:]
	if limit > 0 {
		room = room[:min(limit, len(room))]
	}
	n, err := in.from.Read(room)
	in.end += n
	if n > 0 {
		return nil
	}
	if err == nil {
		err = io.ErrNoProgress
	}
	return err
}

// close releases the buffer.
func (in *inbox) close() {
	if len(in.buf) == largeRead {
		in.large.put(in.buf)
	}
	in.buf, in.start, in.end = nil, 0, 0
}
