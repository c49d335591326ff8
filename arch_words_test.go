package sdnctl_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode"
)

// goneWords are words of ours that decision 42 has replaced.
const goneWords = " astray brought crowd crowded doors doubtful forgive forgiven guest guests heard house lapsed lobby owes owing parked shaken spent stranger strangers told unsure "

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
			for _, word := range wordsIn(l) {
				if strings.Contains(goneWords, " "+word+" ") {
					t.Errorf("%s:%d: decision 42 has replaced the word %q", path, line, word)
				}
			}
		}
	})
}

// wordsIn returns the words of a line in lower case, and those that a name is made of. One with an
// underscore is another program's, and is one word.
func wordsIn(line string) (words []string) {
	var word []rune
	end := func() {
		if len(word) > 3 && len(word) < 11 {
			words = append(words, strings.ToLower(string(word)))
		}
		word = word[:0]
	}
	for _, r := range line {
		switch upper := unicode.IsUpper(r); {
		case !unicode.IsLetter(r) && r != '_':
			end()
		case upper && len(word) > 0 && !unicode.IsUpper(word[len(word)-1]):
			end()
			fallthrough
		default:
			word = append(word, r)
		}
	}
	end()
	return words
}

func TestWordsIn(t *testing.T) {
	want := []string{"hears", "test", "strangers", "wait", "guest_csum"}
	if got := wordsIn("// hears: TestStrangersWait(guest_csum)\n"); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
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
