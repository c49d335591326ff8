package sdnctl_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"
)

// TestSleeps fails for a call of time.Sleep that may serve as synchronisation. A sleep is
// allowed in a file that imports testing/synctest, where time is virtual, as the last part of
// a for clause, which polls a condition, and with a comment on its line that gives the reason.
func TestSleeps(t *testing.T) {
	set := token.NewFileSet()
	eachGoFile(t, set, func(f *ast.File) {
		for _, i := range f.Imports {
			if i.Path.Value == `"testing/synctest"` {
				return
			}
		}
		explained := map[int]bool{}
		for _, c := range f.Comments {
			explained[set.Position(c.Pos()).Line] = true
		}
		polls := map[ast.Node]bool{}
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.ForStmt:
				if s, ok := n.Post.(*ast.ExprStmt); ok {
					polls[s.X] = true
				}
			case *ast.CallExpr:
				if at := set.Position(n.Pos()); isCall(n, "time", "Sleep") && !polls[n] && !explained[at.Line] {
					t.Errorf("%v: wait for a condition, or say in a comment on this line why it must be a time", at)
				}
			}
			return true
		})
	})
}

// TestSkips fails for a test that is skipped without saying in words what it lacks.
func TestSkips(t *testing.T) {
	set := token.NewFileSet()
	eachGoFile(t, set, func(f *ast.File) {
		ast.Inspect(f, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			s, ok := call.Fun.(*ast.SelectorExpr)
			if !ok || s.Sel.Name != "Skip" && s.Sel.Name != "Skipf" && s.Sel.Name != "SkipNow" {
				return true
			}
			if len(call.Args) > 0 {
				if text, ok := call.Args[0].(*ast.BasicLit); ok && text.Kind == token.STRING {
					return true
				}
			}
			t.Errorf("%v: say what is missing", set.Position(n.Pos()))
			return true
		})
	})
}

// eachGoFile calls f with the syntax of each Go file of the module.
func eachGoFile(t *testing.T, set *token.FileSet, f func(*ast.File)) {
	t.Helper()
	eachFile(t, func(path string) {
		if filepath.Ext(path) != ".go" || strings.Contains(path, "testdata/") {
			return
		}
		file, err := parser.ParseFile(set, path, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		f(file)
	})
}

// isCall reports whether a call is that of a package's function.
func isCall(c *ast.CallExpr, pkg, name string) bool {
	s, ok := c.Fun.(*ast.SelectorExpr)
	if !ok || s.Sel.Name != name {
		return false
	}
	x, ok := s.X.(*ast.Ident)
	return ok && x.Name == pkg
}
