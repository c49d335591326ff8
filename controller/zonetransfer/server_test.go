package zonetransfer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"golang.org/x/time/rate"

	"github.com/sdnctl/sdnctl/controller/nameserver"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// bed is a server of zones at a loopback address, and the topology that it serves.
type bed struct {
	t        testing.TB
	topo     atomic.Pointer[topology.Snapshot]
	at       string
	log      *syncBuffer
	registry *prometheus.Registry
	ended    chan error
	end      context.CancelFunc
}

type syncBuffer struct {
	mu   sync.Mutex
	text strings.Builder
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// newBed serves the names of network blue, with so many ports, of two networks that have the same domain and that no
// router joins, and of one without DNS. It has the keys one and two.
func newBed(t testing.TB, ports int) *bed {
	t.Helper()
	b := &bed{t: t, log: &syncBuffer{}, registry: prometheus.NewRegistry(), ended: make(chan error, 1)}
	b.topo.Store(topology.NewSnapshot())
	network := func(name, domain string, dns bool, cidrs ...string) {
		var s []topology.Subnet
		for _, c := range cidrs {
			s = append(s, topology.Subnet{Prefix: netip.MustParsePrefix(c)})
		}
		b.put(topology.KindNetwork, name, topology.NetworkSpec{Subnets: s, DNS: model.DNS{Enabled: dns, Domain: domain}})
	}
	network("blue", "blue.example", true, "10.0.0.0/16", "fd00:1::/64")
	network("green", "", true, "10.1.0.0/24")
	network("red1", "red.example", true, "10.9.0.0/24")
	network("red2", "red.example", true, "10.9.0.0/24")
	network("quiet", "quiet.example", false, "10.3.0.0/24")
	b.put(topology.KindRouter, "r", topology.RouterSpec{Networks: []string{"blue", "green"}})
	b.put(model.KindService, "db", model.ServiceSpec{Addresses: []netip.Addr{netip.MustParseAddr("10.96.0.10")}, Routers: []string{"r"}, Ports: []model.ServicePort{{Name: "sql", Port: 5432}}})
	var ops []topology.Op
	for i := range ports {
		ops = append(ops, topology.Op{Verb: topology.Put, Ref: topology.Ref{Kind: topology.KindPort, Name: fmt.Sprintf("p%05d", i)}, Spec: topology.PortSpec{Network: "blue"}})
	}
	b.do(ops...)
	file := filepath.Join(t.TempDir(), "keys")
	if err := os.WriteFile(file, []byte(keyText("one", "hmac-sha256", secret1)+keyText("two", "hmac-sha512", secret2)), 0o600); err != nil {
		t.Fatal(err)
	}
	logger := slog.New(slog.NewTextHandler(b.log, nil))
	keys, err := OpenKeys(file, logger)
	if err != nil {
		t.Fatal(err)
	}
	var tcp net.Listener
	var udp net.PacketConn
	for tries := 0; udp == nil; tries++ { // a port that is free by both
		if tcp, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			t.Fatal(err)
		}
		if udp, err = net.ListenPacket("udp", tcp.Addr().String()); err != nil && tries > 20 {
			t.Fatal(err)
		}
	}
	b.at = tcp.Addr().String()
	ctx, end := context.WithCancel(t.Context())
	b.end = end
	go func() {
		b.ended <- Serve(ctx, tcp, udp, Config{Logger: logger, Snapshot: b.topo.Load, Keys: keys, NameServers: []string{"ns1.example.com."}, Registerer: b.registry})
	}()
	t.Cleanup(func() {
		end()
		if err := <-b.ended; err != nil {
			t.Error(err)
		}
		b.ended <- nil
	})
	return b
}

func (b *bed) put(k topology.Kind, name string, s topology.Spec) {
	b.t.Helper()
	b.do(topology.Op{Verb: topology.Put, Ref: topology.Ref{Kind: k, Name: name}, Spec: s})
}

func (b *bed) do(ops ...topology.Op) {
	b.t.Helper()
	r, err := topology.Plan(b.topo.Load(), ops, time.Time{})
	if err != nil {
		b.t.Fatal(err)
	}
	b.topo.Store(r.Next)
}

// signer is how a client signs.
type signer struct{ name, algorithm, secret string }

var (
	one = &signer{"one.", dns.HmacSHA256, secret1}
	two = &signer{"two.", dns.HmacSHA512, secret2}
)

// ask sends a question and returns the first answer.
func (b *bed) ask(network string, q *dns.Msg, by *signer, at time.Time) (*dns.Msg, error) {
	b.t.Helper()
	c := dns.Client{Net: network, Timeout: 20 * time.Second}
	if by != nil {
		c.TsigSecret = map[string]string{by.name: by.secret}
		q.SetTsig(by.name, by.algorithm, fudge, at.Unix())
	}
	m, _, err := c.ExchangeContext(b.t.Context(), q, b.at)
	return m, err
}

