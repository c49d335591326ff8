package cli

import (
	"encoding"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// A fieldError is a mistake in a file at one field of one object.
type fieldError struct {
	line int
	// field is the path as in "spec.subnets[0].cidr"; "" for the object itself.
	field   string
	message string
}

// A decoder sets Go values from YAML nodes by the values' json tags. Unlike
// the yaml package it goes on after a mistake, names the line of each, and
// takes a scalar for what its field is: "02:00:00:00:01:03", 0123 and yes are
// the text the user wrote when the field is text.
type decoder struct {
	errs []fieldError
	// budget is how many more nodes may be read. It keeps nested aliases from
	// growing without limit.
	budget int
}

// maxNodes bounds the YAML nodes read for one object, many times what the
// largest that sdnd takes has.
const maxNodes = 5_000_000

func newDecoder() *decoder { return &decoder{budget: maxNodes} }

func (d *decoder) fail(n *yaml.Node, field, format string, args ...any) {
	d.errs = append(d.errs, fieldError{n.Line, field, fmt.Sprintf(format, args...)})
}

// decode sets v from n. Mistakes are collected in d.errs.
func (d *decoder) decode(n *yaml.Node, v reflect.Value, field string) {
	if d.budget--; d.budget < 0 {
		if d.budget == -1 {
			d.fail(n, field, "the object is too large once its aliases are followed")
		}
		return
	}
	n = resolve(n)
	if n.Tag == "!!null" {
		return // not given
	}
	if v.Kind() == reflect.Pointer {
		v.Set(reflect.New(v.Type().Elem()))
		d.decode(n, v.Elem(), field)
		return
	}
	if u, ok := v.Addr().Interface().(encoding.TextUnmarshaler); ok {
		if n.Kind != yaml.ScalarNode {
			d.fail(n, field, "want text, got %s", kindOf(n))
		} else if err := u.UnmarshalText([]byte(n.Value)); err != nil {
			d.fail(n, field, "%v", err)
		}
		return
	}
	if u, ok := v.Addr().Interface().(json.Unmarshaler); ok {
		d.decodeJSON(n, u, field)
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		d.decodeStruct(n, v, field)
	case reflect.Map:
		d.decodeMap(n, v, field)
	case reflect.Slice:
		if n.Kind != yaml.SequenceNode {
			d.fail(n, field, "want a list, got %s", kindOf(n))
			return
		}
		v.Set(reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content)))
		for i, e := range n.Content {
			d.decode(e, v.Index(i), field+"["+strconv.Itoa(i)+"]")
		}
	default:
		d.decodeScalar(n, v, field)
	}
}

// decodeJSON gives u the node as JSON.
func (d *decoder) decodeJSON(n *yaml.Node, u json.Unmarshaler, field string) {
	var x any
	err := n.Decode(&x)
	if err == nil {
		var b []byte
		if b, err = json.Marshal(x); err == nil {
			err = u.UnmarshalJSON(b)
		}
	}
	if err != nil {
		d.fail(n, field, "%v", err)
	}
}

func (d *decoder) decodeScalar(n *yaml.Node, v reflect.Value, field string) {
	if n.Kind != yaml.ScalarNode {
		d.fail(n, field, "want %s, got %s", scalarName(v.Kind()), kindOf(n))
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(n.Value)
	case reflect.Bool:
		b, err := strconv.ParseBool(n.Value)
		if err != nil {
			d.fail(n, field, "want true or false, got %q", n.Value)
			return
		}
		v.SetBool(b)
	case reflect.Int, reflect.Int32, reflect.Int64:
		i, err := strconv.ParseInt(decimal(n.Value), 0, v.Type().Bits())
		if err != nil {
			d.fail(n, field, "want a whole number, got %q", n.Value)
			return
		}
		v.SetInt(i)
	case reflect.Uint, reflect.Uint32, reflect.Uint64:
		i, err := strconv.ParseUint(decimal(n.Value), 0, v.Type().Bits())
		if err != nil {
			d.fail(n, field, "want a whole number from 0 to %d, got %q", uint64(1)<<(v.Type().Bits()-1)*2-1, n.Value)
			return
		}
		v.SetUint(i)
	default:
		d.fail(n, field, "a field of type %s cannot be given in a file", v.Type())
	}
}

