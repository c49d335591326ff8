package ovsdb

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Value is the value of a column: a set, or a map. The value of a column that holds exactly
// one is a set of one element. The zero Value is the empty set.
type Value struct {
	set   []Atom
	pairs [][2]Atom
	isMap bool
}

// Set returns a set of atoms, in any order; of one atom for a column that holds exactly
// one.
func Set(atoms ...Atom) Value { return Value{set: atoms} }

// Map returns a map of pairs of key and value, in any order.
func Map(pairs ...[2]Atom) Value { return Value{pairs: pairs, isMap: true} }

// Strings returns a map of strings.
func Strings(m map[string]string) Value {
	v := Value{isMap: true}
	for key, value := range m {
		v.pairs = append(v.pairs, [2]Atom{Text(key), Text(value)})
	}
	return v
}

// Atom is one element of a value: Text, Int, Bool, Own or Row.
type Atom interface {
	// text is unique among atoms, and free of uuids.
	text() string
}

// The kinds of atoms. Own refers to an own row by its key, Row to a row of others by
// its table and its column name.
type (
	Text string
	Int  int64
	Bool bool
	Own  string
	Row  struct{ Table, Name string }
)

func (a Text) text() string { return strconv.Quote(string(a)) }
func (a Int) text() string  { return strconv.FormatInt(int64(a), 10) }
func (a Bool) text() string { return strconv.FormatBool(bool(a)) }
func (a Own) text() string  { return "own(" + strconv.Quote(string(a)) + ")" }
func (a Row) text() string  { return a.Table + "(" + strconv.Quote(a.Name) + ")" }

// String returns a form that does not depend on the order of elements.
func (v Value) String() string { return v.render(Atom.text) }

// render writes the value with the text of each atom, sorted.
func (v Value) render(text func(Atom) string) string {
	var all []string
	for _, a := range v.set {
		all = append(all, text(a))
	}
	for _, p := range v.pairs {
		all = append(all, text(p[0])+"="+text(p[1]))
	}
	return canonical(all, v.isMap)
}

func canonical(elements []string, isMap bool) string {
	slices.Sort(elements)
	if isMap {
		return "{" + strings.Join(elements, ",") + "}"
	}
	return "[" + strings.Join(elements, ",") + "]"
}

// notation returns the value in OVSDB's notation (RFC 7047, 5.1), given that of atoms.
func (v Value) notation(of func(Atom) any) any {
	if v.isMap {
		pairs := [][2]any{}
		for _, p := range v.pairs {
			pairs = append(pairs, [2]any{of(p[0]), of(p[1])})
		}
		return []any{"map", pairs}
	}
	atoms := []any{}
	for _, a := range v.set {
		atoms = append(atoms, of(a))
	}
	return []any{"set", atoms}
}

// uuidText is how canonicalOf and render write a uuid.
func uuidText(id string) string { return "uuid(" + id + ")" }

// canonicalOf returns a value in OVSDB's notation in the form that render returns.
func canonicalOf(raw json.RawMessage) (string, error) {
	var tagged [2]json.RawMessage
	if len(raw) == 0 || raw[0] != '[' {
		atom, err := canonicalAtom(raw)
		return canonical([]string{atom}, false), err
	}
	if err := json.Unmarshal(raw, &tagged); err != nil {
		return "", err
	}
	var all []string
	switch string(tagged[0]) {
	case `"uuid"`:
		atom, err := canonicalAtom(raw)
		return canonical([]string{atom}, false), err
	case `"set"`:
		var atoms []json.RawMessage
		if err := json.Unmarshal(tagged[1], &atoms); err != nil {
			return "", err
		}
		for _, a := range atoms {
			atom, err := canonicalAtom(a)
			if err != nil {
				return "", err
			}
			all = append(all, atom)
		}
		return canonical(all, false), nil
	case `"map"`:
		var pairs [][2]json.RawMessage
		if err := json.Unmarshal(tagged[1], &pairs); err != nil {
			return "", err
		}
		for _, p := range pairs {
			key, err := canonicalAtom(p[0])
			if err != nil {
				return "", err
			}
			value, err := canonicalAtom(p[1])
			if err != nil {
				return "", err
			}
			all = append(all, key+"="+value)
		}
		return canonical(all, true), nil
	}
	return "", fmt.Errorf("want a value, have %s", excerpt(raw))
}

func canonicalAtom(raw json.RawMessage) (string, error) {
	switch {
	case len(raw) == 0 || string(raw) == "null":
		return "", fmt.Errorf("want a value, have null")
	case raw[0] == '"':
		var s string
		err := json.Unmarshal(raw, &s)
		return strconv.Quote(s), err
	case raw[0] == '[':
		var id [2]string
		if err := json.Unmarshal(raw, &id); err != nil || id[0] != "uuid" {
			return "", fmt.Errorf("want a uuid, have %s", excerpt(raw))
		}
		return uuidText(id[1]), nil
	}
	return string(raw), nil // a number, or true or false
}
