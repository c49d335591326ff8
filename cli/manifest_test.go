package cli

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/topology/model"
)

// loadText loads one file with a text.
func loadText(t testing.TB, text string) *loader {
	t.Helper()
	return load([]string{"-"}, strings.NewReader(text))
}

func TestLoadReadsFields(t *testing.T) {
	tests := []struct {
		name, text string
		want       api.Object
		spec       any
	}{
		{
			name: "text that looks like something else stays text",
			text: "kind: port\nname: 007\nlabels: {on: yes, n: 1.50, none: ~}\nspec: {network: null, mac: 12:34:56:01:02:03, interfaceID: 0x10, node: true}",
			want: api.Object{Kind: api.KindPort, Name: "007", Labels: map[string]string{"on": "yes", "n": "1.50", "none": ""}},
			spec: model.PortSpec{MAC: model.MAC{0x12, 0x34, 0x56, 1, 2, 3}, InterfaceID: "0x10", Node: "true"},
		},
		{
			name: "numbers, lists and pointers",
			text: "kind: NETWORKS\nname: blue\nspec:\n  vni: 100\n  mtu: 1400\n  subnets:\n  - cidr: 10.0.0.0/24\n    reserved: [10.0.0.1-10.0.0.9, 10.0.0.20]\n",
			want: api.Object{Kind: api.KindNetwork, Name: "blue"},
			spec: model.NetworkSpec{VNI: 100, MTU: 1400, Subnets: []model.Subnet{{Prefix: netip.MustParsePrefix("10.0.0.0/24"), Reserved: []model.AddrRange{{From: netip.MustParseAddr("10.0.0.1"), To: netip.MustParseAddr("10.0.0.9")}, {From: netip.MustParseAddr("10.0.0.20"), To: netip.MustParseAddr("10.0.0.20")}}}}},
		},
		{
			name: "leading zeros are not octal",
			text: "kind: Network\nname: blue\nspec: {vni: 0100, mtu: 01400, maxNodes: 0x10, containersPerNode: 1_000}",
			want: api.Object{Kind: api.KindNetwork, Name: "blue"},
			spec: model.NetworkSpec{VNI: 100, MTU: 1400, MaxNodes: 16, ContainersPerNode: 1000},
		},
		{
			name: "aliases",
			text: "kind: Router\nname: &n main\nspec:\n  networks: [&a blue, *a, *n]",
			want: api.Object{Kind: api.KindRouter, Name: "main"},
			spec: model.RouterSpec{Networks: []string{"blue", "blue", "main"}},
		},
		{
			name: "static routes",
			text: "kind: Router\nname: main\nspec: {networks: [blue], routes: [{to: 10.51.0.0/24, via: [10.0.0.2, 10.0.0.3]}, {to: \"::/0\", via: [\"fd00::2\"]}]}",
			want: api.Object{Kind: api.KindRouter, Name: "main"},
			spec: model.RouterSpec{Networks: []string{"blue"}, Routes: []model.Route{
				{To: netip.MustParsePrefix("10.51.0.0/24"), Via: []netip.Addr{netip.MustParseAddr("10.0.0.2"), netip.MustParseAddr("10.0.0.3")}},
				{To: netip.MustParsePrefix("::/0"), Via: []netip.Addr{netip.MustParseAddr("fd00::2")}},
			}},
		},
		{
			name: "what sdnd sets is ignored",
			text: `{"kind": "Node", "name": "n1", "status": {"whatever": [1]}, "meta": 7}`,
			want: api.Object{Kind: api.KindNode, Name: "n1"},
			spec: model.NodeSpec{},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l := loadText(t, tt.text)
			if err := l.merge(nil); err != nil {
				t.Fatal(err)
			}
			var err error
			if tt.want.Spec, err = json.Marshal(tt.spec); err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff([]api.Object{tt.want}, l.objects()); d != "" {
				t.Errorf("-want +got:\n%s", d)
			}
		})
	}
}

