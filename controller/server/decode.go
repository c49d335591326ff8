package server

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/topology/model"
)

// decodeOne decodes a body with one object. The body may leave out the kind and, if the
// path has it, the name. If it has them, they must be those of the path.
func decodeOne(data []byte, kind api.Kind, name string) (api.Object, model.Spec, []api.Problem) {
	var head struct {
		Kind, Name json.RawMessage
	}
	// DecodeObjectSpec reports what cannot be decoded here.
	if json.Unmarshal(data, &head) == nil {
		if head.Kind == nil {
			data = addKey(data, "kind", string(kind))
		}
		if head.Name == nil && name != "" {
			data = addKey(data, "name", name)
		}
	}
	o, spec, mistakes := api.DecodeObjectSpec(data)
	if k, err := api.ParseKind(string(o.Kind)); err == nil && k != kind {
		// The other mistakes refer to the spec of the wrong kind.
		mistakes = append(mistakes[:0], api.Problem{
			Field:   "kind",
			Message: fmt.Sprintf("the body is a %s, but the path is for objects of kind %s", o.Kind, kind),
			Fix:     "send it to /v1/" + o.Kind.Plural(),
		})
	}
	if name != "" && o.Name != name && o.Name != "" {
		mistakes = append(mistakes, api.Problem{
			Field:   "name",
			Message: fmt.Sprintf("the body has the name %q, the path %q", o.Name, name),
			Fix:     "an object cannot be renamed: create one with the new name and delete the old one",
		})
	}
	o.Kind = kind
	if name != "" {
		o.Name = name
	}
	for i := range mistakes {
		mistakes[i].Object = strings.TrimSuffix(o.Ref(), "/")
	}
	return o, spec, mistakes
}

// addKey inserts a key in front of those of a JSON object.
func addKey(data []byte, key, value string) []byte {
	_, rest, _ := bytes.Cut(data, []byte("{"))
	member, err := json.Marshal(map[string]string{key: value})
	if err != nil {
		return data
	}
	out := bytes.TrimSuffix(member, []byte("}"))
	if !bytes.HasPrefix(bytes.TrimSpace(rest), []byte("}")) {
		out = append(out, ',')
	}
	return append(out, rest...)
}

// applyBody is api.ApplyRequest with its objects still encoded.
type applyBody struct {
	Objects []json.RawMessage `json:"objects"`
	Delete  []api.Key         `json:"delete"`
	Prune   string            `json:"prune"`
	DryRun  bool              `json:"dryRun"`
}

// decodeApply decodes the body of an apply into a transaction.
func decodeApply(data []byte) (applyBody, model.Selector, *transaction) {
	var b applyBody
	mistakes := api.Decode(data, &b)
	sel, err := model.ParseSelector(strings.TrimPrefix(b.Prune, "*"))
	if err != nil {
		mistakes = append(mistakes, api.Problem{Field: "prune", Message: err.Error()})
	}
	t := newTransaction(len(b.Objects) + len(b.Delete))
	for _, p := range mistakes {
		p.Index = -1
		t.mistakes = append(t.mistakes, p)
	}
	for _, raw := range b.Objects {
		if len(t.mistakes) >= maxMistakes {
			return b, sel, t
		}
		o, spec, mistakes := api.DecodeObjectSpec(raw)
		t.object("put", o, spec, mistakes)
	}
	for _, k := range b.Delete {
		t.remove(k)
	}
	return b, sel, t
}
