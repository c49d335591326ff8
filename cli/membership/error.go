package membership

import "fmt"

// Code is the kind of an Error.
type Code string

// The kinds of errors.
const (
	// Invalid is a request that this machine cannot be asked, such as a tunnel
	// address that none of its interfaces has.
	Invalid Code = "invalid"
	// Conflict is something that is in use, or that another node has.
	Conflict Code = "conflict"
	// NotNode is a machine that has not joined.
	NotNode Code = "not_node"
	// Unreachable is an sdnd that cannot be connected to.
	Unreachable Code = "unreachable"
	// Late is what did not come to pass in the time that there was.
	Late Code = "late"
)

// Error says why a machine did not become a node, or not quite, or could not leave.
type Error struct {
	Code Code
	// Err says what is the case and what to do about it.
	Err error
}

// Error returns the text of Err.
func (e *Error) Error() string { return e.Err.Error() }

// Unwrap returns Err.
func (e *Error) Unwrap() error { return e.Err }

func fault(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Err: fmt.Errorf(format, args...)}
}
