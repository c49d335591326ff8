package answer

import (
	"bytes"
	"context"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sdnctl/sdnctl/controller/packetin"
	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology/model"
)

// httpCheck is the check of these tests.
func httpCheck() *model.HealthCheck {
	return &model.HealthCheck{
		Protocol: model.CheckHTTP, Path: "/healthz", Interval: model.Duration(2 * time.Second), Timeout: model.Duration(time.Second), Failures: 1, Successes: 1,
	}
}

// TestConversation: what a server sends, segment by segment, and what is found.
func TestConversation(t *testing.T) {
	mine, theirs := uint32(0xfffffff0), uint32(0xfffffffe) // both wrap
	question := questionOf(httpCheck(), "10.0.0.2:8080")
	if want := "GET /healthz HTTP/1.1\r\nHost: 10.0.0.2:8080\r\nUser-Agent: sdnctl\r\nConnection: close\r\n\r\n"; string(question) != want {
		t.Errorf("the question is %q, want %q", question, want)
	}
	n := uint32(len(question))
	accept := segment{seq: theirs, ack: mine + 1, syn: true, acks: true}
	says := func(at int, text string) segment {
		return segment{seq: theirs + 1 + uint32(at), ack: mine + 1 + n, acks: true, payload: []byte(text)}
	}
	ends := func(s segment) segment { s.fin = true; return s }
	resets := segment{seq: theirs + 1, rst: true}
	for _, c := range []struct {
		name string
		got  []segment
		done bool
		why  string
	}{
		{"200", []segment{accept, says(0, "HTTP/1.1 200 OK\r\n")}, true, ""},
		{"200 without a reason", []segment{accept, says(0, "HTTP/1.0 200\r\n\r\n")}, true, ""},
		{"a redirect", []segment{accept, says(0, "HTTP/1.1 302 Found\r\n")}, true, ""},
		{"399", []segment{accept, says(0, "HTTP/1.1 399 \r\n")}, true, ""},
		{"400", []segment{accept, says(0, "HTTP/1.1 400 \r\n")}, true, "answers 400 to GET /healthz"},
		{"503", []segment{accept, says(0, "HTTP/1.1 503 Service Unavailable\r\n")}, true, "answers 503 to GET /healthz"},
		{"103", []segment{accept, says(0, "HTTP/1.1 103 Early Hints\r\n")}, true, "answers 103 to GET /healthz"},
		{"in two segments", []segment{accept, says(0, "HTTP/1."), says(7, "1 200 OK\r\n")}, true, ""},
		{"byte by byte", append([]segment{accept}, byteByByte(says, "HTTP/1.1 204 ")...), true, ""},
		{"out of order", []segment{accept, says(7, "1 200 OK\r\n")}, false, ""},
		{"out of order, then again", []segment{accept, says(7, "1 200 OK\r\n"), says(0, "HTTP/1."), says(7, "1 200 OK\r\n")}, true, ""},
		{"one part twice", []segment{accept, says(0, "HTTP/1."), says(0, "HTTP/1."), says(0, "HTTP/1.1 500 ")}, true, "answers 500 to GET /healthz"},
		{"the end in the same segment", []segment{accept, ends(says(0, "HTTP/1.1 200 OK\r\n\r\n"))}, true, ""},
		{"only an acknowledgement", []segment{accept, says(0, "")}, false, ""},
		{"another protocol", []segment{accept, says(0, "SSH-2.0-OpenSSH_9.2\r\n")}, true, "does not speak HTTP"},
		{"TLS", []segment{accept, says(0, "\x15\x03\x01\x00\x02\x02\x46")}, true, "does not speak HTTP"},
		{"HTTP/2", []segment{accept, says(0, "HTTP/2 200\r\n")}, true, "does not speak HTTP"},
		{"a code of four digits", []segment{accept, says(0, "HTTP/1.1 2000 OK")}, true, "does not speak HTTP"},
		{"a code of letters", []segment{accept, says(0, "HTTP/1.1 OK ")}, true, "does not speak HTTP"},
		{"it greets before it is asked", []segment{accept, {seq: theirs + 1, ack: mine + 1, acks: true, payload: []byte("220 mail")}}, true, "does not speak HTTP"},
		{"closed", []segment{accept, ends(says(0, ""))}, true, "closes the connection without an answer"},
		{"closed in the first line", []segment{accept, ends(says(0, "HTTP/1.1"))}, true, "does not speak HTTP"},
		{"reset", []segment{accept, resets}, true, "resets the connection without an answer"},
		{"reset in the first line", []segment{accept, says(0, "HTTP/1.1"), {seq: theirs + 9, rst: true}}, true, "does not speak HTTP"},
		{"a reset of something else", []segment{accept, {seq: theirs - 1, rst: true}, {seq: theirs + 1 + probeWindow, rst: true}}, false, ""},
		{"refused", []segment{{ack: mine + 1, rst: true, acks: true}}, true, "refuses connections"},
		{"a refusal of something else", []segment{{ack: mine + 2, rst: true, acks: true}}, false, ""},
		{"an acceptance of something else", []segment{{seq: theirs, ack: mine + 2, syn: true, acks: true}}, false, ""},
		{"an answer to what was not asked", []segment{accept, {seq: theirs + 1, ack: mine + 2 + n, acks: true, payload: []byte("HTTP/1.1 200 OK")}}, false, ""},
		{"accepted twice", []segment{accept, accept, says(0, "HTTP/1.1 200 OK")}, true, ""},
	} {
		talk := &conversation{start: mine, question: question}
		var v verdict
		for _, s := range c.got {
			if v.done {
				t.Errorf("%s: found %q before all came", c.name, v.why)
			}
			var reply segment
			var ok bool
			if reply, ok, v = talk.received(s); v.done && ok != reply.rst {
				t.Errorf("%s: ends with %+v", c.name, reply)
			}
			if len(talk.answer) > statusBytes {
				t.Errorf("%s: holds %d bytes", c.name, len(talk.answer))
			}
		}
		if v != (verdict{c.done, c.why}) {
			t.Errorf("%s: %+v, want %+v", c.name, v, verdict{c.done, c.why})
		}
	}
}

