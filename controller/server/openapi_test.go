package server

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.yaml.in/yaml/v3"

	"github.com/sdnctl/sdnctl/topology/model"
)

var update = flag.Bool("update", false, "write what the tests compare with")

const document = "../../docs/openapi.yaml"

// whole returns a bed with every route.
func whole(t *testing.T) *bed {
	t.Helper()
	return newBed(t, func(c *Config) {
		c.Metrics = promhttp.HandlerFor(prometheus.NewRegistry(), promhttp.HandlerOpts{})
	})
}

// operations yields the operations of the document by "METHOD path".
func operations(s *Server) map[string]*huma.Operation {
	out := map[string]*huma.Operation{}
	for path, item := range s.api.OpenAPI().Paths {
		for method, op := range map[string]*huma.Operation{
			"GET": item.Get, "PUT": item.Put, "POST": item.Post, "DELETE": item.Delete,
			"PATCH": item.Patch, "HEAD": item.Head, "OPTIONS": item.Options, "TRACE": item.Trace,
		} {
			if op != nil {
				out[method+" "+path] = op
			}
		}
	}
	return out
}

func TestDocumentIsCurrent(t *testing.T) {
	b := whole(t)
	got, err := b.server.OpenAPI()
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(document, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(string(got), "\n")); diff != "" {
		t.Errorf("%s is not current; run this test with -update (-file +served):\n%s", document, diff)
	}
	_, served := b.raw("GET", "/openapi.yaml", "", nil)
	if served != string(got) {
		t.Error("/openapi.yaml serves another document")
	}
	_, served = b.raw("GET", "/openapi.json", "", nil)
	var fromJSON, fromYAML any
	if err := json.Unmarshal([]byte(served), &fromJSON); err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(got, &fromYAML); err != nil {
		t.Fatal(err)
	}
	if a, b := canonical(t, fromJSON), canonical(t, fromYAML); a != b {
		t.Error("/openapi.json and /openapi.yaml differ")
	}
}

