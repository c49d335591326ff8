package zonetransfer

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/miekg/dns"
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"
	"golang.org/x/time/rate"

	"github.com/sdnctl/sdnctl/controller/warn"
	"github.com/sdnctl/sdnctl/topology"
)

// Bounds of what secondaries may ask.
const (
	// maxTransfers is how many zones are sent at once; more wait for up to maxWait.
	maxTransfers = 4
	maxWait      = 10 * time.Second
	// maxTime is how long a transfer may take, and writeTimeout each of its messages.
	maxTime      = 2 * time.Minute
	writeTimeout = 10 * time.Second
	// idleTime is how long a connection may be without a question.
	idleTime = 10 * time.Second
	// questionRate is how many questions a second are looked at, by UDP and by TCP each; as many
	// may come at once.
	questionRate = 500
	// messageSize is about how many bytes the records of a message have; 65,535 is the most.
	messageSize = 48_000
	// fudge is how many seconds the clocks of both sides may differ (RFC 8945, 10).
	fudge = 300
)

// Results of questions, of which Config.Registerer has a counter each.
const (
	resultSent    = "sent"
	resultSerial  = "serial"
	resultRefused = "refused"
	resultFailed  = "failed"
	resultBusy    = "busy"
)

// Config is what a server needs.
type Config struct {
	Logger *slog.Logger
	// Snapshot returns the topology.
	Snapshot func() *topology.Snapshot
	Keys     *Keys
	// NameServers are the names of servers that zones name as their own, with a final dot; none
	// for localhost.
	NameServers []string
	Registerer  prometheus.Registerer
}

// server answers secondaries.
type server struct {
	Config
	ctx     context.Context
	warn    *warn.Limiter
	results *prometheus.CounterVec
	// room has an element for each zone that is being sent.
	room chan struct{}
	// byUDP and byTCP limit questions.
	byUDP, byTCP *rate.Limiter
}

// Serve answers secondaries until ctx ends. It closes both sockets.
func Serve(ctx context.Context, tcp net.Listener, udp net.PacketConn, c Config) error {
	s := &server{
		Config: c, ctx: ctx, warn: warn.New(c.Logger), room: make(chan struct{}, maxTransfers),
		byUDP: rate.NewLimiter(questionRate, questionRate), byTCP: rate.NewLimiter(questionRate, questionRate),
		results: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sdnd_dns_transfer_questions_total",
			Help: "Questions of secondaries about zones, by result: sent (a whole zone), serial (its serial number), refused, failed (the connection broke), busy (too many at once).",
		}, []string{"result"}),
	}
	for _, r := range []string{resultSent, resultSerial, resultRefused, resultFailed, resultBusy} {
		s.results.WithLabelValues(r)
	}
	if err := c.Registerer.Register(s.results); err != nil {
		return err
	}
	open := &openConns{Listener: tcp, all: map[net.Conn]bool{}}
	servers := []*dns.Server{
		{Listener: open, MaxTCPQueries: -1, IdleTimeout: func() time.Duration { return idleTime }},
		{PacketConn: udp, DecorateReader: s.limited},
	}
	group, ctx := errgroup.WithContext(ctx)
	for _, d := range servers {
		d.Handler, d.TsigProvider, d.ReadTimeout = s, c.Keys, idleTime
		group.Go(func() error {
			if err := d.ActivateAndServe(); ctx.Err() == nil {
				return fmt.Errorf("zone transfers: %w", err)
			}
			return nil
		})
	}
	group.Go(func() error {
		<-ctx.Done()
		open.close()
		return errors.Join(ignoreClosed(tcp.Close()), ignoreClosed(udp.Close()))
	})
	return group.Wait()
}

