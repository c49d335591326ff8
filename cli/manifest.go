package cli

import (
	"encoding/json"
	"fmt"
	"reflect"

	"go.yaml.in/yaml/v3"

	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/topology/model"
)

// A manifest is one object that a file declares, with where it does so.
type manifest struct {
	object api.Object
	file   string
	node   *yaml.Node
	// broken is set when something in it could not be read, so that what the
	// daemon says about it may be a mere consequence.
	broken bool
}

// line returns the line of the given field ("spec.subnets[0].cidr"), or of
// the nearest thing around it that the file has.
func (m *manifest) line(field string) int {
	n := resolve(m.node)
	line := n.Line
	for _, step := range splitField(field) {
		key, value := child(n, step)
		if value == nil && step == "subnets" {
			key, value = child(n, "cidr") // the short form of one subnet
		}
		if value == nil {
			break
		}
		line, n = key.Line, resolve(value)
	}
	return line
}

// manifestKeys are the keys of an object. What sdnd sets itself is dropped,
// so that an export can be applied as it is.
func manifestKeys() map[string]bool {
	return map[string]bool{
		"kind": true, "name": true, "labels": true, "spec": true,
		"status": false, "meta": false,
	}
}

// manifests reads the objects of one YAML document: one object, a list of
// them, or the lists that the API gives out under "items" and takes under
// "objects".
func (l *loader) manifests(file string, n *yaml.Node) {
	switch n.Kind {
	case yaml.AliasNode: // may contain itself, or grow without limit
		l.fail(file, n.Line, "", "", "an alias cannot stand for an object; write the object out")
	case yaml.DocumentNode:
		for _, c := range n.Content {
			l.manifests(file, c)
		}
	case yaml.SequenceNode:
		l.listed = true
		for _, c := range n.Content {
			l.manifests(file, c)
		}
	case yaml.MappingNode:
		if _, kind := child(n, "kind"); kind == nil {
			for _, key := range []string{"objects", "items"} {
				if _, list := child(n, key); list != nil && list.Kind == yaml.SequenceNode {
					l.manifests(file, list)
					return
				}
			}
		}
		l.manifest(file, n)
	case yaml.ScalarNode:
		if n.Tag != "!!null" {
			l.fail(file, n.Line, "", "", "want an object with kind, name and spec, got %q", n.Value)
		}
	}
}

// manifest reads one object. What is wrong with it is noted in l.
func (l *loader) manifest(file string, n *yaml.Node) {
	m := manifest{file: file, node: n}
	d := newDecoder()
	var kind string
	parts := make(map[string]*yaml.Node)
	d.pairs(n, "", func(key, value *yaml.Node, _ string) {
		keys := manifestKeys()
		if wanted, known := keys[key.Value]; !known {
			d.fail(key, "", "%s", unknownKey(key.Value, keys))
		} else if wanted {
			parts[key.Value] = value
		}
	})
	if v := parts["kind"]; v != nil {
		d.decode(v, reflect.ValueOf(&kind).Elem(), "kind")
	}
	if v := parts["name"]; v != nil {
		d.decode(v, reflect.ValueOf(&m.object.Name).Elem(), "name")
	}
	if v := parts["labels"]; v != nil {
		d.decode(v, reflect.ValueOf(&m.object.Labels).Elem(), "labels")
	}
	if m.object.Name == "" {
		d.fail(n, "name", "is missing")
	}
	if kind == "" {
		d.fail(n, "kind", "is missing: want %s", model.KindList())
	} else if k, err := api.ParseKind(kind); err == nil {
		m.object.Kind = k
		m.object.Spec = d.spec(k, parts["spec"])
	} else if near := nearest(kind, kindWords()); near != "" {
		// The object is read as what was probably meant, so that its other
		// mistakes and those of objects that refer to it are named too.
		m.object.Kind, _ = api.ParseKind(near)
		d.fail(parts["kind"], "kind", "%q is not a kind of object, did you mean %s?", kind, m.object.Kind)
		m.object.Spec = d.spec(m.object.Kind, parts["spec"])
	} else {
		d.fail(parts["kind"], "kind", "%v", err)
	}
	for _, e := range d.errs {
		l.fail(file, e.line, l.refOf(&m), e.field, "%s", e.message)
	}
	if m.object.Name == "" || m.object.Kind == "" {
		l.nameless = true
		return
	}
	m.broken = len(d.errs) > 0
	l.found = append(l.found, m)
}

// kindWords are the words that files may use for kinds.
func kindWords() []string {
	var words []string
	for _, k := range api.Kinds() {
		words = append(words, string(k), k.Plural())
	}
	return words
}

// spec reads a spec of the given kind and returns it as JSON; an absent one
// is empty, and the daemon says what it lacks.
func (d *decoder) spec(k api.Kind, n *yaml.Node) json.RawMessage {
	spec := api.NewSpec(k)
	if n != nil {
		d.decode(n, reflect.ValueOf(spec).Elem(), "spec")
	}
	raw, err := json.Marshal(spec)
	if err != nil {
		d.fail(n, "spec", "%v", err)
	}
	return raw
}

// child returns the key and value of one entry of a mapping ("name"), or of a
// sequence ("[0]", where key and value are the entry itself).
func child(n *yaml.Node, step string) (key, value *yaml.Node) {
	switch n.Kind {
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			if n.Content[i].Value == step {
				return n.Content[i], n.Content[i+1]
			}
		}
	case yaml.SequenceNode:
		var i int
		if _, err := fmt.Sscanf(step, "[%d]", &i); err == nil && i >= 0 && i < len(n.Content) {
			return n.Content[i], n.Content[i]
		}
	}
	return nil, nil
}

// splitField cuts "spec.subnets[0].cidr" into spec, subnets, [0], cidr.
func splitField(field string) []string {
	var steps []string
	start := 0
	cut := func(end int) {
		if end > start {
			steps = append(steps, field[start:end])
		}
	}
	for i := range len(field) {
		switch field[i] {
		case '.':
			cut(i)
			start = i + 1
		case '[':
			cut(i)
			start = i
		}
	}
	cut(len(field))
	return steps
}
