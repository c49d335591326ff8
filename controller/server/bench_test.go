package server

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"

	"github.com/sdnctl/sdnctl/topology/store/bolt"
)

// benchServer returns a server on a real store with n ports, which is called without a
// network.
func benchServer(b *testing.B, n int) (http.Handler, []byte) {
	b.Helper()
	st, err := bolt.Open(filepath.Join(b.TempDir(), "sdnd.db"), bolt.Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { st.Close() })
	s := New(Config{Store: st, Fabric: newFakeFabric()})
	b.Cleanup(s.Close)
	var body bytes.Buffer
	body.WriteString(`{"objects":[{"kind":"Network","name":"big","spec":{"cidr":"10.0.0.0/8"}}`)
	for i := range n {
		fmt.Fprintf(&body, `,{"kind":"Port","name":"p%d","labels":{"app":"x"},"spec":{"network":"big"}}`, i)
	}
	body.WriteString(`]}`)
	ask(b, s.Handler(), "POST", "/v1/apply", body.Bytes())
	return s.Handler(), body.Bytes()
}

func ask(b *testing.B, h http.Handler, method, path string, body []byte) {
	b.Helper()
	r := httptest.NewRequestWithContext(context.Background(), method, path, bytes.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if w.Code/100 != 2 {
		b.Fatalf("%s %s: %d %s", method, path, w.Code, w.Body)
	}
}

func BenchmarkAPI(b *testing.B) {
	for _, n := range []int{10, 1_000, 100_000} {
		b.Run(fmt.Sprintf("ports=%d", n), func(b *testing.B) {
			h, whole := benchServer(b, n)
			b.Run("get", func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					ask(b, h, "GET", "/v1/ports/p0", nil)
				}
			})
			b.Run("list", func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					ask(b, h, "GET", "/v1/ports", nil)
				}
			})
			b.Run("put", func(b *testing.B) {
				b.ReportAllocs()
				for i := 0; b.Loop(); i++ {
					ask(b, h, "PUT", "/v1/ports/p1", fmt.Appendf(nil, `{"labels":{"n":"%d"},"spec":{"network":"big"}}`, i))
				}
			})
			b.Run("apply-unchanged", func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					ask(b, h, "POST", "/v1/apply", whole)
				}
			})
		})
	}
}