// transfer returns a zone.
func (b *bed) transfer(name string, by *signer) (all []dns.RR, messages int, err error) {
	b.t.Helper()
	t := dns.Transfer{ReadTimeout: 20 * time.Second, TsigSecret: map[string]string{by.name: by.secret}}
	q := new(dns.Msg).SetAxfr(name)
	q.SetTsig(by.name, by.algorithm, fudge, time.Now().Unix())
	in, err := t.In(q, b.at)
	if err != nil {
		return nil, 0, err
	}
	for e := range in {
		if e.Error != nil {
			return nil, messages, e.Error
		}
		messages++
		all = append(all, e.RR...)
	}
	return all, messages, nil
}

func text(all []dns.RR) (out []string) {
	for _, rr := range all {
		out = append(out, rr.String())
	}
	return out
}

// TestTransfer: a zone is what nameserver exports, with its SOA record again at the end, in messages that are each
// signed; so is one of addresses, and one of a name in upper case. More than a message holds comes in several.
func TestTransfer(t *testing.T) {
	b := newBed(t, 4000)
	topo := b.topo.Load()
	blue, _ := topo.Network("blue")
	servers := []string{"ns1.example.com."}
	whole := func(all []dns.RR, err error) []string {
		if err != nil {
			t.Fatal(err)
		}
		return text(append(slices.Clone(all), all[0]))
	}
	reverse, err := nameserver.ExportReverse(topo, blue, netip.MustParsePrefix("10.0.0.0/16"), servers)
	six, err6 := nameserver.ExportReverse(topo, blue, netip.MustParsePrefix("fd00:1::/64"), servers)
	services, err96 := nameserver.ExportReverse(topo, blue, netip.MustParsePrefix("10.96.0.0/16"), servers)
	for _, tt := range []struct {
		zone string
		by   *signer
		want []string
		most int
	}{
		{"blue.example.", one, whole(nameserver.Export(topo, blue, servers), nil), 1000},
		{"BLUE.Example.", two, whole(nameserver.Export(topo, blue, servers), nil), 1000},
		{"0.10.in-addr.arpa.", one, whole(reverse, err), 1000},
		{"0.0.0.0.1.0.0.0.0.0.d.f.ip6.arpa.", two, nil, 1},
		{"0.0.0.0.0.0.0.0.1.0.0.0.0.0.d.f.ip6.arpa.", one, whole(six, err6), 1000},
		{"96.10.in-addr.arpa.", one, whole(services, err96), 1},
	} {
		got, messages, err := b.transfer(tt.zone, tt.by)
		if tt.want == nil {
			if err != nil || len(got) < 4000 {
				t.Errorf("%s: %d records, %v", tt.zone, len(got), err)
			}
			continue
		}
		if d := cmp.Diff(tt.want, text(got)); d != "" || err != nil || messages > tt.most || tt.most > 1 && messages < 2 {
			t.Errorf("%s in %d messages: %v (-want +got)\n%.2000s", tt.zone, messages, err, d)
		}
	}
	// The server counts and logs a zone behind its last message.
	n := 0.0
	for until := time.Now().Add(20 * time.Second); n != 6 && time.Now().Before(until); runtime.Gosched() {
		n = testutil.ToFloat64(counter(t, b, resultSent))
	}
	b.end()
	if err := <-b.ended; err != nil || n != 6 {
		t.Errorf("%v zones were counted, want 6; %v", n, err)
	}
	b.ended <- nil
	if log := b.log.String(); !strings.Contains(log, "zone=blue.example. to=127.0.0.1:") || !strings.Contains(log, "key=two.") {
		t.Error(log)
	}
}

// counter returns a counter of the server, which is registered once it serves.
func counter(t testing.TB, b *bed, result string) prometheus.Collector {
	t.Helper()
	c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "sdnd_dns_transfer_questions_total", Help: "Questions of secondaries about zones, by result: sent (a whole zone), serial (its serial number), refused, failed (the connection broke), busy (too many at once)."}, []string{"result"})
	var already prometheus.AlreadyRegisteredError
	if err := b.registry.Register(c); err == nil {
		t.Fatal("the server has no counters")
	} else if a, ok := err.(prometheus.AlreadyRegisteredError); ok {
		already = a
	}
	return already.ExistingCollector.(*prometheus.CounterVec).WithLabelValues(result)
}

