package api

import (
	"bytes"
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/sdnctl/sdnctl/topology/model"
)

// decodeStrict decodes data into the struct that out points to. Correct input takes one
// pass of encoding/json. If that fails, walk collects the mistakes and still sets the fields
// that can be decoded. path is the field path of the struct, for the problems.
func decodeStrict(data []byte, path string, out any) []Problem {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	err := dec.Decode(out)
	if err == nil {
		if _, err := dec.Token(); !errors.Is(err, io.EOF) {
			return []Problem{{Field: path, Message: "text after the end of the JSON value"}}
		}
		return nil
	}
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return []Problem{{Field: path, Message: "not JSON: " + err.Error()}}
	}
	reflect.ValueOf(out).Elem().SetZero()
	return walk(data, path, reflect.ValueOf(out).Elem())
}

const (
	// maxProblems is the greatest number of mistakes that are reported of a list or map.
	maxProblems = 1000
	// maxUnknown is the greatest number of unknown keys that are reported of an object. It
	// is smaller, as finding the nearest known key of each takes time.
	maxUnknown = 100
)

// walk decodes data into v and returns every mistake, with field paths below path. It leaves
// values with mistakes zero.
func walk(data []byte, path string, v reflect.Value) []Problem {
	if bytes.Equal(bytes.TrimSpace(data), []byte("null")) {
		return nil
	}
	switch to := v.Addr().Interface().(type) {
	case json.Unmarshaler:
		return mistakeOf(to.UnmarshalJSON(data), data, path, v)
	case encoding.TextUnmarshaler:
		var text string
		err := json.Unmarshal(data, &text)
		if err == nil {
			err = model.SetText(to, text)
		}
		return mistakeOf(err, data, path, v)
	}
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		problems := walk(data, path, v.Elem())
		if problems != nil && v.Elem().Kind() != reflect.Struct {
			v.SetZero() // so that a wrong value is not taken for a given one
		}
		return problems
	case reflect.Struct:
		return walkStruct(data, path, v)
	case reflect.Slice:
		return walkSlice(data, path, v)
	case reflect.Map:
		return walkMap(data, path, v)
	}
	return mistakeOf(json.Unmarshal(data, v.Addr().Interface()), data, path, v)
}

// mistakeOf converts the error of decoding data into v to a problem, and sets v to zero. It
// returns nil for no error.
func mistakeOf(err error, data []byte, path string, v reflect.Value) []Problem {
	if err == nil {
		return nil
	}
	v.SetZero()
	var known *model.ValueError
	if errors.As(err, &known) {
		return []Problem{{Field: path, Message: known.Message, Fix: known.Fix}}
	}
	return []Problem{{Field: path, Message: fmt.Sprintf("want %s, got %s", typeName(v), describe(data))}}
}

func walkSlice(data []byte, path string, v reflect.Value) []Problem {
	var items []json.RawMessage
	if json.Unmarshal(data, &items) != nil {
		return []Problem{{Field: path, Message: "want a list, got " + describe(data)}}
	}
	v.Set(reflect.MakeSlice(v.Type(), len(items), len(items)))
	var problems []Problem
	for i, item := range items {
		if len(problems) >= maxProblems {
			break
		}
		problems = append(problems, walk(item, fmt.Sprintf("%s[%d]", path, i), v.Index(i))...)
	}
	return problems
}

func walkMap(data []byte, path string, v reflect.Value) []Problem {
	var members map[string]json.RawMessage
	if json.Unmarshal(data, &members) != nil {
		return []Problem{{Field: path, Message: fmt.Sprintf("want %s, got %s", typeName(v), describe(data))}}
	}
	v.Set(reflect.MakeMapWithSize(v.Type(), len(members)))
	var problems []Problem
	for _, key := range slices.Sorted(maps.Keys(members)) {
		if len(problems) >= maxProblems {
			break
		}
		e := reflect.New(v.Type().Elem()).Elem()
		problems = append(problems, walk(members[key], join(path, key), e)...)
		v.SetMapIndex(reflect.ValueOf(key), e)
	}
	return problems
}

func walkStruct(data []byte, path string, v reflect.Value) []Problem {
	var members map[string]json.RawMessage
	if json.Unmarshal(data, &members) != nil {
		return []Problem{{Field: path, Message: "want an object with keys, got " + describe(data)}}
	}
	fields := map[string][]int{}
	for _, f := range reflect.VisibleFields(v.Type()) { // those of embedded structs too
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name != "" && name != "-" {
			fields[name] = f.Index
		}
	}
	known := slices.Sorted(maps.Keys(fields))
	given, unknown, more := sortKeys(members, known)
	var problems []Problem
	for _, key := range given {
		name, ok := nameOf(key, known)
		if ok {
			problems = append(problems, walk(members[key], join(path, name), v.FieldByIndex(fields[name]))...)
			continue
		}
		p := Problem{Field: join(path, key), Message: fmt.Sprintf("unknown key %q", key)}
		if near := Nearest(key, known); near != "" {
			p.Fix = fmt.Sprintf("did you mean %q?", near)
		} else {
			p.Fix = "known keys are " + strings.Join(known, ", ")
		}
		problems = append(problems, p)
	}
	if more > 0 {
		problems = append(problems, Problem{Field: path, Message: fmt.Sprintf("%d unknown keys beside these %d", more, unknown)})
	}
	return problems
}

// sortKeys returns the known keys of an object and its first unknown keys, sorted together,
// the number of these unknown keys, and the number of those that are left out.
func sortKeys(members map[string]json.RawMessage, known []string) (keys []string, unknown, more int) {
	var others []string
	for key := range members {
		if _, ok := nameOf(key, known); ok {
			keys = append(keys, key)
			continue
		}
		if len(others) == maxUnknown {
			more++
			if key > others[maxUnknown-1] {
				continue
			}
			others = others[:maxUnknown-1]
		}
		i, _ := slices.BinarySearch(others, key)
		others = slices.Insert(others, i, key)
	}
	keys = append(keys, others...)
	slices.Sort(keys)
	return keys, len(others), more
}

// nameOf returns the known name that equals a key in any case, as encoding/json does.
func nameOf(key string, known []string) (name string, ok bool) {
	for _, n := range known {
		if len(n) == len(key) && strings.EqualFold(n, key) {
			return n, true
		}
	}
	return "", false
}

// join appends a key to a field path.
func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// typeName returns a word for the JSON values that v takes, such as "text".
func typeName(v reflect.Value) string {
	if _, ok := v.Addr().Interface().(encoding.TextUnmarshaler); ok {
		return "text"
	}
	switch v.Kind() {
	case reflect.String:
		return "text"
	case reflect.Bool:
		return "true or false"
	case reflect.Map:
		return "keys with " + strings.TrimPrefix(typeName(reflect.New(v.Type().Elem()).Elem()), "a ") + " values"
	case reflect.Int, reflect.Int64, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return "a whole number"
	}
	return v.Type().String()
}

// describe returns a JSON value for a message, shortened if it is long.
func describe(data []byte) string {
	s := strings.TrimSpace(string(data))
	switch s[0] {
	case '{':
		return "an object with keys"
	case '[':
		return "a list"
	}
	if r := []rune(s); len(r) > 40 {
		return string(r[:40]) + "…"
	}
	return s
}
