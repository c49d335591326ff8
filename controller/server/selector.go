package server

import (
	"fmt"
	"slices"
	"strings"
)

// selector picks objects by their labels. The zero value picks all.
type selector []requirement

// requirement is one term of a selector.
type requirement struct {
	key, value string
	// hasValue compares the value, else only the key's presence counts.
	hasValue, not bool
}

// parseSelector reads terms separated by commas, all of which must hold:
// "key=value", "key!=value" (also true without the key), "key" and "!key".
// "==" is the same as "=".
func parseSelector(s string) (selector, error) {
	if strings.TrimSpace(s) == "" {
		return nil, nil
	}
	var sel selector
	for term := range strings.SplitSeq(s, ",") {
		term = strings.TrimSpace(term)
		var r requirement
		if key, value, ok := strings.Cut(term, "!="); ok {
			r = requirement{key: key, value: value, hasValue: true, not: true}
		} else if key, value, ok := strings.Cut(term, "="); ok {
			r = requirement{key: key, value: strings.TrimPrefix(value, "="), hasValue: true}
		} else if key, ok := strings.CutPrefix(term, "!"); ok {
			r = requirement{key: key, not: true}
		} else {
			r = requirement{key: term}
		}
		r.key, r.value = strings.TrimSpace(r.key), strings.TrimSpace(r.value)
		if r.key == "" || strings.ContainsAny(r.key+r.value, "=! ") {
			return nil, fmt.Errorf("%q is not a label selector: want terms such as app=web, app!=web, app or !app, separated by commas", s)
		}
		sel = append(sel, r)
	}
	return sel, nil
}

// names reports whether a term is about a label whose key has the prefix.
func (sel selector) names(prefix string) bool {
	return slices.ContainsFunc(sel, func(r requirement) bool { return strings.HasPrefix(r.key, prefix) })
}

// matches reports whether labels satisfy every term.
func (sel selector) matches(labels map[string]string) bool {
	for _, r := range sel {
		v, ok := labels[r.key]
		if (ok && (!r.hasValue || v == r.value)) == r.not {
			return false
		}
	}
	return true
}