func byteByByte(says func(int, string) segment, text string) (all []segment) {
	for i := range text {
		all = append(all, says(i, text[i:i+1]))
	}
	return all
}

// TestQuestionFits: the longest question is one packet in a network of the smallest MTU.
func TestQuestionFits(t *testing.T) {
	h := &model.HealthCheck{Protocol: model.CheckHTTP, Path: strings.Repeat("p", model.MaxCheckPath), Host: strings.Repeat("h", model.MaxCheckHost)}
	if n := len(questionOf(h, "")); n > model.MinMTU-40 {
		t.Errorf("the question has %d bytes", n)
	}
}

// FuzzConversation: whatever a server sends, the conversation holds few bytes, sends nothing
// after its end, and finds a server healthy only if it said so.
func FuzzConversation(f *testing.F) {
	f.Add([]byte("HTTP/1.1 200 OK"), uint64(1))
	f.Fuzz(func(t *testing.T, text []byte, seed uint64) {
		r := rand.New(rand.NewPCG(seed, 0))
		talk := &conversation{start: r.Uint32(), question: questionOf(httpCheck(), "h")}
		theirs := r.Uint32()
		talk.received(segment{seq: theirs, ack: talk.start + 1, syn: true, acks: true})
		for range 64 {
			from := r.IntN(len(text) + 1)
			part := text[from:min(len(text), from+r.IntN(16))]
			s := segment{
				seq: theirs + 1 + uint32(from), ack: talk.start + 1 + uint32(r.IntN(len(talk.question)+2)), acks: true,
				fin: from+len(part) == len(text) && r.IntN(4) == 0, syn: r.IntN(32) == 0, rst: r.IntN(64) == 0, payload: part,
			}
			reply, ok, v := talk.received(s)
			if len(talk.answer) > statusBytes || !bytes.HasPrefix(text, talk.answer) {
				t.Fatalf("holds %q of %q", talk.answer, text)
			}
			if ok && len(reply.payload) > 0 {
				t.Fatalf("asks again at once: %+v", reply)
			}
			if v.done {
				code, complete, speaks := readStatus(text[:min(len(text), statusBytes)])
				if v.why == "" && !(speaks && complete && code >= 200 && code < 400) {
					t.Fatalf("%q is found healthy", text)
				}
				return
			}
		}
	})
}

