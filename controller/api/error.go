package api

import (
	"fmt"
	"strings"
)

// Codes of errors. They are stable: programs may branch on them.
const (
	// CodeMalformed is a request that cannot be read, such as broken JSON.
	CodeMalformed = "malformed"
	// CodeInvalid is a request with a value that is not allowed.
	CodeInvalid = "invalid"
	// CodeNotFound is an object or path that does not exist.
	CodeNotFound = "not_found"
	// CodeExists is a request to create an object that exists.
	CodeExists = "exists"
	// CodeConflict is an address, VNI or name that another object has.
	CodeConflict = "conflict"
	// CodeInUse is a request to delete an object that another one refers to.
	CodeInUse = "in_use"
	// CodeExhausted is a pool that has no free value left, or a limit that is reached.
	CodeExhausted = "exhausted"
	// CodePrecondition is an If-Match that names an older revision of the object.
	CodePrecondition = "precondition_failed"
	// CodeTooLarge is a body that exceeds the limit.
	CodeTooLarge = "too_large"
	// CodeUnauthenticated is a caller without valid credentials.
	CodeUnauthenticated = "unauthenticated"
	// CodeForbidden is a request that the caller's role does not allow.
	CodeForbidden = "forbidden"
	// CodeTooMany is a client that sends too many requests.
	CodeTooMany = "too_many_requests"
	// CodeUnavailable is a node that is not connected, or a daemon that is stopping or
	// overloaded.
	CodeUnavailable = "unavailable"
	// CodeNoSpace is a change that was not saved because the disk is full.
	CodeNoSpace = "no_space"
	// CodeFileLost is a change that was not saved because the daemon's data file was
	// removed, replaced, cut short or written to by another program.
	CodeFileLost = "data_file_lost"
	// CodeInternal is a failure of the daemon, such as a broken disk.
	CodeInternal = "internal"
)

// Error is why sdnd refused a request. A refused request has changed nothing. It is
// sent as problem details (RFC 9457) of the type "about:blank".
type Error struct {
	Status  int       `json:"status" doc:"HTTP status code" example:"422"`
	Title   string    `json:"title" doc:"HTTP status text" example:"Unprocessable Entity"`
	Code    string    `json:"code" doc:"Kind of the error, for programs" enum:"malformed,invalid,not_found,exists,conflict,in_use,exhausted,precondition_failed,too_large,unauthenticated,forbidden,too_many_requests,unavailable,no_space,data_file_lost,internal" example:"invalid"`
	Detail  string    `json:"detail" doc:"What is wrong, in words" example:"port/web1: spec.ip: 10.0.1.7 is not in a subnet of network blue"`
	Message string    `json:"message" doc:"The same as detail" example:"port/web1: spec.ip: 10.0.1.7 is not in a subnet of network blue"`
	Errors  []Problem `json:"errors,omitempty" doc:"Every mistake in the request"`
}

// Problem is one mistake in a request.
type Problem struct {
	Index   int    `json:"index" doc:"Position of the object in the request, from 0: first those of objects, then those of delete; -1 if the mistake concerns the whole request" example:"3"`
	Object  string `json:"object,omitempty" doc:"Reference of the object" example:"port/web1"`
	Field   string `json:"field,omitempty" doc:"Path of the field in the object" example:"spec.ip"`
	Message string `json:"message" doc:"What is wrong" example:"10.0.1.7 is not in a subnet of network blue"`
	Fix     string `json:"fix,omitempty" doc:"How to fix it" example:"use an address of 10.0.0.0/24"`
}

// Error returns the message followed by every mistake, one per line.
func (e *Error) Error() string {
	if len(e.Errors) <= 1 {
		return e.Message
	}
	var b strings.Builder
	b.WriteString(e.Message)
	for _, p := range e.Errors {
		b.WriteString("\n  ")
		b.WriteString(p.String())
	}
	return b.String()
}

// String returns "object: field: message (fix)".
func (p Problem) String() string {
	var b strings.Builder
	if p.Object != "" {
		fmt.Fprintf(&b, "%s: ", p.Object)
	}
	if p.Field != "" {
		fmt.Fprintf(&b, "%s: ", p.Field)
	}
	b.WriteString(p.Message)
	if p.Fix != "" {
		fmt.Fprintf(&b, " (%s)", p.Fix)
	}
	return b.String()
}
