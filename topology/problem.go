package topology

import (
	"fmt"
	"strings"
)

// Problem is one mistake in a list of ops, described for the user.
type Problem struct {
	// Op is the index of the op in the list given to Plan.
	Op  int
	Ref Ref
	// Field is the path of the wrong field in the object as users write it, for example
	// "spec.subnets[0].cidr". It is empty if the object as a whole is wrong.
	Field string
	// Message says what is wrong.
	Message string
	// Fix is the remedy. It is never empty.
	Fix  string
	Kind ProblemKind
}

// String returns "kind/name: field: message; fix".
func (p Problem) String() string {
	var b strings.Builder
	b.WriteString(p.Ref.String())
	b.WriteString(": ")
	if p.Field != "" {
		b.WriteString(p.Field)
		b.WriteString(": ")
	}
	b.WriteString(p.Message)
	if p.Fix != "" {
		b.WriteString("; ")
		b.WriteString(p.Fix)
	}
	return b.String()
}

// Problems are all the mistakes of one list of ops, in the order of the ops.
// It is the error that Plan returns; get it with errors.As.
type Problems []Problem

// Error lists the problems, one a line when there are several.
func (ps Problems) Error() string {
	if len(ps) == 1 {
		return ps[0].String()
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%d problems:", len(ps))
	for _, p := range ps {
		b.WriteString("\n  ")
		b.WriteString(p.String())
	}
	return b.String()
}

// maxNamed is how many users of an object a message names.
const maxNamed = 3

// users collects the objects that use another: the first few by name, the rest counted.
type users struct {
	named []string
	more  int
}

func (u *users) add(user fmt.Stringer) {
	if len(u.named) < maxNamed {
		u.named = append(u.named, user.String())
		return
	}
	u.more++
}

// text is a user in words.
type text string

// String returns the text.
func (t text) String() string { return string(t) }

func (u *users) any() bool { return len(u.named) > 0 }

// String returns "a, b and c" or "a, b, c and 7 more".
func (u *users) String() string {
	if u.more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(u.named, ", "), u.more)
	}
	return list(u.named)
}

// list returns "a", "a and b" or "a, b and c".
func list(s []string) string {
	if len(s) < 2 {
		return strings.Join(s, "")
	}
	return strings.Join(s[:len(s)-1], ", ") + " and " + s[len(s)-1]
}
