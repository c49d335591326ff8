package sdnctl_test

import (
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/sdnctl/sdnctl"

// listedPackage is what the rules need of "go list -json".
type listedPackage struct {
	ImportPath string
	Standard   bool
	Imports    []string
	Deps       []string
}

// list returns our packages and all that they depend on, by import path.
func list(t *testing.T) map[string]listedPackage {
	t.Helper()
	cmd := exec.Command("go", "list", "-deps", "-json=ImportPath,Standard,Imports,Deps", "./...")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, stderr.String())
	}
	packages := map[string]listedPackage{}
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listedPackage
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("go list: %v", err)
		}
		packages[p.ImportPath] = p
	}
	return packages
}

// within reports whether a package is of a folder of ours, or below it.
func within(path, folder string) bool {
	return path == module+"/"+folder || strings.HasPrefix(path, module+"/"+folder+"/")
}

// TestImports holds the packages to the rules of docs/architecture.md: the
// protocol knows no topology, the topology no protocol, the compiler no I/O
// and the client nothing of the daemon.
func TestImports(t *testing.T) {
	packages := list(t)
	std := func(path string) bool { return packages[path].Standard }
	rules := []struct {
		name string
		// of picks the packages that the rule is about.
		of func(path string) bool
		// transitive looks at all dependencies instead of the imports.
		transitive bool
		allowed    func(dep string) bool
		why        string
	}{
		{
			name:       "openflow is the standard library alone",
			of:         func(p string) bool { return within(p, "openflow") },
			transitive: true,
			allowed:    func(d string) bool { return std(d) || within(d, "openflow") },
			why:        "the codec is ours and has to stay small enough to check",
		},
		{
			name: "the codec does no I/O",
			of:   func(p string) bool { return p == module+"/openflow" },
			allowed: func(d string) bool {
				impure := []string{"net", "net/http", "os", "log/slog", "context", "sync", "time"}
				return std(d) && !slices.Contains(impure, d)
			},
			why: "messages are values",
		},
		{
			name: "the compiler and the simulator have no sessions",
			of: func(p string) bool {
				return within(p, "controller/pipeline") || p == module+"/integration/simswitch"
			},
			allowed: func(d string) bool { return !within(d, "openflow/session") },
			why:     "they need the codec alone",
		},
		{
			name:       "topology knows no switches",
			of:         func(p string) bool { return within(p, "topology") },
			transitive: true,
			allowed:    func(d string) bool { return !within(d, "openflow") && !within(d, "controller") && !within(d, "cli") },
			why:        "what is wanted does not depend on how it is done",
		},
		{
			name: "topology does no I/O outside of topology/store/bolt",
			of:   func(p string) bool { return p == module+"/topology" || p == module+"/topology/store" },
			allowed: func(d string) bool {
				// io and context are interfaces here.
				return std(d) && !slices.Contains([]string{"net", "net/http", "os", "log/slog", "math/rand", "math/rand/v2"}, d) || d == module+"/topology" || d == module+"/topology/model" || strings.HasPrefix(d, "github.com/tidwall/btree")
			},
			why: "the same snapshot and ops must give the same result",
		},
		{
			name:       "what is declared is the standard library alone",
			of:         func(p string) bool { return p == module+"/topology/model" },
			transitive: true,
			allowed:    std,
			why:        "the daemon, its clients and the command line share it",
		},
		{
			name:       "controller/api is what is declared and the standard library alone",
			of:         func(p string) bool { return within(p, "controller/api") },
			transitive: true,
			allowed:    func(d string) bool { return std(d) || within(d, "controller/api") || d == module+"/topology/model" },
			why:        "whoever talks to sdnd should not have to link it",
		},
		{
			name:       "controller/pki is the standard library alone",
			of:         func(p string) bool { return within(p, "controller/pki") },
			transitive: true,
			allowed:    func(d string) bool { return std(d) || within(d, "controller/pki") },
			why:        "who is who is decided by as little code as possible",
		},
		{
			name:       "cli is a client",
			of:         func(p string) bool { return within(p, "cli") },
			transitive: true,
			allowed: func(d string) bool {
				ours := strings.HasPrefix(d, module+"/")
				return !strings.HasPrefix(d, "go.etcd.io/bbolt") &&
					(!ours || within(d, "cli") || within(d, "controller/api") || within(d, "controller/pki") || within(d, "controller/version") || d == module+"/topology" || d == module+"/topology/model")
			},
			why: "all that sdnctl can do, any client of the API can do",
		},
		{
			name:       "nodeconfig knows Open vSwitch alone",
			of:         func(p string) bool { return p == module+"/cli/nodeconfig" },
			transitive: true,
			allowed:    func(d string) bool { return std(d) || within(d, "cli/nodeconfig") },
			why:        "a plugin that is no sdnctl is to use it, too",
		},
		{
			name: "what works on a node has no command line",
			of: func(p string) bool {
				return within(p, "cli/membership") || within(p, "cli/attach") || within(p, "cli/nodeconfig")
			},
			transitive: true,
			allowed: func(d string) bool {
				return d != module+"/cli" && !strings.HasPrefix(d, "github.com/spf13/")
			},
			why: "a CNI plugin is to use it, too",
		},
		{
			name: "conditions are pure",
			of:   func(p string) bool { return within(p, "controller/condition") },
			allowed: func(d string) bool {
				impure := []string{"net", "net/http", "os", "log/slog", "context", "sync"}
				return std(d) && !slices.Contains(impure, d) || d == module+"/topology" || strings.HasPrefix(d, "github.com/tidwall/btree")
			},
			why: "the same facts must give the same conditions",
		},
		{
			name: "the compiler is pure",
			of:   func(p string) bool { return within(p, "controller/pipeline") },
			allowed: func(d string) bool {
				impure := []string{"net", "net/http", "os", "os/exec", "io/fs", "log", "log/slog", "syscall", "math/rand", "math/rand/v2", "crypto/rand"}
				if std(d) {
					return !slices.Contains(impure, d)
				}
				return within(d, "openflow") || d == module+"/topology" || d == module+"/topology/model" || strings.HasPrefix(d, "github.com/cespare/xxhash") || strings.HasPrefix(d, "github.com/tidwall/btree")
			},
			why: "the same view must give the same flows",
		},
		{
			name: "only the daemon knows how the topology is kept",
			of: func(p string) bool {
				return strings.HasPrefix(p, module+"/") && !within(p, "topology/store/bolt") && !within(p, "controller/sdnd") && !within(p, "integration")
			},
			allowed: func(d string) bool {
				return !within(d, "topology/store/bolt") && !within(d, "topology/store/storetest") && !strings.HasPrefix(d, "go.etcd.io/bbolt")
			},
			why: "another store is to take its place without a change elsewhere",
		},
		{
			name: "only the daemon knows the server",
			of: func(p string) bool {
				return strings.HasPrefix(p, module+"/") && !within(p, "controller/server") && !within(p, "controller/sdnd") && !within(p, "integration")
			},
			allowed: func(d string) bool { return !within(d, "controller/server") },
			why:     "imports point one way",
		},
	}
	for _, r := range rules {
		t.Run(r.name, func(t *testing.T) {
			found := false
			for path, p := range packages {
				if !strings.HasPrefix(path, module) || !r.of(path) {
					continue
				}
				found = true
				deps := p.Imports
				if r.transitive {
					deps = p.Deps
				}
				for _, d := range deps {
					if !r.allowed(d) {
						t.Errorf("%s must not depend on %s: %s", path, d, r.why)
					}
				}
			}
			if !found {
				t.Error("the rule is about no package: was one renamed?")
			}
		})
	}
}

// TestPackageDocs fails for a package without a doc comment.
func TestPackageDocs(t *testing.T) {
	documented := map[string]bool{}
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && path != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata") {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.PackageClauseOnly|parser.ParseComments)
		if err != nil {
			return err
		}
		dir := filepath.Dir(path)
		documented[dir] = documented[dir] || isDoc(f.Doc)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(documented) == 0 {
		t.Fatal("no packages found")
	}
	for dir, ok := range documented {
		if !ok {
			t.Errorf("%s: no file has a package comment", dir)
		}
	}
}

func isDoc(c *ast.CommentGroup) bool { return c != nil && strings.TrimSpace(c.Text()) != "" }

// TestNoInit fails for init functions: what runs has to be seen in main.
func TestNoInit(t *testing.T) {
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") {
			return err
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, decl := range f.Decls {
			if fn, ok := decl.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
				t.Errorf("%s: has an init function", path)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