// httpBackend is a switch with a backend whose server answers by HTTP, and loses the packets whose
// numbers are in lost, counted from 1 in both directions.
type httpBackend struct {
	t        *testing.T
	view     atomic.Pointer[pipeline.View]
	prober   *Prober
	answer   []string // a segment each
	silent   bool
	mu       sync.Mutex
	lost     []int
	packets  int
	conn     map[uint16]*serverEnd
	resets   int
	question string
}

// serverEnd is the server's end of a connection.
type serverEnd struct {
	back envelope
	// theirs is the server's first number, next the one that it expects.
	theirs, next uint32
	acked        uint32 // bytes of the answer
	sent         int
	over         bool
}

func (a *httpBackend) View() *pipeline.View                   { return a.view.Load() }
func (a *httpBackend) CTFlush(string, *openflow.CTFlush) bool { return true }

func (a *httpBackend) loses() bool {
	a.packets++
	return slices.Contains(a.lost, a.packets)
}

func (a *httpBackend) PacketOut(_ string, m *openflow.PacketOut) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.loses() {
		return true
	}
	got, err := readProbeAnswer(m.Data)
	if err != nil {
		a.t.Error(err)
		return false
	}
	s, port := got.segment, got.tcp
	if a.conn[port] == nil {
		a.conn[port] = &serverEnd{theirs: 1000}
	}
	c := a.conn[port]
	c.back = got.back
	switch {
	case s.rst:
		c.over = true
		a.resets++
	case s.syn:
		c.next = s.seq + 1
		a.reply(port, segment{seq: c.theirs, ack: c.next, syn: true, acks: true})
	case len(s.payload) > 0 && s.seq == c.next:
		c.next += uint32(len(s.payload))
		a.question = string(s.payload)
		if a.silent {
			a.reply(port, segment{seq: c.theirs + 1, ack: c.next, acks: true})
			return true
		}
		a.say(port)
	case s.acks:
		c.acked = s.ack - c.theirs - 1
		a.say(port)
	}
	return true
}

// say sends the parts of the answer that are not acknowledged, now and until they are.
func (a *httpBackend) say(port uint16) {
	c := a.conn[port]
	at := uint32(0)
	for _, part := range a.answer {
		if at >= c.acked && !c.over {
			a.reply(port, segment{seq: c.theirs + 1 + at, ack: c.next, acks: true, payload: []byte(part)})
			time.AfterFunc(200*time.Millisecond, func() {
				a.mu.Lock()
				defer a.mu.Unlock()
				if c.sent++; c.sent < 20 {
					a.say(port)
				}
			})
			return
		}
		at += uint32(len(part))
	}
}

func (a *httpBackend) reply(port uint16, s segment) {
	if a.loses() {
		return
	}
	frame, err := a.conn[port].back.tcp(s.layer(8080, port), s.payload)
	if err != nil {
		a.t.Error(err)
		return
	}
	var match openflow.Match
	go func() {
		if r := a.prober.answered(a.View(), packetin.Port{Node: "n1", No: 5}, &openflow.PacketIn{Match: match.InPort(5), Data: frame}); r.Out != nil {
			a.PacketOut("n1", r.Out)
		}
	}()
}