func TestLoadNamesMistakes(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"a key", "kind: Node\nname: n1\nspec:\n  tunelIP: 10.0.0.1\n", `<stdin>:4: node/n1: spec.tunelIP: unknown key "tunelIP" (did you mean "tunnelIP"?)`},
		{"a key far from any", "kind: Node\nname: n1\nspec:\n  color: red\n", `<stdin>:4: node/n1: spec.color: unknown key "color" (known keys are addresses, datapathID, tunnelCheck, tunnelIP, uplinkAddresses)`},
		{"a key twice, in another case", "kind: Node\nname: n1\nspec:\n  tunnelIP: 10.0.0.1\n  tunnelip: 10.0.0.2", `<stdin>:5: node/n1: spec.tunnelip: key "tunnelip" is already on line 4`},
		{"an address", "kind: Node\nname: n1\nspec:\n  tunnelIP: 10.0.0.300\n", `<stdin>:4: node/n1: spec.tunnelIP: "10.0.0.300" is not an address (write it as 10.0.0.7)`},
		{"a label that is a list", "kind: Node\nname: n1\nlabels:\n  a: b\n  c: [d]\n", `<stdin>:5: node/n1: labels.c: want text, got a list`},
		{"a number", "kind: Network\nname: b\nspec:\n  vni: 1e3", `<stdin>:4: network/b: spec.vni: want a whole number, got "1e3"`},
		{"a list", "kind: Network\nname: b\nspec:\n  subnets:\n  - cidr: [10.0.0.0/24]", `<stdin>:5: network/b: spec.subnets[0].cidr: want text, got a list`},
		{"a mapping", "kind: Router\nname: r\nspec:\n  networks: {blue: 1}", `<stdin>:4: router/r: spec.networks: want a list, got an object with keys`},
		{"text for a spec", "kind: Router\nname: r\nspec: all\n", `<stdin>:3: router/r: spec: want an object with keys, got "all"`},
		{"a key twice", "kind: Node\nname: n1\nname: n2\n", `<stdin>:3: node/n1: name: key "name" is already on line 2`},
		{"a merge key", "kind: Node\nname: n1\nspec:\n  <<: {tunnelIP: 10.0.0.1}", `<stdin>:4: node/n1: spec: merge keys (<<) are not supported; write the keys out`},
		{"no kind", "# first\nname: n1\n", `<stdin>:2: n1: kind: the kind is missing (give one of ` + strings.ReplaceAll(model.KindList(), " or ", ", ") + `)`},
		{"a misspelt kind and more", "kind: Netwrok\nname: b\nspec: {cidr: 10.0.0.0/24, mtuu: 1}\n---\nkind: Pod\nname: p\n---\nkind: Port\nname: q\nspec: {networks: b}\n", "4 mistakes, nothing was changed:\n" +
			`  <stdin>:1: network/b: kind: "Netwrok" is not a kind of object (did you mean Network?)` + "\n" +
			`  <stdin>:3: network/b: spec.mtuu: unknown key "mtuu" (did you mean "mtu"?)` + "\n" +
			`  <stdin>:5: p: kind: "Pod" is not a kind of object: want ` + model.KindList() + "\n" +
			`  <stdin>:10: port/q: spec.networks: unknown key "networks" (did you mean "network"?)`},
		{"no name", "kind: Node\n", `<stdin>:1: node: name: the name is missing (give one, such as "name: web1")`},
		{"no object", "just text", `<stdin>:1: want an object with kind, name and spec, got "just text"`},
		{"an anchor of another document", "kind: Network\nname: a\nspec: &s {cidr: 10.0.0.0/24}\n---\nkind: Network\nname: b\nspec: *s", `<stdin>:7: the anchor &s is of another document of the file, and ends with it; write the value out`},
		{"an alias for an object", "- &a [*a]", `<stdin>:1: an alias cannot stand for an object; write the object out`},
		{"in JSON, after another value", "{\"kind\": \"Node\", \"name\": \"n1\"}\n\n{\"kind\": \"Node\",\n \"name\": \"n2\", \"spec\":\n  {\"x\": 1}}", `<stdin>:5: node/n2: spec.x: unknown key "x" (known keys are addresses, datapathID, tunnelCheck, tunnelIP, uplinkAddresses)`},
		{"in a list", "objects:\n- kind: Node\n  name: n1\n- kind: Node\n  name: n2\n  specs: {}\n", `<stdin>:6: node/n2: specs: unknown key "specs" (did you mean "spec"?)`},
		{"after a document", "kind: Node\nname: n1\n---\n# more\nkind: Node\nname: n1\n", `<stdin>:5: node/n1: is already declared at <stdin>:1`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := loadText(t, tt.text).merge(nil)
			if err == nil {
				t.Fatal("no mistake was found")
			}
			if d := cmp.Diff(tt.want, err.Error()); d != "" {
				t.Errorf("-want +got:\n%s", d)
			}
			if code := exitCode(err); code != ExitInvalid {
				t.Errorf("exit code %d, want %d", code, ExitInvalid)
			}
		})
	}
}

