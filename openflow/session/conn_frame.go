package session

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/sdnctl/sdnctl/openflow"
)

const (
	// firstReadBuffer is the size of a connection's read buffer until a message
	// needs more. Each idle switch takes this much memory.
	firstReadBuffer = 4 << 10
	// quietReads is after how many small reads in a row a large buffer is freed.
	quietReads = 16
)

// frameReader divides a byte stream into OpenFlow messages by the length in their
// headers. It allocates memory for bytes that have arrived, never for the length
// that a header claims.
//
// A frameReader keeps what it has read when Read fails, so that reading can
// continue after a deadline.
type frameReader struct {
	r     io.Reader
	buf   []byte
	start int // first byte not yet returned
	end   int // first byte not yet read
	max   int // largest message accepted
	small int // reads in a row that a small buffer would have served
	// check, when set, judges a message by its header, before the rest has come.
	check func(header []byte) error
	// progress, when set, is called after each read that returned data.
	progress func(n int)
}

func newFrameReader(r io.Reader, max int) *frameReader {
	return &frameReader{r: r, buf: make([]byte, firstReadBuffer), max: max}
}

// next returns the next whole message, which is valid until the following
// call. At the end of the stream it returns io.EOF between messages and
// io.ErrUnexpectedEOF within one.
func (f *frameReader) next() ([]byte, error) {
	for {
		have := f.end - f.start
		if have >= openflow.HeaderLen {
			n := int(binary.BigEndian.Uint16(f.buf[f.start+2:]))
			if f.check != nil {
				if err := f.check(f.buf[f.start : f.start+openflow.HeaderLen]); err != nil {
					return nil, err
				}
			}
			if n < openflow.HeaderLen || n > f.max {
				return nil, f.lengthError(n)
			}
			if have >= n {
				frame := f.buf[f.start : f.start+n : f.start+n]
				f.start += n
				return frame, nil
			}
		}
		if err := f.fill(); err != nil {
			if errors.Is(err, io.EOF) && have > 0 {
				err = io.ErrUnexpectedEOF
			}
			return nil, err
		}
	}
}

// fill makes room in the buffer and reads once. To make room it moves unread
// bytes to the front, and doubles the buffer if one unfinished message takes all
// or most of it, so that large replies need few reads.
func (f *frameReader) fill() error {
	if f.start == f.end {
		f.start, f.end = 0, 0
		if f.small >= quietReads && len(f.buf) > firstReadBuffer {
			f.buf = make([]byte, firstReadBuffer)
		}
	}
	if f.end == len(f.buf) {
		if have := f.end - f.start; have > len(f.buf)/2 && len(f.buf) < 2*f.max {
			grown := make([]byte, 2*len(f.buf))
			copy(grown, f.buf[f.start:f.end])
			f.buf = grown
			f.start, f.end = 0, have
		} else {
			copy(f.buf, f.buf[f.start:f.end])
			f.start, f.end = 0, have
		}
	}
	n, err := f.r.Read(f.buf[f.end:])
	if n < 0 || n > len(f.buf)-f.end {
		return errors.New("read: reader broke its contract")
	}
	f.end += n
	if n > 0 {
		if f.small++; n > firstReadBuffer/2 {
			f.small = 0
		}
		if f.progress != nil {
			f.progress(n)
		}
		return nil
	}
	if err == nil {
		return io.ErrNoProgress
	}
	return err
}

func (f *frameReader) lengthError(n int) error {
	h := f.buf[f.start : f.start+openflow.HeaderLen]
	if n < openflow.HeaderLen {
		return fmt.Errorf("message of type %v says it is %d bytes long, shorter than its own header of %d (bytes % x)", openflow.FrameType(h), n, openflow.HeaderLen, h)
	}
	return fmt.Errorf("message of type %v says it is %d bytes long, more than the %d allowed (bytes % x)", openflow.FrameType(h), n, f.max, h)
}

// The fields of a message's header, which the caller knows to be there.

// The fields of a message's header, which the caller knows to be there.

func frameVersion(f []byte) uint8            { return f[0] }
func frameXid(f []byte) openflow.Xid         { return binary.BigEndian.Uint32(f[4:]) }
func setFrameXid(f []byte, xid openflow.Xid) { binary.BigEndian.PutUint32(f[4:], xid) }

// appendHeader appends an ofp_header for a message of n bytes, header included.
func appendHeader(b []byte, typ openflow.MessageType, n int, xid openflow.Xid) []byte {
	b = binary.BigEndian.AppendUint16(append(b, openflow.Version, byte(typ)), uint16(n))
	return binary.BigEndian.AppendUint32(b, xid)
}