// TestProberHTTP: a check by HTTP, with each of its first packets lost once, or two of them.
func TestProberHTTP(t *testing.T) {
	losses := [][]int{nil}
	for i := 1; i <= 8; i++ {
		losses = append(losses, []int{i}, []int{i, i + 1})
	}
	for _, c := range []struct {
		name   string
		answer []string
		silent bool
		want   pipeline.Health
	}{
		{"200", []string{"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"}, false, pipeline.Health{Healthy: true}},
		{"two segments", []string{"HTTP/1.", "1 200 OK\r\n"}, false, pipeline.Health{Healthy: true}},
		{"503", []string{"HTTP/1.1 503 Service Unavailable\r\n"}, false, pipeline.Health{Why: "port 8080 of TCP answers 503 to GET /healthz"}},
		{"nonsense", []string{"hello"}, false, pipeline.Health{Why: "port 8080 of TCP does not speak HTTP"}},
		{"it hangs", nil, true, pipeline.Health{Why: "port 8080 of TCP accepts connections, but does not answer GET /healthz within 1s"}},
	} {
		for _, lost := range losses {
			synctest.Test(t, func(t *testing.T) {
				a := &httpBackend{t: t, prober: NewProber(), answer: c.answer, silent: c.silent, lost: lost, conn: map[uint16]*serverEnd{}}
				a.view.Store(checkedBy(t, httpCheck()))
				ctx, cancel := context.WithCancel(t.Context())
				done := make(chan error, 1)
				go func() {
					done <- a.prober.Run(ctx, a, func(all []pipeline.HealthChange) { a.view.Store(a.View().Next(pipeline.Update{Health: all})) })
				}()
				time.Sleep(1500 * time.Millisecond) // less than two probes take
				synctest.Wait()
				if got := a.View().Health("web", "web1"); got != c.want {
					t.Errorf("%s, lost %v: %+v, want %+v", c.name, lost, got, c.want)
				}
				if a.resets == 0 && len(lost) == 0 {
					t.Errorf("%s, lost %v: the connection is not reset", c.name, lost)
				}
				if !strings.HasPrefix(a.question, "GET /healthz HTTP/1.1\r\nHost: 10.0.0.34:8080\r\n") {
					t.Errorf("%s: asks %q", c.name, a.question)
				}
				cancel()
				if err := <-done; err != nil {
					t.Error(err)
				}
				time.Sleep(10 * time.Second) // timers of the server
			})
		}
	}
}

// TestProbeUnknown: what belongs to no probe is reset, but not what is a reset or no TCP.
func TestProbeUnknown(t *testing.T) {
	p := NewProber()
	e := envelope{src: netip.MustParseAddr("10.0.0.2"), dst: netip.MustParseAddr("10.0.0.1")}
	for _, c := range []struct {
		name string
		s    segment
		want bool
	}{
		{"an answer that is late", segment{seq: 7, ack: 9, acks: true, payload: []byte("HTTP/1.1 200 OK")}, true},
		{"an acceptance that is late", segment{seq: 7, ack: 9, acks: true, syn: true}, true},
		{"a reset", segment{seq: 7, ack: 9, acks: true, rst: true}, false},
		{"a SYN", segment{seq: 7, syn: true}, false},
	} {
		frame, err := e.tcp(c.s.layer(8080, 40000), c.s.payload)
		if err != nil {
			t.Fatal(err)
		}
		var match openflow.Match
		r := p.answered(nil, packetin.Port{Node: "n1", No: 5}, &openflow.PacketIn{Match: match.InPort(5), Data: frame})
		if got := r.Out != nil; got != c.want {
			t.Errorf("%s: reset %v, want %v", c.name, got, c.want)
		}
		if r.Out != nil {
			if got, err := readProbeAnswer(r.Out.Data); err != nil || !got.segment.rst || got.segment.seq != 9 || got.port != 8080 || got.tcp != 40000 {
				t.Errorf("%s: the reset is %+v, %v", c.name, got, err)
			}
		}
	}
}