// TestRefused: nobody gets anything without a key that is in the file and a signature by it, nor by a zone that
// there is not or is of two tenants; the answer says what is wrong, signed where that is possible, and the log why.
func TestRefused(t *testing.T) {
	b := newBed(t, 3)
	axfr := func(zone string) *dns.Msg { return new(dns.Msg).SetAxfr(zone) }
	soa := func(zone string) *dns.Msg { return new(dns.Msg).SetQuestion(zone, dns.TypeSOA) }
	now := time.Now()
	chaos := soa("blue.example.")
	chaos.Question[0].Qclass = dns.ClassCHAOS
	for _, tt := range []struct {
		net   string
		q     *dns.Msg
		by    *signer
		at    time.Time
		rcode int
		error uint16
		why   string
	}{
		{"tcp", axfr("blue.example."), nil, now, dns.RcodeRefused, 0, "not signed"},
		{"udp", soa("blue.example."), nil, now, dns.RcodeRefused, 0, "not signed"},
		{"tcp", axfr("blue.example."), &signer{"three.", dns.HmacSHA256, secret1}, now, dns.RcodeNotAuth, dns.RcodeBadKey, "signature is wrong"},
		{"tcp", axfr("blue.example."), &signer{"one.", dns.HmacSHA256, secret2}, now, dns.RcodeNotAuth, dns.RcodeBadSig, "signature is wrong"},
		{"tcp", axfr("blue.example."), &signer{"one.", dns.HmacSHA512, secret1}, now, dns.RcodeNotAuth, dns.RcodeBadKey, "signature is wrong"},
		{"udp", soa("blue.example."), one, now.Add(-time.Hour), dns.RcodeNotAuth, dns.RcodeBadTime, "signature is wrong"},
		{"tcp", axfr("blue.example."), one, now.Add(time.Hour), dns.RcodeNotAuth, dns.RcodeBadTime, "signature is wrong"},
		{"udp", axfr("blue.example."), one, now, dns.RcodeRefused, 0, "by TCP only"},
		{"tcp", axfr("none.example."), one, now, dns.RcodeNotAuth, 0, "no network with DNS has names in none.example."},
		{"tcp", axfr("example."), one, now, dns.RcodeNotAuth, 0, "no network with DNS"},
		{"tcp", axfr("."), one, now, dns.RcodeNotAuth, 0, "no network with DNS"},
		{"tcp", axfr("quiet.example."), one, now, dns.RcodeNotAuth, 0, "no network with DNS"},
		{"tcp", axfr("3.10.in-addr.arpa."), one, now, dns.RcodeNotAuth, 0, "no network with DNS"},
		{"tcp", axfr("red.example."), one, now, dns.RcodeNotAuth, 0, "red1 and red2 both"},
		{"tcp", axfr("0.9.10.in-addr.arpa."), one, now, dns.RcodeNotAuth, 0, "red1 and red2 both"},
		{"tcp", new(dns.Msg).SetQuestion("p00000.blue.example.", dns.TypeA), one, now, dns.RcodeNotAuth, 0, "no network"},
		{"tcp", new(dns.Msg).SetQuestion("blue.example.", dns.TypeA), one, now, dns.RcodeRefused, 0, "ports ask their gateway"},
		{"tcp", chaos, one, now, dns.RcodeRefused, 0, "class is not IN"},
		{"tcp", new(dns.Msg).SetNotify("blue.example."), one, now, dns.RcodeNotImplemented, 0, "only transfers"},
	} {
		m, err := b.ask(tt.net, tt.q, tt.by, tt.at)
		if m == nil || m.Rcode != tt.rcode || len(m.Answer) > 0 {
			t.Errorf("%v by %v: %v, %v", tt.q.Question[0].String(), tt.by, m, err)
			continue
		}
		is := m.IsTsig()
		if (is != nil) != (tt.by != nil) || is != nil && is.Error != tt.error {
			t.Errorf("%v by %v: signed %v, want the error %d", tt.q.Question[0].String(), tt.by, is, tt.error)
		}
		signed := is != nil && is.MACSize > 0
		if want := tt.by != nil && tt.error != dns.RcodeBadKey && tt.error != dns.RcodeBadSig; signed != want || signed && tt.error == 0 && err != nil && !errors.Is(err, dns.ErrAuth) {
			t.Errorf("%v by %v: signed %t, %v", tt.q.Question[0].String(), tt.by, signed, err)
		}
	}
	if n := testutil.ToFloat64(counter(t, b, resultRefused)); n != 19 {
		t.Errorf("%v refusals were counted, want 19", n)
	}
	if log := b.log.String(); !strings.Contains(log, "not signed with a key") || strings.Contains(log, secret1) {
		t.Error(log)
	}
}

