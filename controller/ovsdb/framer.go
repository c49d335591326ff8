package ovsdb

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
)

// keepBuffer is the size of the largest buffer that a quiet connection keeps. In most cases
// only the first answer is larger, and a thousand such buffers add up.
const keepBuffer = 16 << 10

// framer cuts a stream of JSON objects into messages. RFC 7047, section 4,
// puts nothing between them, so their end is found by counting braces.
// encoding/json.Decoder could do this too, but it has no limit and keeps its
// largest buffer forever.
type framer struct {
	r    *bufio.Reader
	max  int
	part *part
	buf  []byte
	// large is the message in buf if that is large.
	large *large
	// Where in the message the end of buf is: how deep in braces, and whether in
	// a string and after its backslash.
	depth           int
	quoted, escaped bool
}

func newFramer(r io.Reader, max int, part *part) *framer {
	return &framer{r: bufio.NewReader(r), max: max, part: part}
}

// next returns the next object, which is valid until the following call. It need not be
// valid JSON. A large one is counted in the pool, and the caller must return it there. The
// error is io.EOF only between messages.
func (f *framer) next(ctx context.Context) (msg []byte, large *large, err error) {
	if cap(f.buf) > keepBuffer {
		f.buf = nil
	}
	f.buf, f.large = f.buf[:0], nil
	if err := f.frame(ctx); err != nil {
		if f.large != nil {
			f.large.give()
		}
		return nil, nil, err
	}
	return f.buf, f.large, nil
}

// frame reads the next object into buf.
func (f *framer) frame(ctx context.Context) error {
	if err := f.start(); err != nil {
		return err
	}
	f.depth, f.quoted, f.escaped = 1, false, false
	for f.depth > 0 {
		if _, err := f.r.Peek(1); err == io.EOF {
			return io.ErrUnexpectedEOF
		} else if err != nil {
			return err
		}
		here, _ := f.r.Peek(f.r.Buffered())
		if err := f.take(ctx, here[:f.scan(here)]); err != nil {
			return err
		}
	}
	return nil
}

// take appends to the message what was peeked at.
func (f *framer) take(ctx context.Context, b []byte) error {
	if len(f.buf)+len(b) > f.max {
		return fmt.Errorf("message of more than %d bytes", f.max)
	}
	if f.large == nil && len(f.buf)+len(b) > smallMessage {
		var err error
		if f.large, err = f.part.takeMessage(ctx); err != nil {
			return err
		}
	}
	if f.large != nil {
		if err := f.large.take(ctx, len(b)); err != nil {
			return err
		}
	}
	f.buf = append(f.buf, b...)
	_, err := f.r.Discard(len(b))
	return err
}

// scan returns how many bytes of b belong to the message. Of strings, which may
// be without end, it looks only for their ends.
func (f *framer) scan(b []byte) int {
	i := 0
	for i < len(b) && f.depth > 0 {
		switch {
		case f.escaped:
			f.escaped = false
		case f.quoted:
			end := bytes.IndexByte(b[i:], '"')
			if end < 0 {
				end = len(b) - i
			}
			if back := bytes.IndexByte(b[i:i+end], '\\'); back >= 0 {
				i += back
				f.escaped = true
			} else if i += end; i < len(b) {
				f.quoted = false
			} else {
				return i
			}
		case b[i] == '"':
			f.quoted = true
		case b[i] == '{':
			f.depth++
		case b[i] == '}':
			f.depth--
		}
		i++
	}
	return i
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
