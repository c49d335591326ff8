package openflow

import "errors"

// Errors of the codec. The errors returned wrap them and say in which field
// they occurred.
var (
	// ErrTruncated: the message ends within the named field.
	ErrTruncated = errors.New("message is cut short")
	// ErrBadLength: a length field contradicts the bytes around it.
	ErrBadLength = errors.New("impossible length")
	// ErrTooLong: the message to encode exceeds MaxMessageLen.
	ErrTooLong = errors.New("longer than a message can be")
	// ErrVersion: the message is not of OpenFlow 1.3.
	ErrVersion = errors.New("not OpenFlow 1.3")
	// ErrBadValue: a field has a value that the specification rules out.
	ErrBadValue = errors.New("impossible value")
)
