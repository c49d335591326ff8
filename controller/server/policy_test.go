package server

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/controller/pki"
	"github.com/sdnctl/sdnctl/topology/model"
)

// TestPolicySubject: the status of a policy names a hundred of the ports that it selects,
// and a list of ports has all, page by page. A port is a subject if every part of the
// selection picks it.
func TestPolicySubject(t *testing.T) {
	b := newBed(t, nil)
	b.ok("POST", "/v1/networks", `{"name":"blue","spec":{"cidr":"10.0.0.0/16"}}`, nil)
	b.ok("POST", "/v1/networks", `{"name":"green","spec":{"cidr":"10.1.0.0/16"}}`, nil)
	const n = 250
	var req api.ApplyRequest
	add := func(kind string, labels map[string]string, spec model.Spec) {
		o, err := api.NewObject(kind, labels, spec)
		if err != nil {
			t.Fatal(err)
		}
		req.Objects = append(req.Objects, o)
	}
	var want []string
	for i := range n {
		name := fmt.Sprintf("p%03d", i)
		add(name, map[string]string{"app": "web"}, model.PortSpec{Network: []string{"blue", "green"}[i%2]})
		want = append(want, name)
	}
	add("red", map[string]string{"app": "web", "tier": "test"}, model.PortSpec{Network: "blue"})
	add("other", nil, model.PortSpec{Network: "blue"})
	add("untested", nil, model.PortGroupSpec{Selector: &model.Selector{MatchExpressions: []model.Requirement{{Key: "tier", Operator: model.SelectDoesNotExist}}}})
	add("both", nil, model.PolicySpec{
		Subject:  model.PolicySelection{Selector: &model.Selector{MatchLabels: map[string]string{"app": "web"}}, PortGroup: "untested", Networks: []string{"green", "blue"}},
		Isolates: []model.PolicyDirection{model.Ingress},
	})
	add("nets", nil, model.PolicySpec{Subject: model.PolicySelection{Networks: []string{"green", "blue"}}, Isolates: []model.PolicyDirection{model.Ingress}})
	if _, err := b.client.Apply(t.Context(), req); err != nil {
		t.Fatal(err)
	}
	var p api.Policy
	if err := json.Unmarshal(b.ok("GET", "/v1/policies/both", "", nil), &p); err != nil {
		t.Fatal(err)
	}
	if s := p.Status.Subject; s.Count != n || len(s.Ports) != api.MaxGroupPorts || s.Continue != "p099" || p.Status.ID != 1 || p.Status.Rules != 0 {
		t.Errorf("status: %d, %d named, continue behind %q, number %d, %d rules", s.Count, len(s.Ports), s.Continue, p.Status.ID, p.Status.Rules)
	}
	pages := func(query string) (names []string) {
		for behind, pages := "", 0; pages == 0 || behind != ""; pages++ {
			var page api.List[api.Port]
			if err := json.Unmarshal(b.ok("GET", "/v1/ports?limit=100&"+query+"&continue="+behind, "", nil), &page); err != nil {
				t.Fatal(err)
			}
			for _, p := range page.Items {
				names = append(names, p.Name)
			}
			behind = page.Continue
		}
		return names
	}
	if diff := cmp.Diff(want, pages("policy=both")); diff != "" {
		t.Errorf("pages (-want +got):\n%s", diff)
	}
	if got := len(pages("policy=both&network=green")); got != n/2 {
		t.Errorf("%d ports of green, want %d", got, n/2)
	}
	if got := pages("policy=nets"); len(got) != n+2 || got[0] != "other" || got[n+1] != "red" {
		t.Errorf("ports of two networks: %d, from %s to %s", len(got), got[0], got[len(got)-1])
	}
	if e := b.refused("GET", "/v1/ports?policy=wob", "", nil); e.Status != http.StatusNotFound {
		t.Errorf("a policy that does not exist: %+v", e)
	}
}

// TestPolicyPriority: without a priority it is 500, also after it was removed; 0 stays 0.
func TestPolicyPriority(t *testing.T) {
	b := newBed(t, nil)
	for _, step := range []struct {
		method, path, body string
		want               int
	}{
		{"POST", "/v1/policies", `{"name":"p","spec":{"subject":{"selector":{}},"isolates":["ingress"]}}`, 500},
		{"PATCH", "/v1/policies/p", `{"spec":{"priority":0}}`, 0},
		{"PATCH", "/v1/policies/p", `{"spec":{"ingress":[{}]}}`, 0},
		{"PATCH", "/v1/policies/p", `{"spec":{"priority":null}}`, 500},
		{"PUT", "/v1/policies/p", `{"spec":{"subject":{"selector":{}},"isolates":["ingress"],"priority":0}}`, 0},
		{"PUT", "/v1/policies/p", `{"spec":{"subject":{"selector":{}},"isolates":["ingress"]}}`, 500},
	} {
		var p api.Policy
		if err := json.Unmarshal(b.ok(step.method, step.path, step.body, nil), &p); err != nil {
			t.Fatal(err)
		}
		if p.Spec.Priority != step.want {
			t.Errorf("%s %s: priority %d, want %d", step.method, step.body, p.Spec.Priority, step.want)
		}
	}
}

// TestPolicyUnknownKey: an unknown key of a peer is an error that names it.
func TestPolicyUnknownKey(t *testing.T) {
	b := newBed(t, nil)
	e := b.refused("POST", "/v1/policies", `{"name":"p","spec":{"subject":{"selector":{}},"ingress":[{"peers":[{"cidr":"10.0.0.0/8"},{"Selector":{},"portgrup":"x"}]}]}}`, nil)
	if len(e.Errors) != 1 || e.Errors[0].Field != "spec.ingress[0].peers[1].portgrup" || e.Errors[0].Fix != `did you mean "portGroup"?` {
		t.Errorf("%+v", e)
	}
}

// TestWhoMayWritePolicies: only an admin creates, changes and deletes a policy of the admin
// tier, and no node any policy.
func TestWhoMayWritePolicies(t *testing.T) {
	b := newNodeBed(t)
	spec := func(tier model.PolicyTier) model.PolicySpec {
		return model.PolicySpec{Tier: tier, Subject: model.PolicySelection{Selector: &model.Selector{}}, Isolates: []model.PolicyDirection{model.Ingress}}
	}
	if status, e := b.ask(b.node, "", "POST", "/v1/policies", object(t, "p", spec(model.TierApplication))); status != http.StatusForbidden {
		t.Errorf("by a node: status %d, %s", status, e.Message)
	}
	admin, baseline := spec(model.TierAdmin), spec(model.TierBaseline)
	for _, step := range []struct {
		role   pki.Role
		method string
		spec   model.PolicySpec
		want   int
	}{
		{pki.Viewer, "PUT", baseline, http.StatusForbidden}, {pki.Operator, "PUT", baseline, http.StatusOK},
		{pki.Operator, "PUT", admin, http.StatusForbidden}, {pki.Admin, "PUT", admin, http.StatusOK},
		{pki.Operator, "PUT", baseline, http.StatusForbidden}, {pki.Operator, "DELETE", admin, http.StatusForbidden},
		{pki.Admin, "DELETE", admin, http.StatusOK},
	} {
		body := object(t, "p", step.spec)
		got, e := b.ask(b.as(pki.Identity{}), b.tokens[step.role], step.method, "/v1/policies/p", body)
		if got != step.want {
			t.Errorf("%s of tier %s by %s: status %d, want %d: %s", step.method, step.spec.Tier, step.role, got, step.want, e.Message)
		}
	}
}
