package attach

import "fmt"

// Code is the kind of an Error.
type Code string

// The kinds of errors.
const (
	// NotFound is a container, namespace, port or network that does not exist.
	NotFound Code = "not_found"
	// Conflict is a name, interface or port that something else has.
	Conflict Code = "conflict"
	// Invalid is a value that its field cannot take.
	Invalid Code = "invalid"
	// Denied is a call that needs root.
	Denied Code = "denied"
	// Late is what did not come to pass in the time that there was.
	Late Code = "late"
	// Failed is anything else that can be cured on this machine.
	Failed Code = "failed"
)

// Error says what is in the way of an attachment, and what to do about it.
type Error struct {
	Code Code
	// Message says what is the case, Fix what to do.
	Message, Fix string
	// Err is the cause, if there is one.
	Err error
}

// Error returns the message and, on a line of its own, the cure.
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

func fault(code Code, fix, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...), Fix: fix}
}
