package cli

import (
	"encoding"
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// A syntaxError is a mistake in a file that is visible only in its YAML, not in its JSON.
type syntaxError struct {
	line int
	// field is the path as in "spec.subnets[0].cidr"; "" for the object itself.
	field   string
	message string
}

// A decoder turns YAML nodes into JSON values. Package api then finds the mistakes in them.
// The type of a field decides how a scalar is read: in a text field 02:00:00:00:01:03, 0123
// and yes are the text that the user wrote.
type decoder struct {
	errs []syntaxError
	// lost is set if something in the file cannot be expressed in JSON or in the type, so
	// that other things may seem to be missing.
	lost bool
	// budget is how many more nodes may be read. It keeps nested aliases from
	// growing without limit.
	budget int
}

// maxNodes bounds the YAML nodes read for one object: many times those of the largest
// object that sdnd accepts.
const maxNodes = 5_000_000

func newDecoder() *decoder { return &decoder{budget: maxNodes} }

func (d *decoder) fail(n *yaml.Node, field, format string, args ...any) {
	d.lost = true
	d.errs = append(d.errs, syntaxError{n.Line, field, fmt.Sprintf(format, args...)})
}

// value returns n in JSON, for a field of type t; nil is any type.
func (d *decoder) value(n *yaml.Node, t reflect.Type, field string) any {
	if d.budget--; d.budget < 0 {
		if d.budget == -1 {
			d.fail(n, field, "the object is too large once its aliases are followed")
		}
		return nil
	}
	n = resolve(n)
	if t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case n.Tag == "!!null":
		return nil
	case n.Kind == yaml.SequenceNode:
		list := make([]any, len(n.Content))
		for i, c := range n.Content {
			list[i] = d.value(c, elem(t, reflect.Slice), field+"["+strconv.Itoa(i)+"]")
		}
		return list
	case n.Kind == yaml.MappingNode && t != nil && t.Kind() == reflect.Struct:
		return d.object(n, jsonFields(t), field)
	case n.Kind == yaml.MappingNode:
		members := make(map[string]any, len(n.Content)/2)
		d.pairs(n, field, false, func(key, value *yaml.Node, at string) {
			members[key.Value] = d.value(value, elem(t, reflect.Map), at)
		})
		return members
	}
	return scalar(n.Value, t)
}

// object returns a mapping in JSON whose keys are fields, with their types. It keeps
// unknown keys, which package api reports.
func (d *decoder) object(n *yaml.Node, fields map[string]reflect.Type, field string) map[string]any {
	members := make(map[string]any, len(n.Content)/2)
	d.pairs(n, field, true, func(key, value *yaml.Node, at string) {
		t, known := fields[strings.ToLower(key.Value)]
		if !known {
			d.lost = true
			members[key.Value] = nil
		} else if v := d.value(value, t, at); v != nil { // null is "not given"
			members[key.Value] = v
		}
	})
	return members
}

// pairs calls f for each key of a mapping that occurs once; with fold, case is ignored.
func (d *decoder) pairs(n *yaml.Node, field string, fold bool, f func(key, value *yaml.Node, at string)) {
	seen := make(map[string]int, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		at := joinField(field, key.Value)
		name := key.Value
		if fold {
			name = strings.ToLower(name)
		}
		switch {
		case key.Tag == "!!merge":
			d.fail(key, field, "merge keys (<<) are not supported; write the keys out")
		case seen[name] != 0:
			d.fail(key, at, "key %q is already on line %d", key.Value, seen[name])
		default:
			seen[name] = key.Line
			f(key, n.Content[i+1], at)
		}
	}
}

// elem returns the type of the elements of t if t is of the kind, nil otherwise.
func elem(t reflect.Type, k reflect.Kind) reflect.Type {
	if t != nil && t.Kind() == k {
		return t.Elem()
	}
	return nil
}

// scalar returns a scalar in JSON: a number or a bool if t is one and the text is one, text
// otherwise.
func scalar(text string, t reflect.Type) any {
	if t == nil || reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]()) {
		return text
	}
	switch t.Kind() {
	case reflect.Bool:
		if b, err := strconv.ParseBool(text); err == nil {
			return b
		}
	case reflect.Int, reflect.Int32, reflect.Int64, reflect.Uint, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		if i, err := strconv.ParseInt(decimal(text), 0, 64); err == nil {
			return json.Number(strconv.FormatInt(i, 10))
		}
	}
	return text
}

// decimal returns a whole number in base 10 even if it has leading zeros: 0100 is a
// hundred, not octal as in YAML 1.1. 0x10 and 0o10 stay hexadecimal and octal.
func decimal(text string) string {
	digits := strings.TrimLeft(text, "0")
	if digits == "" || digits == text || digits[0] < '0' || digits[0] > '9' {
		return text
	}
	return digits
}

// jsonFields maps the names of a struct's fields in JSON, in lower case, to their
// types. Those of embedded structs are the struct's own.
func jsonFields(t reflect.Type) map[string]reflect.Type {
	fields := make(map[string]reflect.Type)
	for _, f := range reflect.VisibleFields(t) {
		if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); name != "" && name != "-" {
			fields[strings.ToLower(name)] = f.Type
		}
	}
	return fields
}

// resolve follows an alias to its anchor.
func resolve(n *yaml.Node) *yaml.Node {
	for n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	return n
}

func joinField(parent, key string) string {
	if parent == "" {
		return key
	}
	return parent + "." + key
}
