package nameserver

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// serve runs a name server at an address of the machine, by UDP and TCP, and returns the port.
func serve(t testing.TB, at string, h dns.HandlerFunc) uint16 {
	t.Helper()
	ln, err := net.Listen("tcp", net.JoinHostPort(at, "0"))
	if err != nil {
		t.Fatal(err)
	}
	pc, err := net.ListenPacket("udp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []*dns.Server{{Listener: ln, Handler: h}, {PacketConn: pc, Handler: h}} {
		started, ended := make(chan struct{}), make(chan error, 1)
		s.NotifyStartedFunc = func() { close(started) }
		go func() { ended <- s.ActivateAndServe() }()
		<-started
		t.Cleanup(func() {
			if err := s.Shutdown(); err != nil {
				t.Error(err)
			}
			if err := <-ended; err != nil {
				t.Error(err)
			}
		})
	}
	return netip.MustParseAddrPort(ln.Addr().String()).Port()
}

func exchange(t *testing.T, u Upstream, limit int, q *dns.Msg, servers ...string) (*dns.Msg, error) {
	t.Helper()
	message, err := q.Pack()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), Deadline)
	defer cancel()
	b, err := u.Exchange(ctx, addrs(servers...), message, limit)
	if err != nil {
		return nil, err
	}
	m := new(dns.Msg)
	if err := m.Unpack(b); err != nil || m.Id != q.Id || len(b) > limit {
		t.Fatalf("%v: %d bytes, %v", err, len(b), m)
	}
	return m, nil
}

// TestUpstream: a question goes to the server as it is, under another number; one whose
// answer is truncated goes there by TCP, and what comes back is cut to what the asker takes.
func TestUpstream(t *testing.T) {
	var number atomic.Uint32
	port := serve(t, "127.0.0.1", func(w dns.ResponseWriter, q *dns.Msg) {
		number.Store(uint32(q.Id))
		m := new(dns.Msg).SetReply(q)
		m.RecursionAvailable = true
		if w.LocalAddr().Network() == "udp" && strings.HasPrefix(q.Question[0].Name, "long.") {
			m.Truncated = true
		} else {
			for i := range 60 {
				m.Answer = append(m.Answer, addresses(q.Question[0].Name, dns.TypeA, addrs(fmt.Sprintf("192.0.2.%d", i)))...)
			}
			if !strings.HasPrefix(q.Question[0].Name, "long.") {
				m.Answer = m.Answer[:1]
			}
		}
		if opt := q.IsEdns0(); opt != nil && len(opt.Option) == 1 {
			m.SetEdns0(4096, true)
		}
		if err := w.WriteMsg(m); err != nil {
			t.Error(err)
		}
	})
	u := Upstream{Port: port}
	q := new(dns.Msg).SetQuestion("WwW.outside.example.", dns.TypeA).SetEdns0(1232, true)
	q.IsEdns0().Option = []dns.EDNS0{&dns.EDNS0_LOCAL{Code: 65001, Data: []byte("x")}}
	m, err := exchange(t, u, 1232, q, "127.0.0.1")
	if err != nil || len(m.Answer) != 1 || m.Question[0].Name != "WwW.outside.example." || m.IsEdns0() == nil || !m.RecursionAvailable {
		t.Errorf("%v, %v", m, err)
	}
	if number.Load() == uint32(q.Id) {
		q.Id++
		if _, err := exchange(t, u, 1232, q, "127.0.0.1"); err != nil || number.Load() == uint32(q.Id) {
			t.Errorf("the server gets the number of the asker: %v", err)
		}
	}
	m, err = exchange(t, u, 512, new(dns.Msg).SetQuestion("long.example.", dns.TypeA), "127.0.0.1")
	if err != nil || len(m.Answer) < 20 || len(m.Answer) == 60 || m.Truncated {
		t.Errorf("%v, %v", m, err)
	}
}

// TestUpstreamsInTurn: a server that is away or refuses is passed over within two seconds,
// and an answer to another question is none.
func TestUpstreamsInTurn(t *testing.T) {
	good := func(w dns.ResponseWriter, q *dns.Msg) {
		m := new(dns.Msg).SetReply(q)
		m.Answer = addresses(q.Question[0].Name, dns.TypeA, addrs("192.0.2.1"))
		if err := w.WriteMsg(m); err != nil {
			t.Error(err)
		}
	}
	port := serve(t, "127.0.0.1", good)
	silent, err := net.ListenPacket("udp", fmt.Sprintf("127.0.0.2:%d", port))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := silent.Close(); err != nil {
			t.Error(err)
		}
	})
	u, q := Upstream{Port: port}, new(dns.Msg).SetQuestion("outside.example.", dns.TypeA)
	began := time.Now()
	for _, first := range []string{"127.0.0.2", "127.0.0.3"} { // silent, and nobody there
		if m, err := exchange(t, u, 512, q, first, "127.0.0.1"); err != nil || len(m.Answer) != 1 {
			t.Errorf("%s first: %v, %v", first, m, err)
		}
	}
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("it took %v", took)
	}
	if _, err := exchange(t, u, 512, q, "127.0.0.3"); err == nil || !strings.Contains(err.Error(), "127.0.0.3") {
		t.Errorf("nobody is there: %v", err)
	}
	other := serve(t, "127.0.0.1", func(w dns.ResponseWriter, q *dns.Msg) {
		forged := q.Copy()
		forged.Question[0].Name = "forged.example."
		good(w, forged)
		good(w, q)
	})
	if m, err := exchange(t, Upstream{Port: other}, 512, q, "127.0.0.1"); err != nil || m.Answer[0].Header().Name != "outside.example." {
		t.Errorf("%v, %v", m, err)
	}
}