func canonical(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestPaths has the list of all routes, to be reviewed when it changes.
func TestPaths(t *testing.T) {
	b := whole(t)
	got := []string{}
	for route := range operations(b.server) {
		got = append(got, route)
	}
	slices.Sort(got)
	want := []string{
		"DELETE /v1/dnsrecords/{name}", "DELETE /v1/egressips/{name}", "DELETE /v1/floatingips/{name}", "DELETE /v1/networks/{name}", "DELETE /v1/nodes/{name}", "DELETE /v1/policies/{name}", "DELETE /v1/portgroups/{name}", "DELETE /v1/ports/{name}", "DELETE /v1/routers/{name}", "DELETE /v1/services/{name}", "DELETE /v1/uplinks/{name}",
		"GET /healthz", "GET /metrics", "GET /readyz", "GET /v1/answers", "GET /v1/backup", "GET /v1/dnsrecords", "GET /v1/dnsrecords/{name}", "GET /v1/drifts", "GET /v1/egressips", "GET /v1/egressips/{name}", "GET /v1/floatingips", "GET /v1/floatingips/{name}", "GET /v1/history", "GET /v1/ipam/check",
		"GET /v1/networks", "GET /v1/networks/{name}", "GET /v1/networks/{name}/multicast", "GET /v1/networks/{name}/zone", "GET /v1/nodes", "GET /v1/nodes/{name}", "GET /v1/nodes/{name}/flows", "GET /v1/nodes/{name}/groups", "GET /v1/nodes/{name}/meters",
		"GET /v1/policies", "GET /v1/policies/{name}", "GET /v1/policies/{name}/counters", "GET /v1/portgroups", "GET /v1/portgroups/{name}", "GET /v1/ports", "GET /v1/ports/{name}", "GET /v1/revisions/{revision}/acks", "GET /v1/routers", "GET /v1/routers/{name}", "GET /v1/services", "GET /v1/services/{name}", "GET /v1/services/{name}/counters",
		"GET /v1/status", "GET /v1/switches", "GET /v1/uplinks", "GET /v1/uplinks/{name}", "GET /v1/watch",
		"PATCH /v1/dnsrecords/{name}", "PATCH /v1/egressips/{name}", "PATCH /v1/floatingips/{name}", "PATCH /v1/networks/{name}", "PATCH /v1/nodes/{name}", "PATCH /v1/policies/{name}", "PATCH /v1/portgroups/{name}", "PATCH /v1/ports/{name}", "PATCH /v1/routers/{name}", "PATCH /v1/services/{name}", "PATCH /v1/uplinks/{name}",
		"POST /v1/apply", "POST /v1/dnsrecords", "POST /v1/egressips", "POST /v1/enroll", "POST /v1/floatingips", "POST /v1/networks",
		"POST /v1/nodes", "POST /v1/nodes/{name}/audit", "POST /v1/nodes/{name}/certificate", "POST /v1/nodes/{name}/invitation", "POST /v1/policies", "POST /v1/policies/{name}/denials", "POST /v1/portgroups", "POST /v1/ports", "POST /v1/restore", "POST /v1/routers", "POST /v1/services", "POST /v1/uplinks",
		"PUT /v1/dnsrecords/{name}", "PUT /v1/egressips/{name}", "PUT /v1/floatingips/{name}", "PUT /v1/networks/{name}", "PUT /v1/nodes/{name}", "PUT /v1/policies/{name}", "PUT /v1/portgroups/{name}", "PUT /v1/ports/{name}", "PUT /v1/routers/{name}", "PUT /v1/services/{name}", "PUT /v1/uplinks/{name}",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestEveryRouteIsDocumented asks the mux, not huma, what is served.
func TestEveryRouteIsDocumented(t *testing.T) {
	b := whole(t)
	documented := operations(b.server)
	for route := range documented {
		method, path, _ := strings.Cut(route, " ")
		r, err := http.NewRequest(method, strings.NewReplacer("{", "", "}", "").Replace(path), nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, pattern := b.server.mux.Handler(r); pattern != route {
			t.Errorf("%s is documented, but served by %q", route, pattern)
		}
	}
	for _, method := range []string{"GET", "PUT", "POST", "DELETE", "PATCH", "OPTIONS"} {
		for _, path := range []string{
			"/healthz", "/readyz", "/metrics", "/v1/status", "/v1/backup", "/v1/restore", "/v1/ipam/check", "/v1/switches", "/v1/history", "/v1/watch", "/v1/apply",
			"/v1/revisions/1/acks", "/v1/nodes/x/flows", "/v1/nodes/x/groups", "/v1/nodes/x/meters", "/v1/nodes", "/v1/nodes/x", "/v1/networks", "/v1/networks/x",
			"/v1/routers", "/v1/routers/x", "/v1/ports", "/v1/ports/x", "/docs", "/schemas/Node.json", "/v1", "/",
		} {
			r, err := http.NewRequest(method, path, nil)
			if err != nil {
				t.Fatal(err)
			}
			if _, pattern := b.server.mux.Handler(r); pattern != "" && documented[pattern] == nil {
				t.Errorf("%s %s is served by %q, which is not documented", method, path, pattern)
			}
		}
	}
}

func TestEveryOperationIsDescribed(t *testing.T) {
	b := whole(t)
	ids, tags := map[string]string{}, map[string]bool{}
	for _, tag := range b.server.api.OpenAPI().Tags {
		tags[tag.Name] = tag.Description != ""
	}
	for route, op := range operations(b.server) {
		if op.Summary == "" || op.OperationID == "" || len(op.Tags) != 1 || !tags[op.Tags[0]] {
			t.Errorf("%s: summary %q, id %q, tags %v", route, op.Summary, op.OperationID, op.Tags)
		}
		if other, taken := ids[op.OperationID]; taken {
			t.Errorf("%s and %s are both %s", route, other, op.OperationID)
		}
		ids[op.OperationID] = route
		for _, status := range []string{"4XX", "5XX"} {
			if op.Responses[status] == nil || op.Responses[status].Content["application/problem+json"] == nil {
				t.Errorf("%s: does not say how it refuses (%s)", route, status)
			}
		}
		examples := 0
		for status, r := range op.Responses {
			for media, c := range r.Content {
				examples++
				if c.Example == nil || c.Schema == nil {
					t.Errorf("%s: %s %s has no example or schema", route, status, media)
				}
			}
		}
		if examples < 2 {
			t.Errorf("%s: has no success", route)
		}
		for _, p := range op.Parameters {
			if p.Description == "" {
				t.Errorf("%s: parameter %s is not described", route, p.Name)
			}
		}
		if takes := strings.HasPrefix(route, "PUT") || strings.HasPrefix(route, "PATCH") || strings.HasPrefix(route, "POST") && !strings.HasSuffix(route, "/audit") && !strings.HasSuffix(route, "/denials"); takes != (op.RequestBody != nil) {
			t.Errorf("%s: body documented: %t", route, !takes)
		} else if takes {
			for media, c := range op.RequestBody.Content {
				if c.Example == nil {
					t.Errorf("%s: the body in %s has no example", route, media)
				}
			}
		}
	}
}

// TestExamplesFitTheirSchemas validates every example of the document.
func TestExamplesFitTheirSchemas(t *testing.T) {
	b := whole(t)
	registry := b.server.api.OpenAPI().Components.Schemas
	check := func(where string, c *huma.MediaType) {
		raw, err := json.Marshal(c.Example)
		if err != nil {
			t.Fatal(err)
		}
		var v any
		if err := json.Unmarshal(raw, &v); err != nil {
			t.Fatal(err)
		}
		var res huma.ValidateResult
		huma.Validate(registry, c.Schema, huma.NewPathBuffer(nil, 0), huma.ModeReadFromServer, v, &res)
		for _, err := range res.Errors {
			t.Errorf("%s: example: %v", where, err)
		}
	}
	for route, op := range operations(b.server) {
		if op.RequestBody != nil {
			for _, c := range op.RequestBody.Content {
				check(route+" body", c)
			}
		}
		for status, r := range op.Responses {
			for media, c := range r.Content {
				if strings.HasSuffix(media, "json") {
					check(fmt.Sprint(route, " ", status), c)
				}
			}
		}
	}
}

// TestAnswersFitTheDocument validates real answers with the document.
func TestAnswersFitTheDocument(t *testing.T) {
	b := whole(t)
	b.declareBlue()
	b.apply(
		object(t, "pods", model.NetworkSpec{Mode: model.Segmented, CIDR: netip.MustParsePrefix("10.244.0.0/16"), ContainersPerNode: 250, MaxNodes: 10, DNS: model.DNS{Enabled: true}, Multicast: model.MulticastSnoop}),
		object(t, "wan", model.UplinkSpec{}),
		object(t, "main", model.RouterSpec{Networks: []string{"blue"}, Egress: &model.RouterEgress{Uplink: "wan"}}),
		object(t, "web", model.PortGroupSpec{Ports: []string{"web1"}}),
		object(t, "shop", model.PolicySpec{Subject: model.PolicySelection{PortGroup: "web"}, Isolates: []model.PolicyDirection{model.Ingress}}),
		object(t, "front", model.ServiceSpec{Addresses: []netip.Addr{netip.MustParseAddr("10.96.0.10")}, Networks: []string{"blue"}, Ports: []model.ServicePort{{Port: 80}}, Backends: model.ServiceBackends{PolicySelection: model.PolicySelection{PortGroup: "web"}}}),
		object(t, "ext", model.UplinkSpec{Type: model.UplinkBridge, Bridge: "br-ex", Subnet: netip.MustParsePrefix("192.0.2.0/24"), Subnet6: netip.MustParsePrefix("2001:db8:0:2::/64"), Addresses: []netip.Prefix{netip.MustParsePrefix("192.0.2.64/26"), netip.MustParsePrefix("2001:db8:0:2::40/122")}}),
		object(t, "jobs", model.EgressIPSpec{Uplink: "ext", Addresses: []netip.Addr{netip.MustParseAddr("192.0.2.80")}, Ports: model.PolicySelection{PortGroup: "web"}, Nodes: []string{"node1"}}),
		object(t, "public", model.FloatingIPSpec{Uplink: "ext", Address: netip.MustParseAddr("192.0.2.70"), Port: "web1"}),
		object(t, "mail", model.DNSRecordSpec{Network: "blue", Name: "mail", Type: model.RecordA, Values: []string{"192.0.2.25"}}),
	)
	registry := b.server.api.OpenAPI().Components.Schemas
	paths := strings.NewReplacer("{revision}", "1")
	names := map[string]string{"nodes": "node1", "networks": "pods", "routers": "main", "ports": "web1", "portgroups": "web", "policies": "shop", "services": "front", "uplinks": "wan", "floatingips": "public", "egressips": "jobs", "dnsrecords": "mail"}
	for route, op := range operations(b.server) {
		method, path, _ := strings.Cut(route, " ")
		if method != "GET" || op.Responses["200"].Content["application/json"] == nil {
			continue
		}
		for kind, name := range names {
			if strings.HasPrefix(path, "/v1/"+kind+"/") {
				path = strings.Replace(path, "{name}", name, 1)
			}
		}
		resp, answer := b.raw(method, paths.Replace(path), "", nil)
		if resp.StatusCode != http.StatusOK {
			t.Errorf("%s: %s %s", route, resp.Status, answer)
			continue
		}
		var v any
		if err := json.Unmarshal([]byte(answer), &v); err != nil {
			t.Fatal(err)
		}
		var res huma.ValidateResult
		huma.Validate(registry, op.Responses["200"].Content["application/json"].Schema, huma.NewPathBuffer(nil, 0), huma.ModeReadFromServer, v, &res)
		for _, err := range res.Errors {
			t.Errorf("%s: %v\n%s", route, err, answer)
		}
	}
}

// TestDocumentIsWhole follows every reference in the document.
func TestDocumentIsWhole(t *testing.T) {
	b := whole(t)
	doc, err := b.server.OpenAPI()
	if err != nil {
		t.Fatal(err)
	}
	schemas := b.server.api.OpenAPI().Components.Schemas.Map()
	refs := 0
	for line := range bytes.Lines(doc) {
		if _, name, ok := strings.Cut(string(line), schemaPrefix); ok {
			refs++
			name = strings.TrimRight(strings.TrimSpace(name), `"'`)
			if schemas[name] == nil {
				t.Errorf("refers to %s, which is not there", name)
			}
		}
	}
	if refs == 0 {
		t.Error("no references found")
	}
	for _, leak := range []string{"ErrorModel", "$schema"} {
		if bytes.Contains(doc, []byte(leak)) {
			t.Errorf("mentions %s", leak)
		}
	}
}
