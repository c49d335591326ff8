package server

import (
	"bytes"
	"context"
	"encoding/json"

	"github.com/danielgtaylor/huma/v2"

	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/store"
)

// mergePatch is the media type of a JSON merge patch (RFC 7396).
const mergePatch = "application/merge-patch+json"

// takesPatch documents a JSON merge patch as the body of an operation, and reads the body.
func (s *Server) takesPatch(op *huma.Operation, example any) {
	op.RequestBody = &huma.RequestBody{
		Required: true,
		Content: map[string]*huma.MediaType{mergePatch: {
			Schema:  &huma.Schema{Type: huma.TypeObject, Description: "Some of the fields of the object"},
			Example: map[string]any{"labels": map[string]any{"tier": "web", "old": nil}},
		}},
	}
	op.Middlewares = append(op.Middlewares, s.readBody(s.cfg.MaxBody, "application/json", mergePatch))
}

// patchObject applies the merge patch in the body to the object in.Name.
func patchObject[T any](ctx context.Context, s *Server, kind api.Kind, in *putInput) (*putOutput[T], error) {
	wait, err := waitOf(in.Wait)
	if err != nil {
		return nil, err
	}
	ref := refOf(kind, in.Name)
	c, err := s.patch(ctx, kind, ref, in)
	if err != nil {
		return nil, err
	}
	return answerChange[T](ctx, s, ref, c, wait)
}

// patch commits the change. It holds s.writes, so that nobody else changes the object between
// the read and the commit.
func (s *Server) patch(ctx context.Context, kind api.Kind, ref topology.Ref, in *putInput) (store.Commit, error) {
	defer s.lockWrites(ctx, true)()
	v := s.viewFor(ctx)
	o, ok := v.snap.Object(ref)
	if !ok || !v.sees(o) {
		return store.Commit{}, notFound(ref)
	}
	if in.IfMatch != "" {
		if p := precondition(v, ref, in.IfMatch); p != nil {
			return store.Commit{}, p
		}
	}
	was, err := json.Marshal(v.show(o))
	if err != nil {
		return store.Commit{}, internal(err)
	}
	merged, err := merge(was, takeBody(ctx))
	if err != nil {
		return store.Commit{}, internal(err)
	}
	object, spec, mistakes := decodeOne(merged, kind, in.Name)
	t := newTransaction(1)
	t.object(topology.Put, object, spec, mistakes)
	return s.commit(ctx, author(ctx, in.Author), t)
}

// merge applies a JSON merge patch to a document. Both must be valid JSON.
func merge(document, patch []byte) ([]byte, error) {
	var d, p any
	for text, to := range map[*[]byte]*any{&document: &d, &patch: &p} {
		decode := json.NewDecoder(bytes.NewReader(*text))
		decode.UseNumber() // a float64 would round large numbers
		if err := decode.Decode(to); err != nil {
			return nil, err
		}
	}
	return json.Marshal(mergeValue(d, p))
}

// mergeValue is the function MergePatch of RFC 7396, section 2. It may modify target.
func mergeValue(target, patch any) any {
	fields, ok := patch.(map[string]any)
	if !ok {
		return patch
	}
	merged, ok := target.(map[string]any)
	if !ok {
		merged = map[string]any{}
	}
	for name, value := range fields {
		if value == nil {
			delete(merged, name)
		} else {
			merged[name] = mergeValue(merged[name], value)
		}
	}
	return merged
}
