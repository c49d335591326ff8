package server

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/sdnctl/sdnctl/controller/api"
)

// hundredMB is the size of the body that must be refused.
const hundredMB = 100 << 20

// upload sends the head of a request, then as much of a body as the server reads, and
// returns the response and how much was sent.
func (b *bed) upload(head string, size int) (*http.Response, int) {
	b.t.Helper()
	conn, err := net.Dial("unix", b.socket)
	if err != nil {
		b.t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, head); err != nil {
		b.t.Fatal(err)
	}
	sent := make(chan int, 1)
	go func() {
		chunk := []byte(strings.Repeat(" ", 64<<10))
		n := 0
		for n < size {
			frame := chunk
			if strings.Contains(head, "chunked") {
				frame = fmt.Appendf(nil, "%x\r\n%s\r\n", len(chunk), chunk)
			}
			if _, err := conn.Write(frame); err != nil {
				break
			}
			n += len(chunk)
		}
		sent <- n
	}()
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		b.t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		b.t.Fatal(err)
	}
	resp.Body.Close()
	conn.Close()
	return resp, <-sent
}

func TestHundredMegabytesAreRefusedEarly(t *testing.T) {
	b := newBed(t, nil)
	head := "POST /v1/apply HTTP/1.1\r\nHost: sdnd\r\nContent-Type: application/json\r\n"
	resp, sent := b.upload(head+fmt.Sprintf("Content-Length: %d\r\n\r\n", hundredMB), hundredMB)
	if resp.StatusCode != http.StatusRequestEntityTooLarge || !resp.Close {
		t.Errorf("announced: %s, close %t", resp.Status, resp.Close)
	}
	// The client stops when it reads the answer.
	if sent >= hundredMB {
		t.Errorf("announced: %d bytes were taken before the refusal", sent)
	}
	resp, sent = b.upload(head+"Transfer-Encoding: chunked\r\n\r\n", hundredMB)
	if resp.StatusCode != http.StatusRequestEntityTooLarge || !resp.Close {
		t.Errorf("not announced: %s, close %t", resp.Status, resp.Close)
	}
	if sent >= hundredMB {
		t.Errorf("not announced: %d bytes were taken", sent)
	}
	if e := b.refused("POST", "/v1/ports", strings.Repeat(" ", DefaultMaxBody+1), http.Header{"Expect": {"100-continue"}}); e.Code != api.CodeTooLarge || !strings.Contains(e.Message, "8 MiB") {
		t.Errorf("one object: %+v", e)
	}
}

func TestContentType(t *testing.T) {
	b := newBed(t, nil)
	for _, header := range []http.Header{
		{"Content-Type": {"text/plain"}},
		{"Content-Type": {"application/x-www-form-urlencoded"}},
	} {
		if e := b.refused("POST", "/v1/apply", `{}`, header); e.Status != http.StatusUnsupportedMediaType {
			t.Errorf("%v: %+v", header, e)
		}
	}
	if resp, answer := b.raw("POST", "/v1/apply", `{}`, http.Header{"Content-Type": {"application/json; charset=utf-8"}}); resp.StatusCode != http.StatusOK {
		t.Errorf("with charset: %s", answer)
	}
}

func TestUnknownPathsAndMethods(t *testing.T) {
	b := newBed(t, nil)
	if e := b.refused("GET", "/v1/prots", "", nil); e.Code != api.CodeNotFound || !strings.Contains(e.Message, "/v1/prots") {
		t.Errorf("%+v", e)
	}
	resp, _ := b.raw("POST", "/v1/ports/web1", `{}`, nil)
	if resp.StatusCode != http.StatusMethodNotAllowed || !strings.Contains(resp.Header.Get("Allow"), "PUT") {
		t.Errorf("%s, allow %q", resp.Status, resp.Header.Get("Allow"))
	}
	if e := b.refused("GET", "/v1/ports?lable=x", "", nil); e.Code != api.CodeInvalid || !strings.Contains(e.Message, "lable") {
		t.Errorf("unknown parameter: %+v", e)
	}
	if e := b.refused("GET", "/v1/ports?label=a=b=c=", "", nil); e.Code != api.CodeInvalid || e.Errors[0].Field != "label" {
		t.Errorf("bad selector: %+v", e)
	}
}

func TestServeEndsAndReportsListenerFailure(t *testing.T) {
	b := newBed(t, nil)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ln.Close()
	if err := b.server.Serve(context.Background(), ln); err == nil || !strings.Contains(err.Error(), "serve the API") {
		t.Errorf("closed listener: %v", err)
	}
}
