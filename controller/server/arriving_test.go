package server

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/controller/pki"
	"github.com/sdnctl/sdnctl/topology/model"
)

// TestSlowBodiesLeaveRoom: two clients that again and again send bodies as large as the
// limit, without the last byte, keep neither a third client nor the unix socket from being
// served; and they get the reason.
func TestSlowBodiesLeaveRoom(t *testing.T) {
	const each, safe = 8 << 20, time.Second
	s := newSecured(t, func(c *Config) { c.MaxApply, c.MaxBodies = each, 2*each })
	s.server.bodies = newBodies(each, 2*each, safe)
	s.declareBlue()
	ctx, stop := context.WithCancel(t.Context())
	var attackers sync.WaitGroup
	defer attackers.Wait()
	defer stop()
	refused := make(chan string, 1000)
	for _, role := range []pki.Role{pki.Viewer, pki.Operator} {
		for range 2 {
			attackers.Go(func() { s.sendSlowly(ctx, s.tokens[role], each, refused) })
		}
	}
	<-refused // there is no room for all of them
	large := object(t, "large", model.NetworkSpec{CIDR: netip.MustParsePrefix("10.9.0.0/24")})
	body, err := json.Marshal(api.ApplyRequest{Objects: []api.Object{large}})
	if err != nil {
		t.Fatal(err)
	}
	body = append(body, bytes.Repeat([]byte(" "), each-len(body))...)
	for range 3 {
		start := time.Now()
		resp, answer := s.send(s.tokens[pki.Admin], body)
		if resp.StatusCode != http.StatusOK {
			t.Errorf("the third: %s %s", resp.Status, answer)
		}
		if took := time.Since(start); took > bodyWait/2 {
			t.Errorf("the third was answered after %v", took)
		}
		start = time.Now()
		if resp, answer := s.raw("POST", "/v1/apply", string(body), nil); resp.StatusCode != http.StatusOK {
			t.Errorf("on the unix socket: %s %s", resp.Status, answer)
		}
		if took := time.Since(start); took > bodyWait/2 {
			t.Errorf("the unix socket was answered after %v", took)
		}
	}
	if said := <-refused; !strings.HasPrefix(said, "HTTP/1.1 503") {
		t.Errorf("one that had to make room got %q", said)
	}
}

// sendSlowly sends bodies of n bytes without the last one, until ctx ends, and reports what
// ends each.
func (s *secured) sendSlowly(ctx context.Context, token string, n int, refused chan<- string) {
	body := bytes.Repeat([]byte(" "), n-1)
	for ctx.Err() == nil {
		conn, err := tls.Dial("tcp", s.addr, s.as(pki.Identity{}))
		if err != nil {
			s.t.Error(err)
			return
		}
		over := context.AfterFunc(ctx, func() { conn.Close() })
		fmt.Fprintf(conn, "POST /v1/apply HTTP/1.1\r\nHost: sdnd\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n", token, n)
		// It may be refused before it is sent, too.
		_, _ = conn.Write(body)
		answer := make([]byte, 20)
		if got, _ := io.ReadFull(conn, answer); got > 0 {
			select {
			case refused <- string(answer[:got]):
			default:
			}
		}
		over()
		conn.Close()
	}
}

// send posts an apply with a token.
func (s *secured) send(token string, body []byte) (*http.Response, string) {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), "POST", "https://"+s.addr+"/v1/apply", bytes.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/json")
	resp, err := (&http.Transport{TLSClientConfig: s.as(pki.Identity{}), DisableKeepAlives: true}).RoundTrip(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, _ := io.ReadAll(resp.Body)
	return resp, string(answer)
}
