package nameserver

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/miekg/dns"

	"github.com/sdnctl/sdnctl/topology"
)

// Sizes of messages over UDP.
const (
	// minSize is what every asker takes (RFC 1035, 4.2.1).
	minSize = 512
	// ownSize is what this side says that it takes (RFC 9715, 3).
	ownSize = 1232
)

// TTL is how many seconds others keep an answer, and that there is none. A new name is
// known everywhere after that time.
const TTL = 5

// Secondaries ask each refresh seconds whether there is something new, and retry seconds after they
// got no answer.
const (
	refresh = 60
	retry   = 30
)

// Asker is who asks: a port of a network.
type Asker struct {
	Topo    *topology.Snapshot
	Network *topology.Network
	// Gateways are the addresses at which the network's gateway answers the port.
	Gateways []netip.Addr
	// MaxSize is how many bytes a message to the port may have.
	MaxSize int
	// Lists has the backends of headless services; nil if their names are to have none.
	Lists *Lists

	// turn says which of many backends come first, and whole that none are left out.
	turn  uint16
	whole bool
}

// Result is what to do about a question.
type Result struct {
	// Reply is sent to the asker, unless it is nil.
	Reply []byte
	// Forward says that Question is for an upstream server, and Limit how long the answer may
	// be. Before are records that come before those of the answer; see Behind.
	Forward  bool
	Question []byte
	Before   []dns.RR
	Limit    int
	// What says in a few words what was asked, and how it was answered.
	What string
}

// Answer answers a message. It keeps it in Result.Question only.
func Answer(a Asker, message []byte) Result {
	q := new(dns.Msg)
	if err := q.Unpack(message); err != nil {
		return malformed(message, err)
	}
	if q.Response {
		return Result{What: "not a question"}
	}
	a.turn = q.Id
	r := &reply{asker: a, q: q, limit: minSize}
	if opt := q.IsEdns0(); opt != nil {
		r.limit = max(minSize, int(opt.UDPSize()))
	}
	r.limit = min(r.limit, a.MaxSize)
	out := r.answer()
	if out.Forward && out.Question == nil {
		out.Question = message
	}
	return out
}

// malformed answers what cannot be read, if its header can.
func malformed(message []byte, err error) Result {
	what := "cannot be read: " + err.Error()
	if len(message) < 12 || message[2]&0x80 != 0 {
		return Result{What: what}
	}
	r := new(dns.Msg)
	r.Id = uint16(message[0])<<8 | uint16(message[1])
	r.Response, r.Opcode, r.Rcode = true, int(message[2]>>3&0xf), dns.RcodeFormatError
	b, err := r.Pack()
	if err != nil {
		return Result{What: what}
	}
	return Result{Reply: b, What: what}
}

// reply is a question that is being answered.
type reply struct {
	asker Asker
	q     *dns.Msg
	limit int
}

func (r *reply) answer() Result {
	switch {
	case r.q.Opcode != dns.OpcodeQuery:
		return r.refuse(dns.RcodeNotImplemented, dns.OpcodeToString[r.q.Opcode])
	case len(r.q.Question) != 1:
		return r.refuse(dns.RcodeFormatError, "not one question")
	case r.opts() > 1:
		return r.refuse(dns.RcodeFormatError, "several OPT records")
	}
	q := r.q.Question[0]
	what := dns.TypeToString[q.Qtype] + " " + q.Name
	if opt := r.q.IsEdns0(); opt != nil && opt.Version() != 0 {
		return r.refuse(dns.RcodeBadVers, what)
	}
	switch {
	case q.Qclass != dns.ClassINET && q.Qclass != dns.ClassANY:
		return r.refuse(dns.RcodeRefused, what)
	case q.Qtype == dns.TypeAXFR || q.Qtype == dns.TypeIXFR || q.Qtype == dns.TypeMAILA || q.Qtype == dns.TypeMAILB:
		return r.refuse(dns.RcodeRefused, what)
	}
	found := find(r.asker, q, 0)
	if found.zone == "" {
		if len(r.asker.Network.Spec.DNS.Upstream) == 0 {
			return r.refuse(dns.RcodeRefused, what)
		}
		return Result{Forward: true, Limit: r.limit, What: what}
	}
	if found.elsewhere != "" && len(r.asker.Network.Spec.DNS.Upstream) > 0 {
		if question, err := r.about(found.elsewhere); err == nil {
			return Result{Forward: true, Question: question, Before: found.records, Limit: r.limit, What: what + ": " + summary(found.records)}
		}
	}
	return r.send(found, what)
}

