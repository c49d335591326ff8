package session

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/sdnctl/sdnctl/openflow"
)

// frame returns a message of n bytes.
func frame(n int, xid openflow.Xid) []byte {
	return append(appendHeader(nil, openflow.TypeEchoRequest, n, xid), make([]byte, n-openflow.HeaderLen)...)
}

func TestFrameReader(t *testing.T) {
	var stream []byte
	sizes := []int{8, 9, 4096, 8, openflow.MaxMessageLen, 100, 5000, 8}
	for i, n := range sizes {
		stream = append(stream, frame(n, openflow.Xid(i))...)
	}
	for name, wrap := range map[string]func(io.Reader) io.Reader{
		"at once":        func(r io.Reader) io.Reader { return r },
		"byte by byte":   iotest.OneByteReader,
		"in halves":      iotest.HalfReader,
		"data with EOF":  iotest.DataErrReader,
		"one and a half": func(r io.Reader) io.Reader { return &chunkReader{r, 12_345} },
	} {
		f := newFrameReader(wrap(bytes.NewReader(stream)), openflow.MaxMessageLen)
		var got []int
		for {
			b, err := f.next()
			if err != nil {
				if err != io.EOF {
					t.Errorf("%s: %v", name, err)
				}
				break
			}
			if frameXid(b) != openflow.Xid(len(got)) {
				t.Errorf("%s: xid %d", name, frameXid(b))
			}
			got = append(got, len(b))
		}
		if diff := cmp.Diff(sizes, got); diff != "" {
			t.Errorf("%s: (-want +got):\n%s", name, diff)
		}
		if len(f.buf) > 2*openflow.MaxMessageLen+2 {
			t.Errorf("%s: buffer of %d bytes", name, len(f.buf))
		}
	}
}

// chunkReader reads n bytes at a time.
type chunkReader struct {
	r io.Reader
	n int
}

func (c *chunkReader) Read(b []byte) (int, error) { return c.r.Read(b[:min(len(b), c.n)]) }

// A length that is only claimed costs no memory.
func TestFrameReaderBelievesNoLength(t *testing.T) {
	claim := appendHeader(nil, openflow.TypePacketIn, openflow.MaxMessageLen, 0)
	f := newFrameReader(bytes.NewReader(append(claim, make([]byte, 100)...)), openflow.MaxMessageLen)
	if _, err := f.next(); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("error %v", err)
	}
	if len(f.buf) != firstReadBuffer {
		t.Errorf("buffer of %d bytes", len(f.buf))
	}
}

// A connection that has become quiet gives its large buffer back.
func TestFrameReaderShrinks(t *testing.T) {
	var stream bytes.Buffer
	stream.Write(frame(openflow.MaxMessageLen, 0))
	f := newFrameReader(&stream, openflow.MaxMessageLen)
	for i := range 3 * quietReads {
		if _, err := f.next(); err != nil {
			t.Fatal(i, err)
		}
		stream.Write(frame(100, 0))
	}
	if len(f.buf) != firstReadBuffer {
		t.Errorf("buffer of %d bytes", len(f.buf))
	}
}

func TestFrameReaderDoesNotAllocate(t *testing.T) {
	stream := bytes.Repeat(frame(120, 1), 1000)
	r := bytes.NewReader(stream)
	f := newFrameReader(r, openflow.MaxMessageLen)
	if n := testing.AllocsPerRun(10, func() {
		r.Reset(stream)
		for range 1000 {
			if _, err := f.next(); err != nil {
				t.Fatal(err)
			}
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// Whatever arrives, in whatever pieces: what the reader returns are whole
// messages that make up the stream, and its buffer stays within bounds.
func FuzzFrameReader(f *testing.F) {
	f.Add(append(frame(8, 1), frame(300, 2)...), 3)
	f.Add([]byte("GET / HTTP/1.1\r\n\r\n"), 1)
	f.Add(appendHeader(nil, openflow.TypeHello, 7, 0), 100)
	f.Fuzz(func(t *testing.T, stream []byte, piece int) {
		if piece < 1 {
			return
		}
		r := newFrameReader(&chunkReader{bytes.NewReader(stream), piece}, 1024)
		at := 0
		for {
			b, err := r.next()
			if len(r.buf) > max(firstReadBuffer, 2*1024) {
				t.Fatalf("buffer of %d bytes", len(r.buf))
			}
			if err != nil {
				break
			}
			if len(b) < openflow.HeaderLen || len(b) != int(binary.BigEndian.Uint16(b[2:])) || !bytes.Equal(b, stream[at:at+len(b)]) {
				t.Fatalf("at %d: % x", at, b)
			}
			at += len(b)
		}
	})
}
