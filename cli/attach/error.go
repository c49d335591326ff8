package attach

import "fmt"

// Code is the kind of an Error.
type Code string

// The kinds of errors.
const (
	// NotFound is a container, namespace, port or network that does not exist.
	NotFound Code = "not_found"
	// Conflict is a name, interface or port that is in use.
	Conflict Code = "conflict"
	// Invalid is a value that is not allowed.
	Invalid Code = "invalid"
	// Denied is an operation that needs root.
	Denied Code = "denied"
	// Late is an expected state that was not reached in time.
	Late Code = "late"
	// Failed is any other error that can be fixed on this machine.
	Failed Code = "failed"
)

// Error is why an attachment failed, and how to fix that.
type Error struct {
	Code Code
	// Message says what is wrong, Fix how to fix it.
	Message, Fix string
	// Err is the cause, if there is one.
	Err error
}

// Error returns the message, the cause and, on a line of its own, the fix.
func (e *Error) Error() string {
	text := e.Message
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	if e.Fix != "" {
		text += "\n" + e.Fix
	}
	return text
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// fault returns an Error without a cause.
func fault(code Code, fix, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...), Fix: fix}
}
