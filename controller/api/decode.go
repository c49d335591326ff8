package api

import (
	"fmt"
	"slices"
	"strings"

	"github.com/sdnctl/sdnctl/topology/model"
)

// DecodeObject decodes one object from JSON strictly. It returns every mistake
// that can be seen in the object alone: unknown keys (with the key that was
// probably meant), values of the wrong type, a missing kind or name. It ignores
// status and meta. Problem.Index is left 0.
func DecodeObject(data []byte) (Object, []Problem) {
	o, _, problems := DecodeObjectSpec(data)
	return o, problems
}

// DecodeObjectSpec does what DecodeObject does, and returns the spec, too. If there are
// mistakes, spec has the fields that could be decoded.
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
		// The spec is decoded as one of the kind that was probably meant, so that
		// its own mistakes are reported, too.
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

// kindNames returns the names of the kinds.
func kindNames() []string {
	var names []string
	for _, k := range Kinds() {
		names = append(names, string(k))
	}
	return names
}

// DecodeSpec decodes the object's spec strictly. If there are mistakes, spec has the fields
// that could be decoded; it is nil if the kind does not exist.
func (o Object) DecodeSpec() (spec model.Spec, problems []Problem) {
	spec, problems = o.decodeSpec()
	for i := range problems {
		problems[i].Object = refFor(o)
	}
	return spec, problems
}

// decodeSpec does what DecodeSpec does, but leaves Problem.Object empty.
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

// refFor returns as much of an object's reference as is known.
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

// Decode decodes one JSON value strictly into the struct that out points to, and returns
// every mistake.
func Decode(data []byte, out any) []Problem { return decodeStrict(data, "", out) }
