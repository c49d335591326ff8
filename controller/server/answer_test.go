package server

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/sdnctl/sdnctl/controller/api"
)

// TestLongIsEncodedAsAWhole: a client sees no difference.
func TestLongIsEncodedAsAWhole(t *testing.T) {
	for _, n := range []int{0, 1, 2, 1000} {
		entries := make([]api.HistoryEntry, n)
		for i := range entries {
			entries[i] = api.HistoryEntry{Revision: api.Revision(i), Author: "<&\u2028>"}
		}
		var want, got bytes.Buffer
		if err := huma.DefaultJSONFormat.Marshal(&want, api.History{Entries: entries}); err != nil {
			t.Fatal(err)
		}
		answer := long[api.History]{
			rest: api.History{Entries: []api.HistoryEntry{}}, field: "entries",
			items: each(slices.Values(entries), func(e api.HistoryEntry) (any, error) { return e, nil }),
		}
		if err := jsonFormat().Marshal(&got, answer); err != nil {
			t.Fatal(err)
		}
		if got.String() != want.String() {
			t.Errorf("%d entries:\n%.200s\nwant\n%.200s", n, got.String(), want.String())
		}
	}
}

// TestUnreadAnswersCostLittle: the responses to clients that request long lists and do not
// read them are not held in memory.
func TestUnreadAnswersCostLittle(t *testing.T) {
	const ports, clients = 2000, 100
	b := newBed(t, nil)
	objects := []any{map[string]any{"kind": "Network", "name": "blue", "spec": map[string]any{"cidr": "10.0.0.0/16"}}}
	for i := range ports {
		objects = append(objects, map[string]any{
			"kind": "Port", "name": fmt.Sprint("port", i), "labels": map[string]string{"filler": strings.Repeat("x", 60)},
			"spec": map[string]any{"network": "blue"},
		})
	}
	body, err := json.Marshal(map[string]any{"objects": objects})
	if err != nil {
		t.Fatal(err)
	}
	if resp, text := b.raw("POST", "/v1/apply", string(body), nil); resp.StatusCode != 200 {
		t.Fatal(text)
	}
	_, list := b.raw("GET", "/v1/ports", "", nil)
	before := heap()
	for range clients {
		conn, err := net.Dial("unix", b.socket)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := fmt.Fprint(conn, "GET /v1/ports HTTP/1.1\r\nHost: sdnd\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Read(make([]byte, 1)); err != nil { // it has begun
			t.Fatal(err)
		}
	}
	grown, whole := heap()-before, clients*len(list)
	t.Logf("%d unread lists of %d KiB: %d KiB", clients, len(list)>>10, grown>>10)
	if grown > whole/4 {
		t.Errorf("the heap has grown by %d KiB, of %d KiB that all lists are", grown>>10, whole>>10)
	}
}

func heap() int {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

// deadlines is a ResponseWriter that records its write deadlines.
type deadlines struct {
	http.ResponseWriter
	set []time.Time
}

func (d *deadlines) SetWriteDeadline(t time.Time) error { d.set = append(d.set, t); return nil }

func (d *deadlines) Write(b []byte) (int, error) { return len(b), nil }

// TestSlowReadersHaveTheirTime: a client that reads fast enough may take its time. Its time
// grows with what it has read, up to a bound.
func TestSlowReadersHaveTheirTime(t *testing.T) {
	d := &deadlines{}
	w := newPacedWriter(d)
	if n, err := w.Write(make([]byte, 64<<20)); n != 64<<20 || err != nil {
		t.Fatal(n, err)
	}
	first, last := d.set[0].Sub(w.start), d.set[len(d.set)-1].Sub(w.start)
	if first < answerGrace || first > answerGrace+10*time.Second || last != answerTimeout {
		t.Errorf("the first piece may take %v, all of them %v", first, last)
	}
	if !slices.IsSortedFunc(d.set, time.Time.Compare) {
		t.Error("a deadline is before the one before it")
	}
}
