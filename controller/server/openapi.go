package server

import (
	"encoding/json"
	"net/http"
	"sync"

	"github.com/danielgtaylor/huma/v2"
)

// schemaPrefix is where the OpenAPI document has its schemas.
const schemaPrefix = "#/components/schemas/"

// openAPIConfig configures huma: JSON only, no pages that load scripts from elsewhere,
// errors as problems.
func (s *Server) openAPIConfig() huma.Config {
	doc := &huma.OpenAPI{
		OpenAPI: "3.1.0",
		Info: &huma.Info{
			Title:   "sdnctl",
			Version: "v1",
			Description: "The API of sdnd, the controller for Open vSwitch. By default it listens on the unix socket " +
				"/run/sdnctl/sdnd.sock: curl --unix-socket /run/sdnctl/sdnd.sock http://sdnd/v1/status",
			License: &huma.License{Name: "Apache-2.0", Identifier: "Apache-2.0"},
			Contact: &huma.Contact{Name: "sdnctl", URL: "https://github.com/sdnctl/sdnctl"},
		},
		Servers: []*huma.Server{{
			URL:         "https://{host}:{port}",
			Description: "sdnd over TCP (--api-listen), for clients with a certificate or a token",
			Variables: map[string]*huma.ServerVariable{
				"host": {Default: "sdnd", Description: "Name or address of the machine where sdnd runs"},
				"port": {Default: "8453"},
			},
		}},
		Components: &huma.Components{
			Schemas: schemaRegistry(),
			SecuritySchemes: map[string]*huma.SecurityScheme{
				"token":       {Type: "http", Scheme: "bearer", Description: "Over TCP: a token made by sdnctl token new"},
				"certificate": {Type: "mutualTLS", Description: "Over TCP: a user's certificate, such as one made by sdnctl pki user"},
			},
		},
		// Without credentials on the unix socket, with one of the two over TCP.
		Security: []map[string][]string{{}, {"token": {}}, {"certificate": {}}},
		Tags: []*huma.Tag{
			{Name: tagObjects, Description: "Declared objects, such as nodes, networks, routers and ports"},
			{Name: tagChanges, Description: "Transactions, their history and the feed of changes"},
			{Name: tagState, Description: "Observed state: acknowledgements, flows, counters, switches"},
			{Name: tagStore, Description: "The data file: backup, restore and check"},
			{Name: tagEnroll, Description: "Invitations and certificates of nodes"},
			{Name: tagDaemon, Description: "The daemon itself"},
		},
	}
	return huma.Config{
		OpenAPI: doc,
		Formats: map[string]huma.Format{
			"application/json": jsonFormat(),
			"json":             jsonFormat(),
		},
		DefaultFormat:                "application/json",
		RejectUnknownQueryParameters: true,
		Transformers:                 []huma.Transformer{fromHuma},
	}
}

// finishOpenAPI adds what reflection cannot find out: which kinds there are, that lists
// are never null, and that huma's own form of errors is never sent.
func (s *Server) finishOpenAPI() {
	schemas := s.api.OpenAPI().Components.Schemas.Map()
	finishKinds(schemas)
	for _, schema := range schemas {
		for _, property := range schema.Properties {
			if property.Type == huma.TypeArray {
				property.Nullable = false
			}
		}
	}
	for _, item := range s.api.OpenAPI().Paths {
		for _, op := range []*huma.Operation{item.Get, item.Put, item.Post, item.Patch, item.Delete} {
			if op != nil {
				delete(op.Responses, "default") // huma's; ours are 4XX and 5XX
			}
		}
	}
	delete(schemas, "ErrorModel")
	delete(schemas, "ErrorDetail")
}

// OpenAPI returns the OpenAPI 3.1 document of the API in YAML.
func (s *Server) OpenAPI() ([]byte, error) { return s.api.OpenAPI().YAML() }

// serveOpenAPI serves the document. It is encoded at the first request for it.
func (s *Server) serveOpenAPI() {
	for path, form := range map[string]struct {
		media  string
		encode func() ([]byte, error)
	}{
		"/openapi.json": {"application/openapi+json", func() ([]byte, error) { return json.Marshal(s.api.OpenAPI()) }},
		"/openapi.yaml": {"application/openapi+yaml", s.OpenAPI},
	} {
		encoded := sync.OnceValues(form.encode)
		s.mux.HandleFunc("GET "+path, func(w http.ResponseWriter, r *http.Request) {
			doc, err := encoded()
			if err != nil {
				s.writeProblem(w, r, internal(err))
				return
			}
			w.Header().Set("Content-Type", form.media)
			// An error means that the client is gone.
			_, _ = w.Write(doc)
		})
	}
}
