package cli

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/sdnctl/sdnctl/controller/api"
)

// A manifest is one object that a file declares, with its place in the file.
type manifest struct {
	object api.Object
	file   string
	node   *yaml.Node
	// mistakes are the fields with mistakes found while reading. The daemon also reports
	// these.
	mistakes []string
	// broken is set if some part of it could not be read, so that problems which the daemon
	// finds in it may be mere consequences.
	broken bool
}

// line returns the line of the given field ("spec.subnets[0].cidr"), or of the innermost
// part around it that the file has.
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

// manifests reads the objects of one YAML document: one object, a list of them, or a list
// as the API returns it under "items" and accepts it under "objects".
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

// manifest reads one object. It records mistakes in l.
func (l *loader) manifest(file string, n *yaml.Node) {
	m := manifest{file: file, node: n}
	d := newDecoder()
	kind := kindIn(n)
	members := d.object(n, manifestFields(kind), "")
	delete(members, "status")
	delete(members, "meta")
	given, err := json.Marshal(members)
	if err != nil {
		l.fail(file, n.Line, "", "", "%v", err)
		return
	}
	object, spec, problems := api.DecodeObjectSpec(given)
	object.Kind = kind // also where it is misspelt, so that those who refer to it find it
	if m.object = object; spec != nil && len(problems) == 0 {
		if m.object.Spec, err = json.Marshal(spec); err != nil {
			l.fail(file, n.Line, object.Ref(), "spec", "%v", err)
			return
		}
	}
	for _, e := range d.errs {
		l.fail(file, e.line, l.refOf(&m), e.field, "%s", e.message)
	}
	for _, p := range problems {
		m.mistakes = append(m.mistakes, p.Field)
		p.Object = l.refOf(&m)
		l.errs = append(l.errs, fileError{file, m.line(p.Field), p})
	}
	if m.object.Name == "" || m.object.Kind == "" {
		l.nameless = true
		return
	}
	m.broken = d.lost
	l.found = append(l.found, m)
}

// kindIn returns the kind of an object, or the one that was probably meant; "" if it
// has none.
func kindIn(n *yaml.Node) api.Kind {
	_, value := child(n, "kind")
	if value == nil {
		return ""
	}
	word := resolve(value).Value
	if k, err := api.ParseKind(word); err == nil {
		return k
	}
	return api.NearestKind(word)
}

// manifestFields are the fields of an object of a kind in a file. The fields that sdnd sets
// may have any value, so that an export can be applied unchanged.
func manifestFields(k api.Kind) map[string]reflect.Type {
	fields := jsonFields(reflect.TypeFor[api.Object]())
	fields["spec"], fields["status"], fields["meta"] = nil, nil, nil
	if spec := k.Model().NewSpec(); spec != nil {
		fields["spec"] = reflect.TypeOf(spec)
	}
	return fields
}

// child returns the key and value of one entry of a mapping ("name"), or of a
// sequence ("[0]", where key and value are the entry itself).
func child(n *yaml.Node, step string) (key, value *yaml.Node) {
	switch n.Kind {
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			if strings.EqualFold(n.Content[i].Value, step) {
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