// TestMistakesOfTheDaemon: each has the line of the field it names, or of the innermost
// part around it.
func TestMistakesOfTheDaemon(t *testing.T) {
	l := loadText(t, `kind: Network
name: blue
spec:
  cidr: 10.0.0.0/24
---
kind: Network
name: green
spec:
  subnets:
  - cidr: 10.1.0.0/24
  - reserved:
    - 10.2.0.1
    cidr: 10.2.0.0/24
`)
	tests := []struct {
		index int
		field string
		line  int
	}{
		{0, "", 1}, {0, "name", 2}, {0, "labels", 1}, {0, "spec.vni", 3}, {0, "spec.subnets[0].cidr", 4},
		{1, "spec.subnets", 9}, {1, "spec.subnets[1]", 11}, {1, "spec.subnets[1].cidr", 13},
		{1, "spec.subnets[1].reserved[0]", 12}, {1, "spec.subnets[1].gateway", 11}, {1, "spec.subnets[7].cidr", 9},
	}
	for _, tt := range tests {
		refused := &api.Error{Code: api.CodeConflict, Errors: []api.Problem{{Index: tt.index, Field: tt.field, Message: "is wrong", Fix: "mend it"}}}
		err := l.merge(fmt.Errorf("apply: %w", refused))
		field := ""
		if tt.field != "" {
			field = tt.field + ": "
		}
		want := fmt.Sprintf("<stdin>:%d: network/%s: %sis wrong (mend it)", tt.line, []string{"blue", "green"}[tt.index], field)
		if err == nil || explain(err) != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
		if code := exitCode(err); code != ExitConflict {
			t.Errorf("exit code %d, want that of the daemon's error, %d", code, ExitConflict)
		}
	}
}

func TestLoadOrder(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"b.yml": "kind: Node\nname: b\n", "a.yaml": "kind: Node\nname: a\n---\n---\nkind: Node\nname: a2\n",
		"c.json": `[{"kind": "Node", "name": "c"}, {"kind": "Node", "name": "c2"}]`, "notes.txt": "no object",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	l := load([]string{dir, "-"}, strings.NewReader("items: [{kind: Node, name: d}]"))
	if err := l.merge(nil); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, o := range l.objects() {
		names = append(names, o.Name)
	}
	if d := cmp.Diff([]string{"a", "a2", "b", "c", "c2", "d"}, names); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
}

// TestAliasesAreBounded: a few lines of aliases of aliases stand for 10^12 nodes. They must
// neither be expanded that far nor be dropped silently.
func TestAliasesAreBounded(t *testing.T) {
	var b strings.Builder
	b.WriteString("kind: Router\nname: r\nspec:\n  networks:\n  - &a0 [x, x, x, x, x, x, x, x, x, x]\n")
	for i := 1; i < 12; i++ {
		fmt.Fprintf(&b, "  - &a%d [%s]\n", i, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d, ", i-1), 10), ", "))
	}
	if err := loadText(t, b.String()).merge(nil); err == nil {
		t.Error("lists of lists were taken for names")
	}
}

// FuzzLoad: no input crashes the reader, and what it reads without a mistake is the same
// after it was written and read again.
func FuzzLoad(f *testing.F) {
	for _, seed := range []string{
		"kind: Node\nname: n1\nspec: {tunnelIP: 10.0.0.1}\n", `{"kind":"Port","name":"p","spec":{"network":"b"}}`,
		"- &a {kind: Router, name: r}\n- *a\n", "objects: []\n---\nitems: [1]", "kind: Network\nname: \"b\\tc\"\nspec: {vni: -1, mtu: 0x5}\n", "{\"\t\": 1}\n[", "a: &a [*a]",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		first := loadText(t, text)
		if first.merge(nil) != nil || len(first.found) == 0 {
			return
		}
		var b strings.Builder
		for _, o := range first.objects() {
			b.WriteString("---\n")
			if err := writeYAML(&b, o); err != nil {
				t.Fatalf("%+v: %v", o, err)
			}
		}
		second := loadText(t, b.String())
		if err := second.merge(nil); err != nil {
			t.Fatalf("written out and read again: %v\n%s", err, b.String())
		}
		if d := cmp.Diff(first.objects(), second.objects()); d != "" {
			t.Fatalf("written out and read again (-first +second):\n%s\n%s", d, b.String())
		}
	})
}

func BenchmarkLoad(b *testing.B) {
	for _, n := range []int{100, 10_000} {
		var text strings.Builder
		for i := range n {
			fmt.Fprintf(&text, "---\nkind: Port\nname: p%d\nspec:\n  network: blue\n  node: node1\n", i)
		}
		b.Run(fmt.Sprintf("ports=%d", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if l := loadText(b, text.String()); len(l.found) != n {
					b.Fatalf("%d objects", len(l.found))
				}
			}
		})
	}
}
