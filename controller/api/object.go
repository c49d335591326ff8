package api

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/sdnctl/sdnctl/topology/model"
)

// Kind is the name of a kind of declared object, such as "Port". Input may have it in any
// case and in the plural.
type Kind string

// The kinds of objects.
const (
	KindNode    Kind = "Node"
	KindNetwork Kind = "Network"
	KindRouter  Kind = "Router"
	KindPort    Kind = "Port"
)

// Kinds returns all kinds in the order in which objects are listed: each kind comes after
// those that it refers to.
func Kinds() []Kind {
	var out []Kind
	for _, k := range model.Kinds() {
		out = append(out, KindOf(k))
	}
	return out
}

// KindOf returns the API's name of a kind.
func KindOf(k model.Kind) Kind { return Kind(k.Title()) }

// ParseKind parses a kind in any case, singular or plural: "Port", "port" and
// "ports" are the same.
func ParseKind(s string) (Kind, error) {
	k, err := model.ParseKind(s)
	return KindOf(k), err
}

// Model returns the kind's name in package model.
func (k Kind) Model() model.Kind { return model.Kind(strings.ToLower(string(k))) }

// Lower returns the kind as it appears in references, such as "port".
func (k Kind) Lower() string { return string(k.Model()) }

// Plural returns the kind as it appears in URLs, such as "ports".
func (k Kind) Plural() string { return k.Model().Plural() }

// Revision is the number of a change of the desired topology. 0 is the empty topology.
type Revision uint64

// Meta is what sdnd records about an object. It is ignored on input.
type Meta struct {
	Revision  Revision  `json:"revision" doc:"Revision that last changed the object" example:"7"`
	Created   Revision  `json:"created" doc:"Revision that created the object" example:"3"`
	CreatedAt time.Time `json:"createdAt" doc:"When the object was created"`
}

// Object is a declared object of any kind, with spec and status still encoded.
// Package model has the spec types.
type Object struct {
	Kind   Kind              `json:"kind" doc:"Kind of the object" example:"Port"`
	Name   string            `json:"name" doc:"Name, unique among objects of the kind: a letter or digit, then up to 62 letters, digits, '_', '.' and '-'" example:"web1"`
	Labels map[string]string `json:"labels,omitempty" doc:"Labels to select objects by" example:"{\"app\":\"web\"}"`
	Spec   json.RawMessage   `json:"spec,omitempty" doc:"Desired state"`
	Status json.RawMessage   `json:"status,omitempty" doc:"Observed state; set by sdnd, ignored on input" readOnly:"true"`
	Meta   *Meta             `json:"meta,omitempty" doc:"What sdnd records about the object; ignored on input" readOnly:"true"`
}

// NewObject returns an object with the given spec, whose type determines the kind.
func NewObject(name string, labels map[string]string, spec model.Spec) (Object, error) {
	o := Object{Kind: KindOf(spec.Kind()), Name: name, Labels: labels}
	raw, err := json.Marshal(spec)
	if err != nil {
		return Object{}, fmt.Errorf("encode the spec of %s: %w", o.Ref(), err)
	}
	o.Spec = raw
	return o, nil
}

// Ref returns the object's reference, such as "port/web1".
func (o Object) Ref() string { return o.Kind.Lower() + "/" + o.Name }

// Key identifies an object.
type Key struct {
	Kind Kind   `json:"kind" doc:"Kind of the object" example:"Port"`
	Name string `json:"name" doc:"Name of the object" example:"web1"`
}

// String returns the reference, such as "port/web1".
func (k Key) String() string { return k.Kind.Lower() + "/" + k.Name }