func ignoreClosed(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// limited has questions by UDP beyond the rate dropped before anything looks at them: whoever asks
// may ask by TCP.
func (s *server) limited(inner dns.Reader) dns.Reader { return &limitedReader{inner, s.byUDP} }

type limitedReader struct {
	dns.Reader
	limit *rate.Limiter
}

// ReadUDP returns the next message that is within the rate.
func (r *limitedReader) ReadUDP(conn *net.UDPConn, timeout time.Duration) ([]byte, *dns.SessionUDP, error) {
	for {
		m, session, err := r.Reader.ReadUDP(conn, timeout)
		if err != nil || r.limit.Allow() {
			return m, session, err
		}
	}
}

// ServeDNS answers a question.
func (s *server) ServeDNS(w dns.ResponseWriter, q *dns.Msg) {
	what := ""
	if len(q.Question) == 1 {
		what = dns.TypeToString[q.Question[0].Qtype] + " " + q.Question[0].Name
	}
	from, key := addrOf(w.RemoteAddr()), ""
	if t := q.IsTsig(); t != nil {
		key = t.Hdr.Name
	}
	refuse := func(rcode int, why string) {
		s.count(resultRefused)
		s.warn.Warn(w.RemoteAddr(), "a name server is refused", "asks", what, "key", key, "why", why)
		s.reply(w, q, rcode, nil)
	}
	byTCP := w.RemoteAddr().Network() == "tcp"
	topo := s.Snapshot()
	switch {
	case byTCP && !s.byTCP.Allow():
		s.count(resultBusy)
		s.reply(w, q, dns.RcodeServerFailure, nil)
	case fromPort(topo, from):
		refuse(dns.RcodeRefused, "it is a port of a network with hostAccess")
	case q.IsTsig() == nil:
		refuse(dns.RcodeRefused, "the question is not signed with a key (TSIG)")
	case w.TsigStatus() != nil:
		refuse(dns.RcodeNotAuth, "its signature is wrong: "+w.TsigStatus().Error())
	case q.Opcode != dns.OpcodeQuery || len(q.Question) != 1:
		refuse(dns.RcodeNotImplemented, "only transfers and serial numbers are served here")
	case q.Question[0].Qclass != dns.ClassINET:
		refuse(dns.RcodeRefused, "the class is not IN")
	default:
		z, err := findZone(topo, q.Question[0].Name)
		if err != nil {
			refuse(dns.RcodeNotAuth, err.Error())
			return
		}
		s.answer(w, q, z, byTCP, refuse)
	}
}

// answer answers a question about a zone that there is.
func (s *server) answer(w dns.ResponseWriter, q *dns.Msg, z zone, byTCP bool, refuse func(int, string)) {
	soa := z.soa(q.Question[0].Name, s.NameServers)
	switch kind := q.Question[0].Qtype; {
	case kind == dns.TypeSOA, kind == dns.TypeIXFR && (!byTCP || current(q, soa.Serial)):
		s.count(resultSerial)
		s.reply(w, q, dns.RcodeSuccess, []dns.RR{soa})
	case kind == dns.TypeAXFR && !byTCP:
		refuse(dns.RcodeRefused, "zones are sent by TCP only")
	case kind == dns.TypeAXFR, kind == dns.TypeIXFR: // all of it, where the difference is asked for (RFC 1995, 4)
		wait, done := context.WithTimeout(s.ctx, maxWait)
		defer done()
		select {
		case s.room <- struct{}{}:
			defer func() { <-s.room }()
			s.transfer(w, q, z)
		case <-wait.Done():
			s.count(resultBusy)
			s.reply(w, q, dns.RcodeServerFailure, nil)
		}
	default:
		refuse(dns.RcodeRefused, "only transfers and serial numbers are served here; ports ask their gateway")
	}
}

// current reports whether who asks for a difference has the serial number already, or a newer one.
func current(q *dns.Msg, serial uint32) bool {
	for _, rr := range q.Ns {
		if has, ok := rr.(*dns.SOA); ok {
			return int32(has.Serial-serial) >= 0 // RFC 1982
		}
	}
	return false
}

// transfer sends a whole zone, in as many messages as it takes.
func (s *server) transfer(w dns.ResponseWriter, q *dns.Msg, z zone) {
	began := time.Now()
	all, err := z.records(s.NameServers)
	if err != nil { // which findZone has ruled out
		s.count(resultFailed)
		s.reply(w, q, dns.RcodeServerFailure, nil)
		return
	}
	all = append(all, all[0])
	for rest := all; len(rest) > 0 && err == nil; {
		n, size := 1, dns.Len(rest[0])
		for n < len(rest) && size+dns.Len(rest[n]) <= messageSize {
			size += dns.Len(rest[n])
			n++
		}
		if err = s.ctx.Err(); err == nil && time.Since(began) > maxTime {
			err = fmt.Errorf("it took more than %v", maxTime)
		}
		if err == nil {
			err = s.reply(w, q, dns.RcodeSuccess, rest[:n])
		}
		w.TsigTimersOnly(true)
		rest = rest[n:]
	}
	name, key := dns.CanonicalName(q.Question[0].Name), q.IsTsig().Hdr.Name
	if err != nil {
		s.count(resultFailed)
		s.warn.Warn(w.RemoteAddr(), "a zone is not transferred", "zone", name, "key", key, "err", err)
		if err := w.Close(); err != nil { // so that nobody takes a part for the whole
			s.Logger.Debug("a connection is not closed", "err", err)
		}
		return
	}
	s.count(resultSent)
	s.Logger.Info("a zone is transferred", "zone", name, "to", w.RemoteAddr().String(), "key", key, "serial", all[0].(*dns.SOA).Serial, "records", len(all)-1)
}

// reply sends a message, signed if the question was signed with a key that is known.
func (s *server) reply(w dns.ResponseWriter, q *dns.Msg, rcode int, answer []dns.RR) error {
	m := new(dns.Msg).SetRcode(q, rcode)
	m.Compress = true
	m.Authoritative = rcode == dns.RcodeSuccess
	m.Answer = answer
	if opt := q.IsEdns0(); opt != nil {
		m.SetEdns0(dns.DefaultMsgSize, false)
	}
	if t := q.IsTsig(); t != nil {
		m.SetTsig(t.Hdr.Name, t.Algorithm, fudge, time.Now().Unix())
		mark := m.IsTsig()
		switch status := w.TsigStatus(); { // RFC 8945, 5.2
		case errors.Is(status, dns.ErrSecret), errors.Is(status, dns.ErrKeyAlg):
			mark.Error = dns.RcodeBadKey
		case errors.Is(status, dns.ErrTime):
			now := binary.BigEndian.AppendUint64(nil, uint64(time.Now().Unix()))[2:]
			mark.Error, mark.TimeSigned = dns.RcodeBadTime, t.TimeSigned
			mark.OtherLen, mark.OtherData = uint16(len(now)), hex.EncodeToString(now)
		case status != nil:
			mark.Error = dns.RcodeBadSig
		}
	}
	return w.WriteMsg(m)
}

func (s *server) count(result string) { s.results.WithLabelValues(result).Inc() }

// addrOf returns the address of a peer.
func addrOf(a net.Addr) netip.Addr {
	switch a := a.(type) {
	case *net.TCPAddr:
		return a.AddrPort().Addr().Unmap()
	case *net.UDPAddr:
		return a.AddrPort().Addr().Unmap()
	}
	return netip.Addr{}
}

// openConns is a listener that knows which of its connections are open, and has none of them wait
// long for whoever does not read.
type openConns struct {
	net.Listener

	mu  sync.Mutex
	all map[net.Conn]bool // nil once all are closed
}

// Accept returns the next connection.
func (l *openConns) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.all == nil {
		return nil, errors.Join(net.ErrClosed, conn.Close())
	}
	l.all[conn] = true
	return &openConn{conn, l}, nil
}

// close closes all connections.
func (l *openConns) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for conn := range l.all {
		conn.Close()
	}
	l.all = nil
}

type openConn struct {
	net.Conn
	of *openConns
}

// Write waits no longer than writeTimeout.
func (c *openConn) Write(b []byte) (int, error) {
	if err := c.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return 0, err
	}
	return c.Conn.Write(b)
}

// Close closes the connection.
func (c *openConn) Close() error {
	c.of.mu.Lock()
	defer c.of.mu.Unlock()
	delete(c.of.all, c.Conn)
	return c.Conn.Close()
}
