package sdnctl_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"
)

// goneWords are words of ours that decision 42 has replaced.
const goneWords = " astray brought crowd crowded doubtful forgive forgiven giveback guest guests heard hearnews lapsed letsin lobby owing parked shaken spent stranger strangers told unsure "

// TestWords: no name, comment, text or document has a word that decision 42 has replaced.
// Decisions and the changelog are not rewritten.
func TestWords(t *testing.T) {
	eachFile(t, func(path string) {
		switch {
		case path == "arch_words_test.go", path == "CHANGELOG.md", strings.HasPrefix(path, "docs/decisions/"):
			return
		case !strings.Contains(" .go .md .yaml .txt .txtar .sh ", " "+filepath.Ext(path)+" "):
			return
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		line := 0
		for l := range strings.Lines(string(text)) {
			line++
			for word := range strings.FieldsFuncSeq(l, func(r rune) bool { return !unicode.IsLetter(r) && r != '_' }) {
				if len(word) > 3 && len(word) < 10 && strings.Contains(goneWords, " "+strings.ToLower(word)+" ") {
					t.Errorf("%s:%d: decision 42 has replaced the word %q", path, line, word)
				}
			}
		}
	})
}

// TestExportedIsDocumented fails for an exported function, method, type, constant or
// variable without a comment.
func TestExportedIsDocumented(t *testing.T) {
	set := token.NewFileSet()
	missing := func(name *ast.Ident, comments ...*ast.CommentGroup) {
		for _, c := range comments {
			if isDoc(c) {
				return
			}
		}
		if name.IsExported() {
			t.Errorf("%s: %s has no comment", set.Position(name.Pos()), name.Name)
		}
	}
	eachFile(t, func(path string) {
		if filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") {
			return
		}
		f, err := parser.ParseFile(set, path, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				missing(d.Name, d.Doc)
			case *ast.GenDecl:
				for _, s := range d.Specs {
					switch s := s.(type) {
					case *ast.TypeSpec:
						missing(s.Name, d.Doc, s.Doc, s.Comment)
					case *ast.ValueSpec:
						for _, name := range s.Names {
							missing(name, d.Doc, s.Doc, s.Comment)
						}
					}
				}
			}
		}
	})
}

// eachFile calls f with the path of each file of the module.
func eachFile(t *testing.T, f func(path string)) {
	t.Helper()
	files := 0
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			_, other := os.Stat(filepath.Join(path, "go.mod"))
			if path != "." && (strings.HasPrefix(d.Name(), ".") || other == nil || strings.Contains(" bin build dist ", " "+path+" ")) {
				return filepath.SkipDir
			}
			return nil
		}
		files++
		f(filepath.ToSlash(path))
		return nil
	})
	if err != nil || files == 0 {
		t.Fatalf("%d files: %v", files, err)
	}
}
