package model

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Selector picks objects by their labels; all terms must hold. The zero value picks
// all. It means what a LabelSelector of Kubernetes means.
type Selector struct {
	MatchLabels      map[string]string `json:"matchLabels,omitempty" doc:"Labels that an object must have, with these values" example:"{\"app\":\"web\"}"`
	MatchExpressions []Requirement     `json:"matchExpressions,omitempty" doc:"Further terms"`
}

// Requirement is one term of a Selector.
type Requirement struct {
	Key      string           `json:"key" doc:"Key of the label" example:"tier"`
	Operator SelectorOperator `json:"operator" doc:"In: the label has one of the values; NotIn: it has none of them, or is absent; Exists and DoesNotExist look at the key alone" enum:"In,NotIn,Exists,DoesNotExist" example:"In"`
	Values   []string         `json:"values,omitempty" doc:"Values of In and NotIn" example:"[\"front\",\"back\"]"`
}

// SelectorOperator says how a Requirement looks at a label.
type SelectorOperator string

// The operators.
const (
	// SelectIn: the label has one of the values.
	SelectIn SelectorOperator = "In"
	// SelectNotIn: the label has none of the values, or the object has no such label.
	SelectNotIn SelectorOperator = "NotIn"
	// SelectExists: the object has the label, with any value.
	SelectExists SelectorOperator = "Exists"
	// SelectDoesNotExist: the object does not have the label.
	SelectDoesNotExist SelectorOperator = "DoesNotExist"
)

// Limits of a selector.
const (
	// MaxRequirements of one selector.
	MaxRequirements = 64
	// MaxRequirementValues of one requirement.
	MaxRequirementValues = 1024
)

// ParseSelector reads terms separated by commas: "key=value" (or "=="),
// "key!=value" (also true without the key), "key" and "!key".
func ParseSelector(text string) (Selector, error) {
	var s Selector
	if strings.TrimSpace(text) == "" {
		return s, nil
	}
	for term := range strings.SplitSeq(text, ",") {
		term = strings.TrimSpace(term)
		var r Requirement
		if key, value, ok := strings.Cut(term, "!="); ok {
			r = Requirement{key, SelectNotIn, []string{value}}
		} else if key, value, ok := strings.Cut(term, "="); ok {
			r = Requirement{key, SelectIn, []string{strings.TrimPrefix(value, "=")}}
		} else if key, ok := strings.CutPrefix(term, "!"); ok {
			r = Requirement{Key: key, Operator: SelectDoesNotExist}
		} else {
			r = Requirement{Key: term, Operator: SelectExists}
		}
		r.Key = strings.TrimSpace(r.Key)
		for i, v := range r.Values {
			r.Values[i] = strings.TrimSpace(v)
		}
		if r.Key == "" || strings.ContainsAny(r.Key+strings.Join(r.Values, ""), "=! ") {
			return Selector{}, fmt.Errorf("%q is not a label selector: want terms such as app=web, app!=web, app or !app, separated by commas", text)
		}
		s.MatchExpressions = append(s.MatchExpressions, r)
	}
	return s, nil
}

// String returns the terms as ParseSelector reads them. Terms of several values,
// which it does not read, are written as "key in (a,b)" and "key notin (a,b)".
func (s Selector) String() string {
	var terms []string
	for _, r := range s.Terms() {
		terms = append(terms, r.String())
	}
	return strings.Join(terms, ",")
}

// String returns the term as in Selector.String.
func (r Requirement) String() string {
	values := strings.Join(r.Values, ",")
	switch {
	case r.Operator == SelectExists:
		return r.Key
	case r.Operator == SelectDoesNotExist:
		return "!" + r.Key
	case r.Operator == SelectIn && len(r.Values) == 1:
		return r.Key + "=" + values
	case r.Operator == SelectNotIn && len(r.Values) == 1:
		return r.Key + "!=" + values
	case r.Operator == SelectIn:
		return r.Key + " in (" + values + ")"
	}
	return r.Key + " notin (" + values + ")"
}

// Terms returns all terms as requirements: those of MatchLabels first, by key.
func (s Selector) Terms() []Requirement {
	var all []Requirement
	for _, k := range slices.Sorted(maps.Keys(s.MatchLabels)) {
		all = append(all, Requirement{k, SelectIn, []string{s.MatchLabels[k]}})
	}
	return append(all, s.MatchExpressions...)
}

// Matches reports whether labels satisfy every term.
func (s Selector) Matches(labels map[string]string) bool {
	for k, want := range s.MatchLabels {
		if v, ok := labels[k]; !ok || v != want {
			return false
		}
	}
	return !slices.ContainsFunc(s.MatchExpressions, func(r Requirement) bool { return !r.matches(labels) })
}

func (r Requirement) matches(labels map[string]string) bool {
	v, ok := labels[r.Key]
	switch r.Operator {
	case SelectIn:
		return ok && slices.Contains(r.Values, v)
	case SelectNotIn:
		return !ok || !slices.Contains(r.Values, v)
	case SelectExists:
		return ok
	case SelectDoesNotExist:
		return !ok
	}
	return false
}

// NamesPrefix reports whether a term is about a label whose key has the prefix.
func (s Selector) NamesPrefix(prefix string) bool {
	return slices.ContainsFunc(s.Terms(), func(r Requirement) bool { return strings.HasPrefix(r.Key, prefix) })
}

// normal checks a selector and returns a copy of it.
func (s Selector) normal(field string, bad Reporter) Selector {
	s.MatchLabels, s.MatchExpressions = maps.Clone(s.MatchLabels), slices.Clone(s.MatchExpressions)
	if n := len(s.MatchLabels) + len(s.MatchExpressions); n > MaxRequirements {
		bad(Invalid, field, fmt.Sprintf("%d terms, at most %d are allowed", n, MaxRequirements), "remove some")
	}
	const fix = "use letters, digits and _ . - / (in values also : @ +), beginning a key with a letter or digit"
	for _, k := range slices.Sorted(maps.Keys(s.MatchLabels)) {
		if m := CheckLabel(k, s.MatchLabels[k]); m != "" {
			bad(Invalid, field+".matchLabels", m, fix)
		}
	}
	for i := range s.MatchExpressions {
		r := &s.MatchExpressions[i]
		at := fmt.Sprintf("%s.matchExpressions[%d]", field, i)
		r.Values = slices.Clone(r.Values)
		if m := CheckLabel(r.Key, ""); m != "" {
			bad(Invalid, at+".key", m, fix)
		}
		for _, v := range r.Values {
			if m := CheckLabel("x", v); m != "" {
				bad(Invalid, at+".values", m, fix)
			}
		}
		switch n := len(r.Values); {
		case !slices.Contains([]SelectorOperator{SelectIn, SelectNotIn, SelectExists, SelectDoesNotExist}, r.Operator):
			bad(Invalid, at+".operator", fmt.Sprintf("%q is not an operator", r.Operator), fmt.Sprintf("write %s, %s, %s or %s", SelectIn, SelectNotIn, SelectExists, SelectDoesNotExist))
		case n == 0 && (r.Operator == SelectIn || r.Operator == SelectNotIn):
			bad(Invalid, at+".values", string(r.Operator)+" without values", "give at least one value")
		case n > 0 && (r.Operator == SelectExists || r.Operator == SelectDoesNotExist):
			bad(Invalid, at+".values", string(r.Operator)+" takes no values", "leave them out, or use In or NotIn")
		case n > MaxRequirementValues:
			bad(Invalid, at+".values", fmt.Sprintf("%d values, at most %d are allowed", n, MaxRequirementValues), "remove some")
		}
	}
	return s
}
