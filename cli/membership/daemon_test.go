package membership

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/sdnctl/sdnctl/controller/api"
)

const node1ID = "ca4eba7207232f14"

// fakeSdnd answers GET requests from a map of paths, and "not found" for all others.
func fakeSdnd(t *testing.T, answers map[string]any) *api.Client {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer, ok := answers[r.URL.Path]
		if !ok {
			answer = api.Error{Code: api.CodeNotFound, Message: "there is no such object"}
			w.WriteHeader(http.StatusNotFound)
		}
		if err := json.NewEncoder(w).Encode(answer); err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(server.Close)
	client, err := api.NewClient(server.URL, api.ClientOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

func apiNode(name string, s api.NodeStatus) map[string]any {
	return map[string]any{"kind": "Node", "name": name, "spec": map[string]any{}, "status": s}
}

// TestSdndRefusesJoin: joining asks sdnd first, and changes nothing if sdnd would not accept the
// machine as the node. It says what to do.
func TestSdndRefusesJoin(t *testing.T) {
	list := func(nodes ...map[string]any) map[string]any { return map[string]any{"items": nodes} }
	status := map[string]any{"bridge": "br-int"}
	for name, c := range map[string]struct {
		answers map[string]any
		want    string // "" if the machine may join
	}{
		"not declared": {map[string]any{"/v1/status": status, "/v1/nodes": list()}, ""},
		"declared and absent": {map[string]any{
			"/v1/status": status, "/v1/nodes": list(), "/v1/nodes/node1": apiNode("node1", api.NodeStatus{DatapathID: node1ID}),
		}, ""},
		"another bridge": {map[string]any{"/v1/status": map[string]any{"bridge": "br-sdn"}}, "join with --bridge br-sdn"},
		"the datapath id of another node": {map[string]any{
			"/v1/status": status, "/v1/nodes": list(apiNode("node7", api.NodeStatus{DatapathID: node1ID})),
		}, "is that of node node7"},
		"another datapath id": {map[string]any{
			"/v1/status": status, "/v1/nodes": list(), "/v1/nodes/node1": apiNode("node1", api.NodeStatus{DatapathID: "00000000000000a1"}),
		}, "--datapath-id 00000000000000a1"},
		"the node is another machine": {map[string]any{
			"/v1/status": status, "/v1/nodes": list(),
			"/v1/nodes/node1": apiNode("node1", api.NodeStatus{DatapathID: node1ID, Connected: true, Address: "192.0.2.77:4000"}),
		}, "another machine is connected as node node1, from 192.0.2.77:4000"},
	} {
		t.Run(name, func(t *testing.T) {
			f := &fake{states: []tables{{}, joined(1, "", false)}}
			j := node1(t, f)
			j.Blind, j.Client = false, fakeSdnd(t, c.answers)
			d, err := j.Run(t.Context())
			if c.want == "" {
				if err != nil || len(f.changes) != 1 {
					t.Errorf("%d changes: %v", len(f.changes), err)
				}
				if declared := d.Declared(t.Context()); declared != (c.answers["/v1/nodes/node1"] != nil) {
					t.Errorf("declared: %t", declared)
				}
				return
			}
			if codeOf(err) != Conflict || !strings.Contains(err.Error(), c.want) || !strings.HasSuffix(err.Error(), "nothing was changed") {
				t.Errorf("code %q: %v", codeOf(err), err)
			}
			if len(f.changes) > 0 {
				t.Errorf("changed %q", f.changes)
			}
		})
	}
}

// TestUnreachableSdndIsNoObstacle: without sdnd the machine joins, with a note.
func TestUnreachableSdndIsNoObstacle(t *testing.T) {
	f := &fake{states: []tables{{}, joined(1, "", false)}}
	j := node1(t, f)
	j.Blind, j.Client = false, fakeSdnd(t, nil)
	if _, err := j.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if notes := strings.Join(f.notes, "\n"); !strings.Contains(notes, "sdnd does not answer") {
		t.Errorf("notes: %s", notes)
	}
}

// TestAwaitReportsSdnd: what sdnd says of the node is in the error after the timeout: that the
// node is not declared, why its switch was refused, and the errors among its conditions.
func TestAwaitReportsSdnd(t *testing.T) {
	for name, c := range map[string]struct {
		answers map[string]any
		want    string
	}{
		"not declared": {map[string]any{"/v1/switches": map[string]any{"items": []any{}}}, "sdnctl node create node1"},
		"refused": {map[string]any{
			"/v1/nodes/node1": apiNode("node1", api.NodeStatus{DatapathID: node1ID}),
			"/v1/switches":    map[string]any{"items": []api.Switch{{Address: "192.0.2.11:4000", Reason: "it speaks OpenFlow 1.0 only"}}},
		}, "it speaks OpenFlow 1.0 only"},
		"refused elsewhere": {map[string]any{
			"/v1/nodes/node1": apiNode("node1", api.NodeStatus{DatapathID: node1ID}),
			"/v1/switches":    map[string]any{"items": []api.Switch{{Address: "192.0.2.99:4000", Reason: "it speaks OpenFlow 1.0 only"}}},
		}, "!OpenFlow 1.0"},
		"a condition": {map[string]any{
			"/v1/nodes/node1": apiNode("node1", api.NodeStatus{
				DatapathID: node1ID, Connected: true, Address: "192.0.2.11:4000", TunnelPort: true, OVSDB: true,
				Conditions: []api.Condition{{Severity: api.SeverityError, Message: "the tunnel has another key", Action: "join again"}},
			}),
			"/v1/switches": map[string]any{"items": []any{}},
		}, "the tunnel has another key: join again"},
	} {
		t.Run(name, func(t *testing.T) {
			answers := map[string]any{"/v1/status": map[string]any{"bridge": "br-int"}, "/v1/nodes": map[string]any{"items": []any{}}}
			f := &fake{states: []tables{{}, joined(1, "", true)}}
			j := node1(t, f)
			j.Blind, j.Client = false, fakeSdnd(t, answers)
			d, err := j.Run(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for path, answer := range c.answers {
				answers[path] = answer // nothing is asked before Await
			}
			err = d.Await(t.Context(), 1)
			if codeOf(err) != Late {
				t.Fatalf("code %q: %v", codeOf(err), err)
			}
			if unwanted, ok := strings.CutPrefix(c.want, "!"); ok {
				if strings.Contains(err.Error(), unwanted) {
					t.Error(err)
				}
			} else if !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v\nwant %q", err, c.want)
			}
		})
	}
}
