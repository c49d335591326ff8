package server

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/sdnctl/sdnctl/controller/api"
)

// ok does a request that must succeed, and returns the body of the answer.
func (b *bed) ok(method, path, body string, header http.Header) []byte {
	b.t.Helper()
	r, answer := b.raw(method, path, body, header)
	if r.StatusCode >= 300 {
		b.t.Fatalf("%s %s: %s: %s", method, path, r.Status, answer)
	}
	return []byte(answer)
}

// TestMergeIsThatOfTheRFC has the test cases of RFC 7396, appendix A.
func TestMergeIsThatOfTheRFC(t *testing.T) {
	for _, tt := range [][3]string{
		{`{"a":"b"}`, `{"a":"c"}`, `{"a":"c"}`},
		{`{"a":"b"}`, `{"b":"c"}`, `{"a":"b","b":"c"}`},
		{`{"a":"b"}`, `{"a":null}`, `{}`},
		{`{"a":"b","b":"c"}`, `{"a":null}`, `{"b":"c"}`},
		{`{"a":["b"]}`, `{"a":"c"}`, `{"a":"c"}`},
		{`{"a":"c"}`, `{"a":["b"]}`, `{"a":["b"]}`},
		{`{"a":{"b":"c"}}`, `{"a":{"b":"d","c":null}}`, `{"a":{"b":"d"}}`},
		{`{"a":[{"b":"c"}]}`, `{"a":[1]}`, `{"a":[1]}`},
		{`["a","b"]`, `["c","d"]`, `["c","d"]`},
		{`{"a":"b"}`, `["c"]`, `["c"]`},
		{`{"a":"foo"}`, `null`, `null`},
		{`{"a":"foo"}`, `"bar"`, `"bar"`},
		{`{"e":null}`, `{"a":1}`, `{"a":1,"e":null}`},
		{`[1,2]`, `{"a":"b","c":null}`, `{"a":"b"}`},
		{`{}`, `{"a":{"bb":{"ccc":null}}}`, `{"a":{"bb":{}}}`},
		{`{"n":16777215}`, `{"m":9007199254740993}`, `{"m":9007199254740993,"n":16777215}`},
	} {
		got, err := merge([]byte(tt[0]), []byte(tt[1]))
		if err != nil || string(got) != tt[2] {
			t.Errorf("%s with %s is %s, %v, want %s", tt[0], tt[1], got, err, tt[2])
		}
	}
}

func TestPatch(t *testing.T) {
	b := newBed(t, nil)
	b.ok("POST", "/v1/networks", `{"name":"blue","spec":{"cidr":"10.0.0.0/24","mtu":1400}}`, nil)
	b.ok("POST", "/v1/ports", `{"name":"web","labels":{"tier":"web","old":"x"},"spec":{"network":"blue"}}`, nil)
	header := http.Header{"Content-Type": {mergePatch}}
	var p api.Port
	if err := json.Unmarshal(b.ok("PATCH", "/v1/ports/web", `{"labels":{"old":null,"new":"y"},"spec":{"ip":"10.0.0.77"}}`, header), &p); err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(p.Labels) != "map[new:y tier:web]" || p.Status.IP != "10.0.0.77" || p.Spec.Network != "blue" || p.Meta.Created == p.Meta.Revision {
		t.Errorf("%+v", p)
	}
	for body, want := range map[string]string{
		`{"name":"other"}`:            "name",
		`{"kind":"Network"}`:          "kind",
		`{"spec":{"ip":"10.9.9.9"}}`:  "spec.ip",
		`{"spec":{"netwrok":"blue"}}`: "netwrok",
		`[]`:                          "",
	} {
		if e := b.refused("PATCH", "/v1/ports/web", body, header); !strings.Contains(e.Error(), want) {
			t.Errorf("%s: %v", body, &e)
		}
	}
	if e := b.refused("PATCH", "/v1/ports/nobody", `{}`, header); e.Status != http.StatusNotFound {
		t.Errorf("%+v", e)
	}
	stale := header.Clone()
	stale.Set("If-Match", `"1"`)
	if e := b.refused("PATCH", "/v1/ports/web", `{"labels":{"a":"b"}}`, stale); e.Status != http.StatusPreconditionFailed {
		t.Errorf("%+v", e)
	}
}

func TestIfNoneMatch(t *testing.T) {
	b := newBed(t, nil)
	b.ok("POST", "/v1/networks", `{"name":"blue","spec":{"cidr":"10.0.0.0/24"}}`, nil)
	only := http.Header{"If-None-Match": {"*"}}
	b.ok("PUT", "/v1/ports/web", `{"spec":{"network":"blue"}}`, only)
	if e := b.refused("PUT", "/v1/ports/web", `{"spec":{"network":"blue"}}`, only); e.Code != api.CodeExists {
		t.Errorf("%+v", e)
	}
	if e := b.refused("PUT", "/v1/ports/web", `{"spec":{"network":"blue"}}`, http.Header{"If-None-Match": {`"7"`}}); e.Status != 422 {
		t.Errorf("%+v", e)
	}
	get := func(header http.Header) *http.Response {
		r, _ := b.raw("GET", "/v1/ports/web", "", header)
		return r
	}
	tag := get(nil).Header.Get("ETag")
	if r := get(http.Header{"If-None-Match": {`"1-00", ` + tag}}); r.StatusCode != http.StatusNotModified {
		t.Errorf("%s is said to have changed: %d", tag, r.StatusCode)
	}
	b.ok("PUT", "/v1/ports/web", `{"labels":{"a":"b"},"spec":{"network":"blue"}}`, http.Header{"If-Match": {tag}})
	if r := get(http.Header{"If-None-Match": {tag}}); r.StatusCode != http.StatusOK {
		t.Errorf("the change of %s is not seen: %d", tag, r.StatusCode)
	}
}

func TestPages(t *testing.T) {
	b := newBed(t, nil)
	b.ok("POST", "/v1/networks", `{"name":"blue","spec":{"cidr":"10.0.0.0/24"}}`, nil)
	for i := range 7 {
		b.ok("POST", "/v1/ports", fmt.Sprintf(`{"name":"p%d","labels":{"odd":"%d"},"spec":{"network":"blue"}}`, i, i%2), nil)
	}
	var names []string
	path := "/v1/ports?limit=2&label=odd%3D0"
	for pages := 0; path != ""; pages++ {
		r, body := b.raw("GET", path, "", nil)
		var l api.List[api.Port]
		if err := json.Unmarshal([]byte(body), &l); err != nil || pages > 2 || len(l.Items) > 2 {
			t.Fatalf("page %d: %s", pages, body)
		}
		for _, p := range l.Items {
			names = append(names, p.Name)
		}
		path = ""
		for _, link := range r.Header.Values("Link") {
			if next, ok := strings.CutSuffix(link, `>; rel="next"`); ok {
				path = strings.TrimPrefix(next, "<")
			}
		}
		if (path == "") != (l.Continue == "") {
			t.Errorf("page %d: link %q, continue %q", pages, path, l.Continue)
		}
	}
	if fmt.Sprint(names) != "[p0 p2 p4 p6]" {
		t.Errorf("pages have %v", names)
	}
	if r, _ := b.raw("GET", "/v1/status", "", nil); !strings.Contains(r.Header.Get("Link"), `rel="service-desc"`) {
		t.Errorf("no link to the description: %v", r.Header)
	}
}
