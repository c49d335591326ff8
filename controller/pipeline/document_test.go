package pipeline_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sdnctl/sdnctl/controller/pipeline"
)

// TestDocument keeps docs/pipeline.md equal to the tables, the fields and the flows
// of the goldens, and the names that sdnctl completes equal to those of the tables.
func TestDocument(t *testing.T) {
	var names strings.Builder
	for _, table := range pipeline.Tables() {
		fmt.Fprintln(&names, table.Name)
	}
	for file, want := range map[string]string{"../../docs/pipeline.md": document(t), "../../cli/tables.txt": names.String()} {
		if *update {
			if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		got, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, string(got)); diff != "" {
			t.Errorf("%s is not current (-want +got); -update writes it:\n%s", file, diff)
		}
	}
}

// flowless are the tables whose flows the goldens cannot have: their flows are learned, or are no
// items of the desired topology.
var flowless = []string{"affinity", "next-hop", "sample", "stamp"}

// document writes the page.
func document(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	b.WriteString(`# The pipeline: tables, fields and flows

This page is generated: ` + "`go test ./controller/pipeline -update`" + `. [architecture.md](architecture.md)
says why the pipeline is as it is. ` + "`sdnctl flows NODE`" + ` prints the same of a live switch.

## Tables

A packet that matches no flow of a table is dropped.

| table | purpose | matches | next |
|---|---|---|---|
`)
	for _, table := range pipeline.Tables() {
		fmt.Fprintf(&b, "| %d [%s](#%[1]d-%[2]s) | %[3]s | %[4]s | %[5]s |\n", table.ID, table.Name, table.Purpose, table.Match, table.Next)
	}
	b.WriteString("\n## Fields\n\nWhat the pipeline keeps of a packet while it is on its way.\n\n| field | what it is for |\n|---|---|\n")
	for _, f := range fieldsOf(t) {
		fmt.Fprintf(&b, "| %s | %s |\n", f[0], f[1])
	}
	flows := ruleFlows(t)
	for _, table := range pipeline.Tables() {
		fmt.Fprintf(&b, "\n## %d %s\n", table.ID, table.Name)
		of := flows[fmt.Sprint(table.ID)]
		if len(of) == 0 {
			if !slices.Contains(flowless, table.Name) {
				t.Errorf("no golden has a flow in the table %s", table.Name)
			}
			fmt.Fprintf(&b, "\nNo flow of the desired topology is here: %s.\n", table.Purpose)
		}
		for _, f := range of {
			fmt.Fprintf(&b, "\n%s (`%s`):\n\n    %s\n", strings.ToUpper(f.rule[:1])+f.rule[1:], f.owner, f.text)
		}
	}
	return b.String()
}

// fieldsOf reads from fields.go what registers and flags are for.
func fieldsOf(t *testing.T) (fields [][2]string) {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), "fields.go", nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	fields = append(fields, [2]string{"`metadata`", "holds the VNI of the network that the packet is in."})
	ast.Inspect(f, func(n ast.Node) bool {
		v, ok := n.(*ast.ValueSpec)
		if !ok || len(v.Values) == 0 {
			return true
		}
		name, value := v.Names[0].Name, ""
		switch x := v.Values[0].(type) {
		case *ast.BasicLit:
			value = x.Value
		case *ast.BinaryExpr:
			value = x.X.(*ast.BasicLit).Value + " << " + x.Y.(*ast.BasicLit).Value
		}
		text := strings.Join(strings.Fields(strings.TrimPrefix(v.Doc.Text(), name)), " ")
		switch {
		case strings.HasPrefix(name, "reg"):
			fields = append(fields, [2]string{"`reg" + value + "`", text})
		case strings.HasPrefix(name, "flag"):
			fields = append(fields, [2]string{"`reg0`, bit `" + value + "`", text})
		}
		return true
	})
	if len(fields) < 5 {
		t.Fatalf("fields.go has %v", fields)
	}
	return fields
}

// ruleFlow is a flow of the goldens, the first of its rule.
type ruleFlow struct{ owner, rule, text string }

// ruleFlows returns a flow for each rule, by table.
func ruleFlows(t *testing.T) map[string][]ruleFlow {
	t.Helper()
	files, err := filepath.Glob("testdata/*.flows")
	if err != nil || len(files) == 0 {
		t.Fatalf("%v, %v", files, err)
	}
	slices.Sort(files)
	heading := regexp.MustCompile(`^# ([^:]+): (.+)$`)
	table := regexp.MustCompile(`^table=(\d+),`)
	seen := map[string]bool{}
	out := map[string][]ruleFlow{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var why []string
		for line := range strings.Lines(string(text)) {
			line = strings.TrimSuffix(line, "\n")
			if m := heading.FindStringSubmatch(line); m != nil {
				why = m
			} else if m := table.FindStringSubmatch(line); m != nil && why != nil && !seen[m[1]+why[2]] {
				seen[m[1]+why[2]] = true
				out[m[1]] = append(out[m[1]], ruleFlow{why[1], why[2], line})
			}
		}
	}
	return out
}
