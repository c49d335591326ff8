package server

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/sdnctl/sdnctl/controller/warn"
)

// TestFailedHandshakesDoNotFillTheLog: 1,500 failures from one machine are one line, and
// other messages of net/http are not lost.
func TestFailedHandshakesDoNotFillTheLog(t *testing.T) {
	var b bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&b, nil))
	l := errorLog{logger, warn.New(logger)}
	for i := range 1500 {
		fmt.Fprintf(l, "http: TLS handshake error from 192.0.2.7:%d: EOF\n", 1024+i)
	}
	fmt.Fprint(l, "http: TLS handshake error from [2001:db8::7]:4000: tls: bad certificate\n")
	fmt.Fprint(l, "http: Accept error: too many open files; retrying in 5ms\n")
	lines := strings.Split(strings.TrimSpace(b.String()), "\n")
	if len(lines) != 3 || !strings.Contains(lines[0], "192.0.2.7:1024") || !strings.Contains(lines[1], "bad certificate") || !strings.Contains(lines[2], "too many open files") {
		t.Errorf("%d lines:\n%s", len(lines), b.String())
	}
}
