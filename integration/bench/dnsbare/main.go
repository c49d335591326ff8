// Command dnsbare is a name server that does no more than the library of sdnd does for it
// (github.com/miekg/dns): it answers questions by UDP from a table. The benches measure sdnd beside
// it. It reads the table from its standard input, a name with a final dot and an IPv4 address on a
// line, and prints the address at which it listens:
//
//	echo "web.lan.internal. 10.0.0.2" | dnsbare
//
// It ends on SIGINT and SIGTERM.
package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/miekg/dns"
)

// ttl is how many seconds askers may keep an answer, as with sdnd.
const ttl = 5

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "dnsbare:", err)
		os.Exit(1)
	}
}

// run answers until ctx ends.
func run(ctx context.Context, in io.Reader, out io.Writer) error {
	names, err := read(in)
	if err != nil {
		return err
	}
	c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return err
	}
	srv := &dns.Server{PacketConn: c, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		_ = w.WriteMsg(answer(names, q)) // who did not get an answer asks again
	})}
	ended := make(chan error, 1)
	go func() { ended <- srv.ActivateAndServe() }()
	if _, err := fmt.Fprintln(out, c.LocalAddr()); err != nil {
		return errors.Join(err, c.Close(), <-ended)
	}
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
		return errors.Join(srv.Shutdown(), <-ended)
	}
}

// read reads the table.
func read(in io.Reader) (map[string]net.IP, error) {
	names := map[string]net.IP{}
	s := bufio.NewScanner(in)
	for s.Scan() {
		name, text, _ := strings.Cut(s.Text(), " ")
		a, err := netip.ParseAddr(text)
		if err != nil || !a.Is4() || !dns.IsFqdn(name) {
			return nil, fmt.Errorf("%q: want a name with a final dot, a space and an IPv4 address", s.Text())
		}
		names[name] = net.IP(a.AsSlice())
	}
	return names, s.Err()
}

// answer answers a question about an address.
func answer(names map[string]net.IP, q *dns.Msg) *dns.Msg {
	if len(q.Question) != 1 {
		return new(dns.Msg).SetRcode(q, dns.RcodeFormatError)
	}
	a, ok := names[strings.ToLower(q.Question[0].Name)]
	if !ok || q.Question[0].Qtype != dns.TypeA {
		return new(dns.Msg).SetRcode(q, dns.RcodeNameError)
	}
	m := new(dns.Msg).SetReply(q)
	m.Authoritative, m.Compress = true, true
	m.Answer = []dns.RR{&dns.A{Hdr: dns.RR_Header{Name: q.Question[0].Name, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: ttl}, A: a}}
	return m
}
