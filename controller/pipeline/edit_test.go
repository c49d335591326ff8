package pipeline_test

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"

	"pgregory.net/rapid"

	"github.com/sdnctl/sdnctl/topology"
)

// oneField keeps of an op, now and then, only what it changes in one field of the spec or in
// the labels of an object that exists: random ops change nearly all of an object at once,
// and so never show what depends on one field alone.
func oneField(t *rapid.T, s *topology.Snapshot, op topology.Op) topology.Op {
	o, exists := s.Object(op.Ref)
	if !exists || op.Verb != topology.Put || rapid.IntRange(0, 2).Draw(t, "whole") == 0 {
		return op
	}
	was, is := fields(t, topology.SpecOf(o)), fields(t, op.Spec)
	names := maps.Clone(was)
	maps.Copy(names, is)
	field := rapid.SampledFrom(append(slices.Sorted(maps.Keys(names)), "")).Draw(t, "field")
	if field == "" {
		op.Spec = topology.SpecOf(o)
		return op
	}
	op.Labels = o.Metadata().Labels
	delete(was, field)
	if v, ok := is[field]; ok {
		was[field] = v
	}
	text, err := json.Marshal(was)
	if err != nil {
		t.Fatal(err)
	}
	spec := reflect.New(reflect.TypeOf(op.Spec))
	if err := json.Unmarshal(text, spec.Interface()); err != nil {
		t.Fatalf("%s: %v: %s", op.Ref, err, text)
	}
	op.Spec = spec.Elem().Interface().(topology.Spec)
	return op
}

func fields(t *rapid.T, s topology.Spec) map[string]json.RawMessage {
	text, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	m := map[string]json.RawMessage{}
	if err := json.Unmarshal(text, &m); err != nil {
		t.Fatal(err)
	}
	return m
}
