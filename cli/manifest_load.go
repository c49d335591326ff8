package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/sdnctl/sdnctl/controller/api"
)

// A loader reads files into manifests and records all mistakes.
type loader struct {
	// found are the objects that have a kind and a name, in the order read.
	found []manifest
	errs  fileErrors
	// torn: a file could not be read to its end. nameless: an object could not be named. In
	// both cases found lacks objects that others may refer to.
	torn, nameless bool
	// listed: a list was read, which may be empty. An empty list means "no objects", but an
	// empty file may be an accident.
	listed bool

	stdin  io.Reader
	stdins int
}

// load reads files, directories (their *.yaml, *.yml and *.json, without subdirectories)
// and, for "-", stdin. It returns what could be read even if there were mistakes.
func load(paths []string, stdin io.Reader) *loader {
	l := &loader{stdin: stdin}
	for _, p := range paths {
		l.path(p)
	}
	l.duplicates()
	return l
}

func (l *loader) fail(file string, line int, object, field, format string, args ...any) {
	l.errs = append(l.errs, fileError{file, line, api.Problem{Object: object, Field: field, Message: fmt.Sprintf(format, args...)}})
}

func (l *loader) path(path string) {
	if path == "-" {
		if l.stdins++; l.stdins > 1 {
			l.fail("-", 0, "", "", "standard input can be read only once")
			return
		}
		l.read("<stdin>", l.stdin)
		return
	}
	info, err := os.Stat(path)
	if err != nil {
		l.unreadable(path, err)
		return
	}
	if !info.IsDir() {
		l.file(path)
		return
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		l.unreadable(path, err)
		return
	}
	some := false
	for _, e := range entries { // sorted by name
		if e.Type().IsRegular() && slices.Contains([]string{".yaml", ".yml", ".json"}, filepath.Ext(e.Name())) {
			l.file(filepath.Join(path, e.Name()))
			some = true
		}
	}
	if !some {
		l.fail(path, 0, "", "", "no *.yaml, *.yml or *.json file in this directory")
	}
}

func (l *loader) file(path string) {
	f, err := os.Open(path)
	if err != nil {
		l.unreadable(path, err)
		return
	}
	defer f.Close()
	l.read(path, f)
}

// unreadable records that a path cannot be read, naming it once.
func (l *loader) unreadable(path string, err error) {
	var pe *os.PathError
	if errors.As(err, &pe) {
		err = pe.Err
	}
	l.torn = true
	l.fail(path, 0, "", "", "%v", err)
}

func (l *loader) read(name string, r io.Reader) {
	data, err := io.ReadAll(r)
	if err != nil {
		l.unreadable(name, err)
		return
	}
	if l.json(name, data) {
		return
	}
	dec := yaml.NewDecoder(bytes.NewReader(data))
	for {
		var n yaml.Node
		if err := dec.Decode(&n); err == io.EOF {
			return
		} else if err != nil {
			l.torn = true
			line, message := yamlError(err)
			l.fail(name, line, "", "", "%s", message)
			return
		}
		if a := foreignAlias(&n); a != nil {
			l.fail(name, a.Line, "", "", "the anchor &%s is of another document of the file, and ends with it; write the value out", a.Value)
			continue
		}
		l.manifests(name, &n)
	}
}

// foreignAlias returns an alias in a document whose anchor is in none of its own
// nodes, nil if there is none. The parser knows the anchors of earlier documents
// too, though they end with these (YAML 1.2.2, section 9.1).
func foreignAlias(document *yaml.Node) *yaml.Node {
	own := map[*yaml.Node]bool{}
	var aliases []*yaml.Node
	var visit func(*yaml.Node)
	visit = func(n *yaml.Node) {
		if n.Anchor != "" {
			own[n] = true
		}
		if n.Kind == yaml.AliasNode {
			aliases = append(aliases, n)
		}
		for _, c := range n.Content {
			visit(c)
		}
	}
	visit(document)
	for _, a := range aliases {
		if !own[a.Alias] {
			return a
		}
	}
	return nil
}

// json reads data as a stream of JSON values, which as a whole is not YAML, and reports
// whether it is one. Each value is passed to the YAML parser for its line numbers.
func (l *loader) json(name string, data []byte) bool {
	start := bytes.TrimLeft(data, " \t\r\n")
	if len(start) == 0 || start[0] != '{' && start[0] != '[' {
		return false
	}
	var nodes []*yaml.Node
	dec := json.NewDecoder(bytes.NewReader(data))
	line, counted := 0, 0
	for {
		var raw json.RawMessage
		if err := dec.Decode(&raw); err == io.EOF {
			break
		} else if err != nil {
			return false // perhaps YAML in flow style
		}
		begin := int(dec.InputOffset()) - len(raw)
		line += bytes.Count(data[counted:begin], []byte{'\n'})
		counted = begin
		var n yaml.Node
		// A tab may indent JSON but not YAML; within a string it is escaped.
		if err := yaml.Unmarshal(bytes.ReplaceAll(raw, []byte{'\t'}, []byte{' '}), &n); err != nil {
			return false
		}
		shiftLines(&n, line)
		nodes = append(nodes, &n)
	}
	for _, n := range nodes {
		l.manifests(name, n)
	}
	return true
}

// shiftLines adds the lines that precede a part of a file.
func shiftLines(n *yaml.Node, by int) {
	n.Line += by
	for _, c := range n.Content {
		shiftLines(c, by)
	}
}

// yamlError extracts the line from an error of the yaml package, which has it only in its
// text: "yaml: line 3: did not find expected key".
func yamlError(err error) (line int, message string) {
	message = strings.TrimPrefix(err.Error(), "yaml: ")
	if rest, ok := strings.CutPrefix(message, "line "); ok {
		if number, after, ok := strings.Cut(rest, ": "); ok {
			if n, err := strconv.Atoi(number); err == nil {
				return n, "not valid YAML: " + after
			}
		}
	}
	return 0, "not valid YAML: " + message
}

// duplicates records the objects that are declared more than once.
func (l *loader) duplicates() {
	first := make(map[string]*manifest, len(l.found))
	for i := range l.found {
		m := &l.found[i]
		ref := m.object.Ref()
		if f, ok := first[ref]; ok {
			l.fail(m.file, m.line(""), ref, "", "is already declared at %s:%d", f.file, f.line(""))
			m.broken = true
			continue
		}
		first[ref] = m
	}
}

// objects returns the objects that were found, for a request.
func (l *loader) objects() []api.Object {
	objects := make([]api.Object, len(l.found))
	for i := range l.found {
		objects[i] = l.found[i].object
	}
	return objects
}

// refOf names an object as far as it could be read.
func (l *loader) refOf(m *manifest) string {
	switch {
	case m.object.Kind == "":
		return m.object.Name
	case m.object.Name == "":
		return m.object.Kind.Lower()
	}
	return m.object.Ref()
}
