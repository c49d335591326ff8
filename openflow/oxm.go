package openflow

import (
	"fmt"
	"iter"
)

// OXM is one field of a match (OpenFlow 1.3.5, 7.2.3.2).
type OXM struct {
	Field Field
	// Value, and Mask of the same length or nil. In a field of the experimenter
	// class they are whatever follows the header, undivided, in Value.
	Value, Mask []byte
}

// All yields the fields in the order of the wire, aliasing m. It stops at bytes
// that are no well-formed field; what was decoded has none.
func (m Match) All() iter.Seq[OXM] {
	return func(yield func(OXM) bool) {
		for len(m) > 0 {
			o, rest, err := nextOXM(m)
			if err != nil || !yield(o) {
				return
			}
			m = rest
		}
	}
}

// nextOXM splits the first field off b.
func nextOXM(b []byte) (o OXM, rest []byte, err error) {
	if len(b) < 4 {
		return o, nil, fmt.Errorf("header: %w", ErrTruncated)
	}
	h := Field(be.Uint32(b))
	n := h.Len()
	if n == 0 {
		return o, nil, fmt.Errorf("length 0: %w", ErrBadLength)
	}
	if n > len(b)-4 {
		return o, nil, fmt.Errorf("value: %w", ErrTruncated)
	}
	value, rest := b[4:4+n:4+n], b[4+n:]
	switch {
	case h.class() == classExperimenter:
		if n < 4 {
			return o, nil, fmt.Errorf("experimenter: %w", ErrTruncated)
		}
		return OXM{Field: h, Value: value}, rest, nil
	case h&maskBit == 0:
		return OXM{Field: h, Value: value}, rest, nil
	case n%2 != 0:
		return o, nil, fmt.Errorf("mask: length %d: %w", n, ErrBadLength)
	}
	f := h&^(maskBit|0xff) | Field(n/2)
	return OXM{Field: f, Value: value[: n/2 : n/2], Mask: value[n/2:]}, rest, nil
}

// check reports whether m is a list of well-formed fields.
func (m Match) check() error {
	for i := 0; len(m) > 0; i++ {
		_, rest, err := nextOXM(m)
		if err != nil {
			return fmt.Errorf("field %d: %w", i, err)
		}
		m = rest
	}
	return nil
}
