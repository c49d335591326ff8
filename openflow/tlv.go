package openflow

import "fmt"

// nextTLV splits the first action or instruction off b: a 16-bit type, a 16-bit
// length that counts from the type on and is a multiple of 8, and at least 4
// bytes more. body starts after the length.
func nextTLV(b []byte) (typ uint16, body, rest []byte, err error) {
	if len(b) < 8 {
		return 0, nil, nil, fmt.Errorf("header: %w", ErrTruncated)
	}
	typ = be.Uint16(b)
	n := int(be.Uint16(b[2:]))
	switch {
	case n < 8 || n%8 != 0:
		return typ, nil, nil, fmt.Errorf("length %d: %w", n, ErrBadLength)
	case n > len(b):
		return typ, nil, nil, fmt.Errorf("length %d, %d left: %w", n, len(b), ErrTruncated)
	}
	return typ, b[4:n:n], b[n:], nil
}

// check reports whether a is a list of well-formed actions, as far as their
// kinds are known.
func (a Actions) check() error {
	for i := 0; len(a) > 0; i++ {
		typ, body, rest, err := nextTLV(a)
		if err == nil {
			err = checkAction(typ, body)
		}
		if err != nil {
			return fmt.Errorf("action %d (%s): %w", i, actionName(typ), err)
		}
		a = rest
	}
	return nil
}

func checkAction(typ uint16, body []byte) error {
	want := len(body)
	switch typ {
	case actOutput:
		want = 12
	case actPushVLAN, actPopVLAN, actSetQueue, actGroup, actSetNwTTL, actDecNwTTL:
		want = 4
	}
	if len(body) != want {
		return fmt.Errorf("length %d: %w", len(body)+4, ErrBadLength)
	}
	if typ != actSetField {
		return nil // an experimenter's id fits in the 4 bytes that there are
	}
	_, rest, err := nextOXM(body)
	if err == nil && len(rest) > 7 {
		err = fmt.Errorf("padding: %w", ErrBadLength)
	}
	return err
}

// check reports whether in is a list of well-formed instructions, as far as
// their kinds are known.
func (in Instructions) check() error {
	for i := 0; len(in) > 0; i++ {
		typ, body, rest, err := nextTLV(in)
		if err == nil {
			err = checkInstruction(typ, body)
		}
		if err != nil {
			return fmt.Errorf("instruction %d (%s): %w", i, instructionName(typ), err)
		}
		in = rest
	}
	return nil
}

func checkInstruction(typ uint16, body []byte) error {
	want := 4
	switch typ {
	case insGotoTable, insMeter, insClearActions:
	case insWriteMetadata:
		want = 20
	case insApplyActions, insWriteActions:
		return Actions(body[4:]).check()
	default:
		return nil
	}
	if len(body) != want {
		return fmt.Errorf("length %d: %w", len(body)+4, ErrBadLength)
	}
	return nil
}
