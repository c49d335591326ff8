package main

import (
	"bufio"
	"context"
	"io"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// TestRun: the server answers what its table has, in the case of the question, and ends with its context.
func TestRun(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	out, in := io.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, strings.NewReader("web.lan.internal. 10.0.0.2\n"), in) }()
	addr, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name  string
		kind  uint16
		rcode int
	}{{"WeB.lan.internal.", dns.TypeA, dns.RcodeSuccess}, {"web.lan.internal.", dns.TypeMX, dns.RcodeNameError}, {"no.lan.internal.", dns.TypeA, dns.RcodeNameError}} {
		m, err := dns.Exchange(new(dns.Msg).SetQuestion(c.name, c.kind), strings.TrimSpace(addr))
		if err != nil || m.Rcode != c.rcode {
			t.Fatalf("%s: %v, error %v", c.name, m, err)
		}
		if c.rcode == dns.RcodeSuccess && (len(m.Answer) != 1 || !strings.HasSuffix(m.Answer[0].String(), "\t10.0.0.2") || m.Answer[0].Header().Name != c.name) {
			t.Errorf("%s: %v", c.name, m)
		}
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestRead(t *testing.T) {
	for _, line := range []string{"web 10.0.0.2", "web. fd00::1", "web.", "web. x"} {
		if _, err := read(strings.NewReader(line)); err == nil {
			t.Errorf("%q is taken", line)
		}
	}
}
