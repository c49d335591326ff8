package server

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/topology/model"
)

// TestPortGroupMembers: the status of a group names a hundred members, and a list of
// ports has all, page by page.
func TestPortGroupMembers(t *testing.T) {
	b := newBed(t, nil)
	b.ok("POST", "/v1/networks", `{"name":"blue","spec":{"cidr":"10.0.0.0/16"}}`, nil)
	const n = 250
	var req api.ApplyRequest
	for i := range n {
		o, err := api.NewObject(fmt.Sprintf("p%03d", i), map[string]string{"app": "web"}, model.PortSpec{Network: "blue"})
		if err != nil {
			t.Fatal(err)
		}
		req.Objects = append(req.Objects, o)
	}
	if _, err := b.client.Apply(t.Context(), req); err != nil {
		t.Fatal(err)
	}
	b.ok("POST", "/v1/ports", `{"name":"other","spec":{"network":"blue"}}`, nil)
	var g api.PortGroup
	if err := json.Unmarshal(b.ok("POST", "/v1/portgroups", `{"name":"web","spec":{"selector":{"matchLabels":{"app":"web"}}}}`, nil), &g); err != nil {
		t.Fatal(err)
	}
	if g.Status.Count != n || len(g.Status.Ports) != api.MaxGroupPorts || g.Status.Continue != "p099" {
		t.Errorf("status: %d, %d named, continue behind %q", g.Status.Count, len(g.Status.Ports), g.Status.Continue)
	}
	var names, want []string
	for behind, pages := "", 0; pages == 0 || behind != ""; pages++ {
		var page api.List[api.Port]
		if err := json.Unmarshal(b.ok("GET", "/v1/ports?group=web&limit=100&continue="+behind, "", nil), &page); err != nil {
			t.Fatal(err)
		}
		for _, p := range page.Items {
			names = append(names, p.Name)
		}
		behind = page.Continue
	}
	for i := range n {
		want = append(want, fmt.Sprintf("p%03d", i))
	}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("pages (-want +got):\n%s", diff)
	}
	if e := b.refused("GET", "/v1/ports?group=wob", "", nil); e.Status != http.StatusNotFound {
		t.Errorf("a group that does not exist: %+v", e)
	}
}
