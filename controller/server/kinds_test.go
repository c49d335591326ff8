package server

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/controller/condition"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// TestConditionsAreShown: objects of each kind that conditions are of are observed, and the
// watch has an event for their status.
func TestConditionsAreShown(t *testing.T) {
	field, _ := reflect.TypeFor[api.Event]().FieldByName("Type")
	types := strings.Split(field.Tag.Get("enum"), ",")
	reasons := map[model.Kind]condition.Reason{}
	for _, d := range condition.Reasons() {
		reasons[d.Kind] = d.Reason
	}
	for _, kind := range model.Kinds() {
		k, _ := kinds.Of(kind)
		why, has := reasons[kind]
		if observed := k.conditions != nil; observed != has {
			t.Errorf("%s: conditions are shown: %t, and there are some, such as %q: %t", kind, observed, why, has)
		}
		if listed := slices.Contains(types, string(kind)); listed != has {
			t.Errorf("%s: a type of events of a watch: %t, want %t", kind, listed, has)
		}
	}
}

// TestStatusEvents: the event of an object's new status has its status, and nothing else.
func TestStatusEvents(t *testing.T) {
	b := newBed(t, nil)
	for _, o := range given() {
		if _, err := b.client.Put(t.Context(), o, 0); err != nil {
			t.Fatalf("%s: %v", o.Ref(), err)
		}
	}
	v := b.server.view()
	for _, kind := range model.Kinds() {
		k, _ := kinds.Of(kind)
		for o := range v.all(kind, "", "") {
			e, ok := v.statusEvent(o.Ref())
			if ok != (k.conditions != nil) {
				t.Errorf("%s has an event of its status: %t", o.Ref(), ok)
			}
			if !ok {
				continue
			}
			var set []string
			for i, f := range reflect.VisibleFields(reflect.TypeFor[api.Event]()) {
				if x := reflect.ValueOf(e).Field(i); f.Type.Kind() == reflect.Pointer && !x.IsNil() {
					set = append(set, strings.ToLower(f.Name))
				}
			}
			if e.Type != string(kind) || !slices.Equal(set, []string{string(kind)}) {
				t.Errorf("%s: the event is of type %q and has %v", o.Ref(), e.Type, set)
			}
		}
	}
	if _, ok := v.statusEvent(topology.Ref{Kind: topology.KindNode, Name: "none"}); ok {
		t.Error("an object that does not exist has an event")
	}
}