// about returns the same question about another name.
func (r *reply) about(name string) ([]byte, error) {
	q := r.q.Copy()
	q.Question[0].Name = name
	return q.Pack()
}

// opts returns how many OPT records the question has; more than one is an error (RFC 6891,
// 6.1.1).
func (r *reply) opts() (n int) {
	for _, rr := range r.q.Extra {
		if rr.Header().Rrtype == dns.TypeOPT {
			n++
		}
	}
	return n
}

// begin begins a reply.
func (r *reply) begin(rcode int) *dns.Msg {
	m := new(dns.Msg)
	m.SetRcode(r.q, rcode)
	m.Compress = true
	m.RecursionAvailable = len(r.asker.Network.Spec.DNS.Upstream) > 0
	m.CheckingDisabled = r.q.CheckingDisabled
	if opt := r.q.IsEdns0(); opt != nil {
		m.SetEdns0(ownSize, opt.Do())
	}
	return m
}

// refuse answers with an error.
func (r *reply) refuse(rcode int, what string) Result {
	b, err := r.begin(rcode).Pack()
	if err != nil {
		return Result{What: what + ": the answer cannot be built: " + err.Error()}
	}
	return Result{Reply: b, What: what + ": " + dns.RcodeToString[rcode]}
}

// send answers with what was found.
func (r *reply) send(found found, what string) Result {
	m := r.begin(dns.RcodeSuccess)
	m.Authoritative = true
	m.Answer = found.records
	m.Extra = append(m.Extra, found.extra...)
	switch {
	case !found.exists:
		m.Rcode = dns.RcodeNameError
		what += ": no such name"
	case len(found.records) == 0:
		what += ": no such record"
	default:
		what += ": " + summary(found.records)
	}
	if len(m.Answer) == 0 {
		m.Ns = []dns.RR{soa(found.zone, r.asker.Topo)}
	}
	b, err := fit(m, r.limit)
	if err != nil {
		return Result{What: what + ": the answer cannot be built: " + err.Error()}
	}
	if m.Rcode == dns.RcodeServerFailure {
		what += fmt.Sprintf(": SERVFAIL, a record is longer than the %d bytes that the asker takes", r.limit)
	}
	return Result{Reply: b, What: what}
}

// fit packs a message that has at most limit bytes. It leaves out what is beyond that, and never
// marks the message as truncated: the asker would ask again by TCP, which nobody answers. If no
// record of the answer is left, the message says that it failed, since an answer without records
// would say that there are none.
func fit(m *dns.Msg, limit int) ([]byte, error) {
	had := len(m.Answer)
	m.Truncate(limit)
	if had > 0 && len(m.Answer) == 0 {
		tooLong(m)
		m.Truncate(limit)
	}
	m.Truncated = false
	return m.Pack()
}

// tooLong makes an answer the error that it is too long, and says so in it if the asker knows
// extended errors (RFC 8914).
func tooLong(m *dns.Msg) {
	opt := m.IsEdns0()
	m.Rcode, m.Authoritative, m.Answer, m.Ns, m.Extra = dns.RcodeServerFailure, false, nil, nil, nil
	if opt != nil {
		opt.SetExtendedRcode(0)
		opt.Option = []dns.EDNS0{&dns.EDNS0_EDE{InfoCode: dns.ExtendedErrorCodeOther, ExtraText: "a record is longer than the asker takes by UDP, and there is no TCP"}}
		m.Extra = []dns.RR{opt}
	}
}

// summary says what records have.
func summary(records []dns.RR) string {
	const most = 3
	var all []string
	for i, rr := range records {
		if i == most {
			all = append(all, "…")
			break
		}
		all = append(all, valueOf(rr))
	}
	return strings.Join(all, ", ")
}

// valueOf returns what a record says, as in a file of a zone.
func valueOf(rr dns.RR) string {
	switch rr := rr.(type) { // addresses, which are most, without the text of the header
	case *dns.A:
		return rr.A.String()
	case *dns.AAAA:
		return rr.AAAA.String()
	}
	return strings.TrimPrefix(rr.String(), rr.Header().String())
}

// soa returns the record that says how long others keep that there is no answer (RFC 2308, 4).
func soa(zone string, s *topology.Snapshot) dns.RR {
	return &dns.SOA{
		Hdr: header(zone, dns.TypeSOA), Ns: zone, Mbox: "hostmaster." + zone,
		Serial: uint32(s.Revision()), Refresh: refresh, Retry: retry, Expire: 86400, Minttl: TTL,
	}
}

func header(name string, kind uint16) dns.RR_Header {
	return dns.RR_Header{Name: name, Rrtype: kind, Class: dns.ClassINET, Ttl: TTL}
}
