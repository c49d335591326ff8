package ovsdb

import (
	"bufio"
	"context"
	"fmt"
	"io"
)

// keepBuffer is the greatest buffer that a quiet connection holds on to. Only
// the first answer is usually larger, and a thousand of those add up.
const keepBuffer = 16 << 10

// framer cuts a stream of JSON objects into messages. RFC 7047, section 4,
// puts nothing between them, so their end is found by counting braces.
// encoding/json.Decoder could do this too, but it has no limit and keeps its
// largest buffer forever.
type framer struct {
	r    *bufio.Reader
	max  int
	pool *pool
	buf  []byte
	// large says that the message in buf is counted in pool.
	large bool
}

func newFramer(r io.Reader, max int, pool *pool) *framer {
	return &framer{r: bufio.NewReader(r), max: max, pool: pool}
}

// next returns the next object, which is valid until the following call. It
// need not be valid JSON. A large one is counted in the pool, and it is the
// caller's to give it back there. The error is io.EOF only between messages.
func (f *framer) next(ctx context.Context) (msg []byte, large bool, err error) {
	if cap(f.buf) > keepBuffer {
		f.buf = nil
	}
	f.buf, f.large = f.buf[:0], false
	if err := f.frame(ctx); err != nil {
		if f.large {
			f.pool.giveMessage()
		}
		return nil, false, err
	}
	return f.buf, f.large, nil
}

// frame reads the next object into buf.
func (f *framer) frame(ctx context.Context) error {
	if err := f.start(); err != nil {
		return err
	}
	var quoted, escaped bool
	for depth := 1; depth > 0; {
		b, err := f.r.ReadByte()
		if err == io.EOF {
			return io.ErrUnexpectedEOF
		}
		if err != nil {
			return err
		}
		if len(f.buf) >= f.max {
			return fmt.Errorf("message of more than %d bytes", f.max)
		}
		if len(f.buf) == smallMessage {
			if err := f.pool.takeMessage(ctx); err != nil {
				return err
			}
			f.large = true
		}
		f.buf = append(f.buf, b)
		switch {
		case escaped:
			escaped = false
		case quoted:
			escaped = b == '\\'
			quoted = b != '"'
		case b == '"':
			quoted = true
		case b == '{':
			depth++
		case b == '}':
			depth--
		}
	}
	return nil
}

// start skips white space and takes the opening brace.
func (f *framer) start() error {
	for {
		b, err := f.r.ReadByte()
		if err != nil {
			return err
		}
		switch b {
		case ' ', '\t', '\r', '\n':
		case '{':
			f.buf = append(f.buf, b)
			return nil
		case 0x16:
			return fmt.Errorf("peer speaks TLS on a port without it: use tcp: in ovs-vsctl set-manager")
		default:
			return fmt.Errorf("peer does not speak OVSDB: a message begins with byte 0x%02x", b)
		}
	}
}