// decimal returns a whole number as strconv reads it in base 10 when it has
// leading zeros: 0100 is a hundred, not octal as in YAML 1.1. 0x10 and 0o10
// stay what they say they are.
func decimal(text string) string {
	digits := strings.TrimLeft(text, "0")
	if digits == "" || digits == text || digits[0] < '0' || digits[0] > '9' {
		return text
	}
	return digits
}

func (d *decoder) decodeMap(n *yaml.Node, v reflect.Value, field string) {
	if n.Kind != yaml.MappingNode {
		d.fail(n, field, "want keys and values, got %s", kindOf(n))
		return
	}
	v.Set(reflect.MakeMapWithSize(v.Type(), len(n.Content)/2))
	d.pairs(n, field, func(key, value *yaml.Node, at string) {
		e := reflect.New(v.Type().Elem()).Elem()
		d.decode(value, e, at)
		v.SetMapIndex(reflect.ValueOf(key.Value).Convert(v.Type().Key()), e)
	})
}

func (d *decoder) decodeStruct(n *yaml.Node, v reflect.Value, field string) {
	if n.Kind != yaml.MappingNode {
		d.fail(n, field, "want keys and values, got %s", kindOf(n))
		return
	}
	fields := jsonFields(v.Type())
	d.pairs(n, field, func(key, value *yaml.Node, at string) {
		index, ok := fields[key.Value]
		if !ok {
			d.fail(key, at, "%s", unknownKey(key.Value, fields))
			return
		}
		d.decode(value, v.FieldByIndex(index), at)
	})
}

// pairs calls f for each key of a mapping that is there once.
func (d *decoder) pairs(n *yaml.Node, field string, f func(key, value *yaml.Node, at string)) {
	seen := make(map[string]int, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		at := joinField(field, key.Value)
		switch {
		case key.Tag == "!!merge":
			d.fail(key, field, "merge keys (<<) are not supported; write the keys out")
		case seen[key.Value] != 0:
			d.fail(key, at, "key %q is already on line %d", key.Value, seen[key.Value])
		default:
			seen[key.Value] = key.Line
			f(key, n.Content[i+1], at)
		}
	}
}

// unknownKey words the error for a key that is not in fields, with the key
// that was probably meant.
func unknownKey[V any](key string, fields map[string]V) string {
	known := make([]string, 0, len(fields))
	for k := range fields {
		known = append(known, k)
	}
	slices.Sort(known)
	if near := nearest(key, known); near != "" {
		return fmt.Sprintf("unknown key %q, did you mean %q?", key, near)
	}
	return fmt.Sprintf("unknown key %q; known are: %s", key, strings.Join(known, ", "))
}

// jsonFields maps the json names of a struct's fields, embedded ones
// included, to their index for reflect.Value.FieldByIndex.
func jsonFields(t reflect.Type) map[string][]int {
	fields := make(map[string][]int)
	for _, f := range reflect.VisibleFields(t) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if !f.IsExported() || name == "-" || f.Anonymous && name == "" {
			continue
		}
		if name == "" {
			name = f.Name
		}
		fields[name] = f.Index
	}
	return fields
}

// resolve follows an alias to what it stands for.
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

// kindOf words what a node is.
func kindOf(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "keys and values"
	case yaml.SequenceNode:
		return "a list"
	default:
		return strconv.Quote(n.Value)
	}
}

func scalarName(k reflect.Kind) string {
	switch k {
	case reflect.String:
		return "text"
	case reflect.Bool:
		return "true or false"
	default:
		return "a whole number"
	}
}
