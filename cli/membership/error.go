package membership

import "fmt"

// Code is the kind of an Error.
type Code string

// The kinds of errors.
const (
	// Invalid is a request that is not possible on this machine, such as a tunnel
	// address that none of its interfaces has.
	Invalid Code = "invalid"
	// Conflict is a bridge, name or id that is in use.
	Conflict Code = "conflict"
	// NotNode is a machine that has not joined.
	NotNode Code = "not_node"
	// Unreachable is an sdnd that cannot be reached.
	Unreachable Code = "unreachable"
	// Late is an expected state that was not reached before the timeout.
	Late Code = "late"
)

// Error is why joining or leaving failed, or did not complete.
type Error struct {
	Code Code
	// Err says what is wrong and how to fix it.
	Err error
}

// Error returns the text of Err.
func (e *Error) Error() string { return e.Err.Error() }

// Unwrap returns Err.
func (e *Error) Unwrap() error { return e.Err }

// fault returns an Error.
func fault(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Err: fmt.Errorf(format, args...)}
}
