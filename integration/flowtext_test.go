package integration

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestFlowText compares, flow by flow, what sdnd lists as installed with what ovs-ofctl
// reads from the switch: table, priority, match and actions.
func TestFlowText(t *testing.T) {
	b := newBed(t, 2)
	b.join("node1", "node2")
	b.apply(nodes(2) + `
{kind: Network, name: blue, spec: {cidr: 10.7.0.0/24}}
---
{kind: Network, name: green, spec: {cidr: 10.8.0.0/24}}
---
{kind: Network, name: blocks, spec: {mode: segmented, cidr: 10.244.0.0/16, containersPerNode: 250, maxNodes: 250}}
---
{kind: Router, name: r, spec: {networks: [blue, green]}}
---
{kind: Port, name: a, spec: {network: blue, node: node1}}
---
{kind: Port, name: b, spec: {network: green, node: node2}}
---
{kind: Port, name: c, spec: {network: blocks, node: node1}}
---
{kind: Port, name: d, spec: {network: blocks, node: node2}}
`)
	for port, node := range map[string]string{"a": "node1", "b": "node2", "c": "node1", "d": "node2"} {
		b.plug(port, node)
	}
	b.bound("a", "b", "c", "d")
	for _, n := range b.joined {
		ours, err := b.api.Flows(b.ctx, n.Name)
		b.must(err)
		theirs := map[string]string{}
		for _, line := range b.flowSet(n.Name) {
			cookie, rest, _ := strings.Cut(strings.TrimPrefix(line, "cookie="), ",")
			theirs[cookie] = canonical(rest)
		}
		tables := map[int]bool{}
		for _, f := range ours.Flows {
			tables[f.Table] = true
			text := "priority=" + strconv.Itoa(f.Priority) + "," + f.Match + " actions=" + f.Actions
			if f.Table != 0 {
				text = "table=" + strconv.Itoa(f.Table) + "," + text
			}
			if diff := cmp.Diff(canonical(text), theirs[f.Cookie]); diff != "" {
				t.Errorf("%s, %s (-sdnd +ovs-ofctl):\n%s", n.Name, f.Why, diff)
			}
		}
		if len(tables) < 8 {
			t.Errorf("%s has flows in %d tables only: not every kind is here", n.Name, len(tables))
		}
	}
	b.verify()
}

// canonical puts a flow's words in one order: ovs-ofctl and sdnd may write the
// fields of a match in different ones.
func canonical(flow string) string {
	match, actions, _ := strings.Cut(flow, "actions=")
	words := strings.FieldsFunc(match, func(r rune) bool { return r == ',' || r == ' ' })
	slices.Sort(words)
	return strings.Join(words, ",") + " actions=" + strings.TrimSpace(actions)
}
