package answer

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// TestHealthSegment: each segment of a client's connection to a health port has the answer that a
// server's end of TCP must give, whatever came before.
func TestHealthSegment(t *testing.T) {
	const first, theirs = 5000, 100
	question := []byte("GET /any HTTP/1.0\r\n\r\n")
	asked := uint32(theirs + 1 + len(question))
	body := fmt.Sprintf("{\"service\":%q,\"localEndpoints\":2}\n", "web")
	answer := "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: " + fmt.Sprint(len(body)) + "\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n" + body
	ended := uint32(first + 1 + len(answer) + 1)
	for _, tt := range []struct {
		name string
		in   segment
		want *segment
	}{
		{"begins", segment{seq: theirs, syn: true}, &segment{seq: first, ack: theirs + 1, syn: true, acks: true}},
		{"has been accepted", segment{seq: theirs + 1, ack: first + 1, acks: true}, nil},
		{"asks", segment{seq: theirs + 1, ack: first + 1, acks: true, payload: question}, &segment{seq: first + 1, ack: asked, acks: true, fin: true, payload: []byte(answer)}},
		{"asks and ends", segment{seq: theirs + 1, ack: first + 1, acks: true, fin: true, payload: question}, &segment{seq: first + 1, ack: asked + 1, acks: true, fin: true, payload: []byte(answer)}},
		{"has the answer", segment{seq: asked, ack: ended, acks: true}, nil},
		{"ends", segment{seq: asked, ack: ended, acks: true, fin: true}, &segment{seq: ended, ack: asked + 1, acks: true}},
		{"ends without a question", segment{seq: theirs + 1, ack: first + 1, acks: true, fin: true}, &segment{seq: first + 1, ack: theirs + 2, acks: true, fin: true}},
		{"asks again", segment{seq: asked, ack: ended, acks: true, payload: question}, &segment{seq: ended, rst: true}},
		{"speaks another language", segment{seq: theirs + 1, ack: first + 1, acks: true, payload: []byte("\x16\x03\x01")}, &segment{seq: first + 1, rst: true}},
		{"resets", segment{seq: asked, rst: true}, nil},
		{"accepts what nobody began", segment{seq: 1, ack: 7, syn: true, acks: true}, &segment{seq: 7, rst: true}},
		{"has no number", segment{seq: theirs + 1, payload: question}, nil},
	} {
		got, what := healthSegment(tt.in, first, "web", 2)
		switch {
		case what == "":
			t.Errorf("%s: says nothing of it", tt.name)
		case (got == nil) != (tt.want == nil):
			t.Errorf("%s: %+v, want %+v", tt.name, got, tt.want)
		case got != nil && fmt.Sprintf("%+v", *got) != fmt.Sprintf("%+v", *tt.want):
			t.Errorf("%s: %+v, want %+v", tt.name, *got, *tt.want)
		}
	}
}

// TestHealthAnswer: the status says whether backends are ready, whatever is asked for.
func TestHealthAnswer(t *testing.T) {
	for _, tt := range []struct {
		question string
		ready    int
		code     int
		body     string
	}{
		{"GET /healthz HTTP/1.1\r\nHost: n1\r\n\r\n", 1, http.StatusOK, "{\"service\":\"web\",\"localEndpoints\":1}\n"},
		{"GET / HTTP/1.1\r\nHost: n1\r\n\r\n", 0, http.StatusServiceUnavailable, "{\"service\":\"web\",\"localEndpoints\":0}\n"},
		{"HEAD / HTTP/1.0\r\n\r\n", 0, http.StatusServiceUnavailable, ""},
		{"POST / HTTP/1.1\r\n\r\n", 1, http.StatusMethodNotAllowed, ""},
		{"GET /\r\n", 1, 0, ""}, // HTTP/0.9 has no status
		{"", 1, 0, ""},
	} {
		answer, code := healthAnswer([]byte(tt.question), "web", tt.ready)
		if code != tt.code || (answer == nil) != (tt.code == 0) {
			t.Errorf("%q: %d, %q; want %d", tt.question, code, answer, tt.code)
			continue
		}
		if answer == nil {
			continue
		}
		head, body, ok := strings.Cut(string(answer), "\r\n\r\n")
		if !ok || body != tt.body || !strings.HasPrefix(head, fmt.Sprintf("HTTP/1.1 %d ", tt.code)) {
			t.Errorf("%q: %q", tt.question, answer)
		}
	}
}

// FuzzHealthSegment: no segment has an answer that would be answered in turn for ever, and no answer
// acknowledges what has not come.
func FuzzHealthSegment(f *testing.F) {
	f.Add(uint32(1), uint32(2), uint8(2), []byte("GET / HTTP/1.1\r\n\r\n"))
	f.Fuzz(func(t *testing.T, seq, ack uint32, flags uint8, payload []byte) {
		in := segment{seq: seq, ack: ack, syn: flags&1 != 0, acks: flags&2 != 0, fin: flags&4 != 0, rst: flags&8 != 0, payload: payload}
		out, _ := healthSegment(in, 7, "web", 1)
		if out == nil {
			return
		}
		if in.rst {
			t.Fatalf("%+v, a reset, gets %+v", in, out)
		}
		if out.acks && out.ack != seq && out.ack-seq > uint32(len(payload))+1 {
			t.Fatalf("%+v acknowledges more than %+v has", out, in)
		}
		if len(out.payload) > 0 && !bytes.Contains(payload, []byte("HTTP/1.")) {
			t.Fatalf("%q is answered by %q", payload, out.payload)
		}
		// Two such servers do not talk to each other for ever.
		for range 8 {
			if out == nil {
				return
			}
			out, _ = healthSegment(*out, 7, "web", 1)
		}
		if out != nil && !out.rst {
			t.Fatalf("%+v goes on for ever", in)
		}
	})
}
