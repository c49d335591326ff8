package server

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/sdnctl/sdnctl/controller/api"
)

// TestManyMistakesCostLittle: a body with a hundred thousand mistakes of one kind is
// refused in a small multiple of the time for reading it as JSON, by a response of bounded
// size.
func TestManyMistakesCostLittle(t *testing.T) {
	const many = 100_000
	b := newBed(t, nil)
	repeat := func(n int, item func(i int) string) string {
		var s strings.Builder
		for i := range n {
			if i > 0 {
				s.WriteByte(',')
			}
			s.WriteString(item(i))
		}
		return s.String()
	}
	for _, tt := range []struct{ name, path, body string }{
		{"unknown keys of an object", "/v1/ports", `{"name":"web",` + repeat(many, func(i int) string { return fmt.Sprintf(`"k%d":1`, i) }) + `}`},
		{"… of its spec", "/v1/ports", `{"name":"web","spec":{"network":"blue",` + repeat(many, func(i int) string { return fmt.Sprintf(`"netwrok%d":1`, i) }) + `}}`},
		{"labels", "/v1/ports", `{"name":"web","spec":{"network":"blue"},"labels":{` + repeat(many, func(i int) string { return fmt.Sprintf(`"-%d":"x"`, i) }) + `}}`},
		{"the same key", "/v1/ports", `{"name":"web","spec":{"network":"blue"},` + repeat(many, func(int) string { return `"name":"web"` }) + `}`},
		{"objects with an unknown key", "/v1/apply", `{"objects":[` + repeat(many/4, func(int) string { return `{"kind":"Port","name":"a","spce":{}}` }) + `]}`},
		{"objects of an unknown kind", "/v1/apply", `{"objects":[` + repeat(many/4, func(int) string { return `{"kind":"Netwrok","name":"a"}` }) + `]}`},
		{"ranges that are none", "/v1/networks", `{"name":"n","spec":{"subnets":[{"cidr":"10.0.0.0/8","reserved":[` + repeat(many, func(int) string { return `"x"` }) + `]}]}}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			least := func(do func()) time.Duration {
				best := time.Hour
				for range 3 {
					start := time.Now()
					do()
					best = min(best, time.Since(start))
				}
				return best
			}
			reading := least(func() {
				var v any
				if err := json.Unmarshal([]byte(tt.body), &v); err != nil {
					t.Fatal(err)
				}
			})
			var e api.Error
			refusing := least(func() { e = b.refused("POST", tt.path, tt.body, nil) })
			size, _ := json.Marshal(e)
			t.Logf("%.1f MiB: read as JSON in %v, refused in %v with %d mistakes and %d KiB", float64(len(tt.body))/(1<<20),
				reading.Round(time.Millisecond), refusing.Round(time.Millisecond), len(e.Errors), len(size)>>10)
			if e.Status != 422 || len(e.Errors) > 1001 || len(size) > 1<<20 {
				t.Errorf("status %d, %d mistakes, %d bytes", e.Status, len(e.Errors), len(size))
			}
			if refusing > 20*reading+200*time.Millisecond {
				t.Errorf("refused in %v, and read as JSON in %v", refusing, reading)
			}
		})
	}
}
