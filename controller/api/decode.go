package api

import (
	"fmt"
	"slices"
	"strings"

	"github.com/sdnctl/sdnctl/topology/model"
)

// DecodeObject reads one object in JSON strictly. It returns every mistake
// that can be seen in the object alone: unknown keys (with the key that may
// have been meant), values of the wrong type, a missing kind or name. Status
// and meta are read and dropped. Problem.Index is left 0.
func DecodeObject(data []byte) (Object, []Problem) {
	o, _, problems := DecodeObjectSpec(data)
	return o, problems
}

// DecodeObjectSpec is DecodeObject that also returns the spec, as DecodeSpec
// does. Where there are mistakes, spec holds what could be read of it.
func DecodeObjectSpec(data []byte) (o Object, spec model.Spec, problems []Problem) {
	problems = decodeStrict(data, "", &o)
	k, err := ParseKind(string(o.Kind))
	switch {
	case err == nil:
		o.Kind = k
		var more []Problem
		spec, more = o.decodeSpec()
		problems = append(problems, more...)
	case o.Kind != "":
		problems = append(problems, Problem{Field: "kind", Message: err.Error()})
		// The spec is read as one of the kind that was probably meant, so that
		// its own mistakes are named too.
		if near := NearestKind(string(o.Kind)); near != "" {
			problems[len(problems)-1].Message = fmt.Sprintf("%q is not a kind of object", o.Kind)
			problems[len(problems)-1].Fix = fmt.Sprintf("did you mean %s?", near)
			_, more := Object{Kind: near, Spec: o.Spec}.decodeSpec()
			problems = append(problems, more...)
		}
	case !named(problems, "kind"):
		problems = append(problems, Problem{Field: "kind", Message: "the kind is missing", Fix: "give one of " + strings.Join(kindNames(), ", ")})
	}
	if o.Name == "" && !named(problems, "name") {
		problems = append(problems, Problem{Field: "name", Message: "the name is missing", Fix: "give one, such as \"name: web1\""})
	}
	o.Status, o.Meta = nil, nil
	for i := range problems {
		problems[i].Object = refFor(o)
	}
	return o, spec, problems
}

// kindNames returns the words for the kinds.
func kindNames() []string {
	var names []string
	for _, k := range Kinds() {
		names = append(names, string(k))
	}
	return names
}

// DecodeSpec reads the object's spec strictly. Where there are mistakes, spec holds
// what could be read of it; it is nil if the kind is none.
func (o Object) DecodeSpec() (spec model.Spec, problems []Problem) {
	spec, problems = o.decodeSpec()
	for i := range problems {
		problems[i].Object = refFor(o)
	}
	return spec, problems
}

func (o Object) decodeSpec() (model.Spec, []Problem) {
	spec := o.Kind.Model().NewSpec()
	if spec == nil {
		return nil, []Problem{{Field: "kind", Message: fmt.Sprintf("%q is not a kind of object", o.Kind)}}
	}
	var problems []Problem
	if len(o.Spec) > 0 && string(o.Spec) != "null" {
		problems = decodeStrict(o.Spec, "spec", spec)
	}
	return model.Deref(spec), problems
}

// refFor names an object as far as that is known.
func refFor(o Object) string {
	switch {
	case o.Kind != "" && o.Name != "":
		return o.Ref()
	case o.Name != "":
		return o.Name
	}
	return o.Kind.Lower()
}

// named reports whether a problem is about a field.
func named(problems []Problem, field string) bool {
	return slices.ContainsFunc(problems, func(p Problem) bool { return p.Field == field })
}

// Decode reads one JSON value into the struct that out points to, strictly,
// and returns every mistake.
func Decode(data []byte, out any) []Problem { return decodeStrict(data, "", out) }