// TestSerial: the serial number is the revision, by UDP and TCP, and who asks for the difference from an older one
// gets all, from the same one that alone, and by UDP that alone.
func TestSerial(t *testing.T) {
	b := newBed(t, 3)
	serial := uint32(b.topo.Load().Revision())
	for _, network := range []string{"udp", "tcp"} {
		m, err := b.ask(network, new(dns.Msg).SetQuestion("Blue.example.", dns.TypeSOA), one, time.Now())
		if err != nil || len(m.Answer) != 1 || m.Answer[0].(*dns.SOA).Serial != serial || !m.Authoritative {
			t.Errorf("%s: %v, %v", network, m, err)
		}
		for _, tt := range []struct {
			has  uint32
			most int
		}{{serial, 1}, {serial + 1, 1}, {serial - 1, 100}, {serial + 1<<31 + 5, 100}} {
			q := new(dns.Msg).SetIxfr("blue.example.", tt.has, "ns1.example.com.", "hostmaster.blue.example.")
			m, err := b.ask(network, q, two, time.Now())
			if err != nil || (len(m.Answer) == 1) != (tt.most == 1 || network == "udp") {
				t.Errorf("%s, from %d to %d: %v, %v", network, tt.has, serial, m, err)
			}
		}
	}
	b.put(topology.KindPort, "new", topology.PortSpec{Network: "blue"})
	m, err := b.ask("udp", new(dns.Msg).SetQuestion("blue.example.", dns.TypeSOA), one, time.Now())
	if err != nil || m.Answer[0].(*dns.SOA).Serial <= serial {
		t.Errorf("after a change: %v, %v", m, err)
	}
}

// TestPortsAreRefused: what comes from an address of a network whose ports reach machines of nodes is refused, even
// with a key.
func TestPortsAreRefused(t *testing.T) {
	b := newBed(t, 3)
	b.put(topology.KindNetwork, "own", topology.NetworkSpec{Subnets: []topology.Subnet{{Prefix: netip.MustParsePrefix("10.5.0.0/24")}}, HostAccess: true})
	topo := b.topo.Load()
	for a, want := range map[string]bool{"10.5.0.2": true, "10.0.0.2": false, "192.0.2.1": false, "fd00:1::2": false} {
		if got := fromPort(topo, netip.MustParseAddr(a)); got != want {
			t.Errorf("%s is of a port: %t, want %t", a, got, want)
		}
	}
}

// TestBusy: while as many zones are sent as may be at once, who waits in vain has to ask again.
func TestBusy(t *testing.T) {
	b := newBed(t, 3)
	ctx, end := context.WithCancel(t.Context())
	s := &server{
		Config: Config{Logger: slog.New(slog.DiscardHandler), Snapshot: b.topo.Load}, ctx: ctx, room: make(chan struct{}, maxTransfers),
		results: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "results"}, []string{"result"}), byTCP: rate.NewLimiter(questionRate, questionRate),
	}
	for range maxTransfers {
		s.room <- struct{}{}
	}
	end() // as when the time to wait is over
	w := &writer{}
	q := new(dns.Msg).SetAxfr("blue.example.")
	q.SetTsig("one.", dns.HmacSHA256, fudge, time.Now().Unix())
	s.ServeDNS(w, q)
	if len(w.written) != 1 || w.written[0].Rcode != dns.RcodeServerFailure || testutil.ToFloat64(s.results.WithLabelValues(resultBusy)) != 1 {
		t.Errorf("answered with %v", w.written)
	}
	<-s.room
	s.ctx = t.Context()
	if s.ServeDNS(w, q); len(w.written) != 2 || len(w.written[1].Answer) < 5 || len(s.room) != maxTransfers-1 {
		t.Errorf("with room answered with %v", w.written)
	}
}

// writer keeps what is written to a secondary whose question was signed well.
type writer struct {
	dns.ResponseWriter
	written []*dns.Msg
}

func (*writer) TsigStatus() error    { return nil }
func (*writer) TsigTimersOnly(bool)  {}
func (*writer) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 1} }
func (w *writer) WriteMsg(m *dns.Msg) error {
	w.written = append(w.written, m)
	return nil
}

// TestEnd: connections end with the server.
func TestEnd(t *testing.T) {
	b := newBed(t, 3)
	idle, err := net.Dial("tcp", b.at)
	if err != nil {
		t.Fatal(err)
	}
	defer idle.Close()
	if _, _, err := b.transfer("blue.example.", one); err != nil { // the server is there, and has accepted idle
		t.Fatal(err)
	}
	b.end()
	if err := <-b.ended; err != nil {
		t.Error(err)
	}
	b.ended <- nil
	if err := idle.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if n, err := idle.Read(make([]byte, 1)); err == nil || isTimeout(err) {
		t.Errorf("a connection is open after the end: %d, %v", n, err)
	}
	if _, err := net.DialTimeout("tcp", b.at, 20*time.Second); err == nil {
		t.Error("the server listens after its end")
	}
}

func isTimeout(err error) bool {
	e, ok := err.(net.Error)
	return ok && e.Timeout()
}
