package sdnctl_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
)

// TestNoMutableGlobals fails for a package-level variable, of the program or of tests, that a
// function changes, takes the address of, or could change because it is of a type of sync:
// state has an owner. Tables and sentinel errors are no state.
func TestNoMutableGlobals(t *testing.T) {
	fset, packages := token.NewFileSet(), map[string][]*ast.File{}
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && path != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata"):
			return filepath.SkipDir
		case d.IsDir() || !strings.HasSuffix(path, ".go"):
			return nil
		}
		f, err := parser.ParseFile(fset, path, nil, 0)
		if err != nil {
			return err
		}
		name := filepath.Dir(path) + " " + f.Name.Name // a folder may also have a package of tests
		packages[name] = append(packages[name], f)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	globals := 0
	for _, files := range packages {
		g := newGlobals(files)
		globals += len(g.specs)
		for _, f := range files {
			for _, decl := range f.Decls {
				ast.Inspect(decl, func(n ast.Node) bool {
					for _, name := range g.written(n) {
						t.Errorf("%v: changes the package's variable %s", fset.Position(n.Pos()), name)
					}
					return true
				})
			}
		}
		for spec, name := range g.stateful {
			t.Errorf("%v: the package's variable %s is state", fset.Position(spec.Pos()), name)
		}
	}
	if globals == 0 {
		t.Fatal("no package-level variables found")
	}
}

// globals are the package-level variables of a package.
type globals struct {
	names    map[string]bool
	specs    map[any]bool
	stateful map[*ast.ValueSpec]string
}

func newGlobals(files []*ast.File) globals {
	g := globals{map[string]bool{}, map[any]bool{}, map[*ast.ValueSpec]string{}}
	for _, f := range files {
		for _, decl := range f.Decls {
			d, ok := decl.(*ast.GenDecl)
			if !ok || d.Tok != token.VAR {
				continue
			}
			for _, spec := range d.Specs {
				v := spec.(*ast.ValueSpec)
				g.specs[v] = true
				for _, name := range v.Names {
					g.names[name.Name] = name.Name != "_"
				}
				for _, part := range append([]ast.Expr{v.Type}, v.Values...) {
					if c, ok := part.(*ast.CompositeLit); ok {
						part = c.Type
					}
					if s, ok := part.(*ast.SelectorExpr); ok {
						if p, ok := s.X.(*ast.Ident); ok && (p.Name == "sync" || p.Name == "atomic") {
							g.stateful[v] = v.Names[0].Name
						}
					}
				}
			}
		}
	}
	return g
}

// written returns the names of the package-level variables that a node of the syntax writes to,
// or whose address it takes.
func (g globals) written(n ast.Node) (names []string) {
	add := func(e ast.Expr) {
		for {
			switch x := e.(type) {
			case *ast.IndexExpr:
				e = x.X
			case *ast.SelectorExpr:
				e = x.X
			case *ast.StarExpr:
				e = x.X
			case *ast.ParenExpr:
				e = x.X
			case *ast.Ident:
				if g.names[x.Name] && (x.Obj == nil || g.specs[x.Obj.Decl]) {
					names = append(names, x.Name)
				}
				return
			default:
				return
			}
		}
	}
	switch n := n.(type) {
	case *ast.AssignStmt:
		for _, e := range n.Lhs {
			if n.Tok != token.DEFINE {
				add(e)
			}
		}
	case *ast.IncDecStmt:
		add(n.X)
	case *ast.RangeStmt:
		if n.Tok == token.ASSIGN {
			add(n.Key)
			add(n.Value)
		}
	case *ast.UnaryExpr:
		if n.Op == token.AND {
			add(n.X)
		}
	case *ast.CallExpr:
		if f, ok := n.Fun.(*ast.Ident); ok && len(n.Args) > 0 && (f.Name == "delete" || f.Name == "clear") {
			add(n.Args[0])
		}
	}
	return names
}
