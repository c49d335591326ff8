package membership

import "fmt"

// Code is the kind of an Error.
type Code string

// The kinds of errors.
const (
	// Invalid is a request that is not possible on this machine, such as a tunnel
	// address that none of its interfaces has.
	Invalid Code = "invalid"
	// Conflict is something that is in use, or that another node has.
	Conflict Code = "conflict"
	// NotNode is a machine that has not joined.
	NotNode Code = "not_node"
	// Unreachable is an sdnd that cannot be connected to.
	Unreachable Code = "unreachable"
	// Late is that something did not happen before the timeout.
	Late Code = "late"
)

// Error says why joining or leaving failed, or did not complete.
type Error struct {
	Code Code
	// Err says what is wrong and what to do about it.
	Err error
}

// Error returns the text of Err.
func (e *Error) Error() string { return e.Err.Error() }

// Unwrap returns Err.
func (e *Error) Unwrap() error { return e.Err }

func fault(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Err: fmt.Errorf(format, args...)}
}
