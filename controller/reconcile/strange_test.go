package reconcile_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/sdnctl/sdnctl/controller/reconcile"
)

// logLines is a log that may be written from anywhere.
type logLines struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *logLines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logLines) count(text string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.b.String(), text)
}

// TestFailedHandshakesDoNotFloodTheLog: a machine whose handshakes fail again and again is logged
// at a bounded rate.
func TestFailedHandshakesDoNotFloodTheLog(t *testing.T) {
	const failures = 200
	var log logLines
	b := serveTCP(t, t.TempDir(), reconcile.Config{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	for range failures {
		c, err := net.Dial("tcp", b.addr)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Write([]byte("GET / HTTP/1.1\r\n\r\n")); err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, c); err != nil && !strings.Contains(err.Error(), "reset") {
			t.Fatal(err)
		}
		c.Close()
	}
	b.await("the first line", func(context.Context) error {
		if log.count("openflow handshake failed") == 0 {
			return errors.New("nothing is logged")
		}
		return nil
	})
	// More than one only if the machine takes longer than that for them.
	if n := log.count("openflow handshake failed"); n > failures/10 {
		t.Errorf("%d lines about %d failures", n, failures)
	}
}
