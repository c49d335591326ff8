package openflow

import "fmt"

// reader takes fields off the front of a message body. The first failure
// sticks: it is kept in err with the name of the field, and all that is read
// from then on is zero.
type reader struct {
	b   []byte
	err error
}

// take returns the next n bytes, which alias the message, or nil.
func (r *reader) take(n int, field string) []byte {
	if r.err != nil {
		return nil
	}
	if n < 0 || n > len(r.b) {
		r.err = fmt.Errorf("%s: %w", field, ErrTruncated)
		return nil
	}
	p := r.b[:n:n]
	r.b = r.b[n:]
	return p
}

func (r *reader) skip(n int, field string) { r.take(n, field) }

func (r *reader) u8(field string) uint8 {
	if p := r.take(1, field); p != nil {
		return p[0]
	}
	return 0
}

func (r *reader) u16(field string) uint16 {
	if p := r.take(2, field); p != nil {
		return be.Uint16(p)
	}
	return 0
}

func (r *reader) u32(field string) uint32 {
	if p := r.take(4, field); p != nil {
		return be.Uint32(p)
	}
	return 0
}

func (r *reader) u64(field string) uint64 {
	if p := r.take(8, field); p != nil {
		return be.Uint64(p)
	}
	return 0
}

func (r *reader) mac(field string) (m MAC) {
	copy(m[:], r.take(len(m), field))
	return m
}

// name reads a string of at most n bytes that NULs pad.
func (r *reader) name(n int, field string) string {
	p := r.take(n, field)
	for i, c := range p {
		if c == 0 {
			return string(p[:i])
		}
	}
	return string(p)
}

// rest takes all that is left; it is nil when nothing is.
func (r *reader) rest() []byte {
	if len(r.b) == 0 {
		return nil
	}
	return r.take(len(r.b), "data")
}

// fail sticks err, under the name of the field, unless an error sticks already.
func (r *reader) fail(field string, err error) {
	if r.err == nil && err != nil {
		r.err = fmt.Errorf("%s: %w", field, err)
	}
}

// finish fails if anything is left, for messages whose length is fixed.
func (r *reader) finish() {
	if r.err == nil && len(r.b) > 0 {
		r.err = fmt.Errorf("%d bytes after the last field: %w", len(r.b), ErrBadLength)
	}
}

// match reads ofp_match with its padding and checks its fields
// (OpenFlow 1.3.5, 7.2.3.1).
func (r *reader) match() Match {
	typ := r.u16("match: type")
	n := int(r.u16("match: length"))
	if r.err != nil {
		return nil
	}
	if typ != matchTypeOXM {
		r.fail("match: type", ErrBadValue)
		return nil
	}
	if n < 4 {
		r.fail("match: length", ErrBadLength)
		return nil
	}
	m := Match(r.take(n-4, "match: fields"))
	r.skip(pad8(n)-n, "match: padding")
	r.fail("match", m.check())
	if r.err != nil || len(m) == 0 {
		return nil
	}
	return m
}

// actions takes n bytes of actions and checks them.
func (r *reader) actions(n int) Actions {
	a := Actions(r.take(n, "actions"))
	r.fail("actions", a.check())
	if r.err != nil || len(a) == 0 {
		return nil
	}
	return a
}

// instructions takes all that is left as instructions and checks them.
func (r *reader) instructions() Instructions {
	in := Instructions(r.rest())
	r.fail("instructions", in.check())
	if r.err != nil {
		return nil
	}
	return in
}
