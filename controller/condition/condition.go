package condition

import (
	"slices"
	"time"
)

// Severity is how bad a condition is.
type Severity string

// The severities.
const (
	// Error says that packets do not flow as declared: the object is not ready.
	Error Severity = "error"
	// Warning says that packets flow, but something is wrong or will fail when something else
	// does.
	Warning Severity = "warning"
)

// Condition is one thing that is wrong with an object now.
type Condition struct {
	Reason   Reason
	Severity Severity
	// Message is a sentence that says what is wrong, with the facts.
	Message string
	// Action is the command or step that fixes it.
	Action string
	// Since is when the object began to have a condition with this reason. Node, Network,
	// Service and Port leave it zero.
	Since time.Time
}

// Ready reports whether no condition is an error.
func Ready(all []Condition) bool {
	return !slices.ContainsFunc(all, func(c Condition) bool { return c.Severity == Error })
}

// list collects the conditions of one object.
type list []Condition

// add adds a condition; its severity is that of the reason.
func (l *list) add(r Reason, message, action string) {
	*l = append(*l, Condition{Reason: r, Severity: r.Severity(), Message: message, Action: action})
}
