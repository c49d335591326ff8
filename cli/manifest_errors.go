package cli

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/sdnctl/sdnctl/controller/api"
)

// A fileError is one mistake with its place in a file.
type fileError struct {
	file    string
	line    int // 0: the file as a whole
	problem api.Problem
}

// String returns "file:line: problem".
func (e fileError) String() string {
	if e.line == 0 {
		return e.file + ": " + e.problem.String()
	}
	return fmt.Sprintf("%s:%d: %s", e.file, e.line, e.problem)
}

// fileErrors are all mistakes in the files of one command.
type fileErrors []fileError

// shownErrors is how many mistakes are printed.
const shownErrors = 100

// Error lists the mistakes, one per line, in the order of files and lines.
func (e fileErrors) Error() string {
	var b strings.Builder
	if len(e) == 1 {
		b.WriteString(e[0].String())
	} else {
		fmt.Fprintf(&b, "%d mistakes, nothing was changed:", len(e))
		for i, one := range e {
			if i == shownErrors {
				fmt.Fprintf(&b, "\n  and %d more", len(e)-i)
				break
			}
			b.WriteString("\n  " + one.String())
		}
	}
	return b.String()
}

// sorted orders mistakes by line within each file, files as they were read.
func (e fileErrors) sorted() fileErrors {
	order := make(map[string]int)
	for _, one := range e {
		if _, ok := order[one.file]; !ok {
			order[one.file] = len(order)
		}
	}
	slices.SortStableFunc(e, func(a, b fileError) int {
		return cmp.Or(cmp.Compare(order[a.file], order[b.file]), cmp.Compare(a.line, b.line))
	})
	return e
}

// merge joins the mistakes found while reading with the daemon's answer to a request of all
// of l's manifests in order. It returns nil if there are none. It leaves out mistakes that
// may only follow from a manifest that could not be read completely, because they would
// mislead the user.
func (l *loader) merge(answer error) error {
	var refused *api.Error
	if answer != nil && (!errors.As(answer, &refused) || len(refused.Errors) == 0) && len(l.errs) == 0 {
		return answer
	}
	errs := l.errs
	if refused != nil {
		dependent := l.dependent()
		for _, p := range refused.Errors {
			if p.Index < 0 || p.Index >= len(l.found) {
				if len(l.errs) == 0 {
					errs = append(errs, fileError{file: p.Object, problem: api.Problem{Field: p.Field, Message: p.Message, Fix: p.Fix}})
				}
				continue
			}
			m := &l.found[p.Index]
			if m.broken || dependent(m) || slices.Contains(m.mistakes, p.Field) {
				continue
			}
			if p.Object == "" {
				p.Object = m.object.Ref()
			}
			errs = append(errs, fileError{m.file, m.line(p.Field), p})
		}
	}
	if len(errs) == 0 {
		return answer
	}
	return manifestError{errs.sorted(), refused}
}

// dependent returns a function that reports whether a manifest refers to a broken one, or may.
func (l *loader) dependent() func(*manifest) bool {
	broken := make(map[string]bool)
	for _, m := range l.found {
		if m.broken {
			broken[m.object.Name] = true
		}
	}
	return func(m *manifest) bool {
		if l.nameless && m.object.Kind != api.KindNode && m.object.Kind != api.KindNetwork {
			return true
		}
		var spec any
		return json.Unmarshal(m.object.Spec, &spec) != nil || mentions(spec, broken)
	}
}

// mentions reports whether one of the texts in a JSON value is one of the names.
func mentions(v any, names map[string]bool) bool {
	is := func(v any) bool { return mentions(v, names) }
	switch v := v.(type) {
	case string:
		return names[v]
	case []any:
		return slices.ContainsFunc(v, is)
	case map[string]any:
		return slices.ContainsFunc(slices.Collect(maps.Values(v)), is)
	}
	return false
}

// A manifestError has the mistakes in files. If the daemon found some of them, its error
// decides the exit code.
type manifestError struct {
	fileErrors
	refused *api.Error
}

// Unwrap returns the daemon's error, nil when only reading failed.
func (e manifestError) Unwrap() error {
	if e.refused == nil {
		return nil
	}
	return e.refused
}
