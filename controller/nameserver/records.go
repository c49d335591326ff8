package nameserver

import (
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/miekg/dns"

	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// maxAliases is how many names, each another name for the next, an answer follows.
const maxAliases = 8

// declared adds the records that are declared under a name of a domain. A name that a port or a
// service has is no other name for something.
func (f *found) declared(a Asker, names topology.Names, q dns.Question, name, domain string, aliases int) {
	named := f.exists
	for r := range names.Records(name, domain) {
		if r.Spec.Type == model.RecordCNAME {
			if !named {
				f.alias(a, q, r, domain, aliases)
			}
			continue
		}
		f.exists = true
		kind := dns.StringToType[string(r.Spec.Type)]
		if q.Qtype != kind && q.Qtype != dns.TypeANY {
			continue
		}
		for _, value := range r.Spec.Values {
			f.records = append(f.records, recordOf(q.Name, r, value, domain))
		}
	}
}

// alias adds the record that says that a name is another name for something, and what is asked
// for of that. What others know is left for them to say.
func (f *found) alias(a Asker, q dns.Question, r *topology.DNSRecord, domain string, aliases int) {
	f.exists = true
	record := recordOf(q.Name, r, r.Spec.Values[0], domain).(*dns.CNAME)
	f.records = append(f.records, record)
	if q.Qtype == dns.TypeCNAME || q.Qtype == dns.TypeANY || aliases == maxAliases {
		return
	}
	of := find(a, dns.Question{Name: record.Target, Qtype: q.Qtype, Qclass: q.Qclass}, aliases+1)
	if of.zone == "" {
		f.elsewhere = record.Target
		return
	}
	f.records, f.extra, f.elsewhere = append(f.records, of.records...), append(f.extra, of.extra...), of.elsewhere
}

// recordOf returns a record of a value.
func recordOf(name string, r *topology.DNSRecord, value, domain string) dns.RR {
	h := dns.RR_Header{Name: name, Rrtype: dns.StringToType[string(r.Spec.Type)], Class: dns.ClassINET, Ttl: TTL}
	if r.Spec.TTL != 0 {
		h.Ttl = uint32(time.Duration(r.Spec.TTL) / time.Second)
	}
	switch r.Spec.Type {
	case model.RecordA:
		return &dns.A{Hdr: h, A: addressIn(value)}
	case model.RecordAAAA:
		return &dns.AAAA{Hdr: h, AAAA: addressIn(value)}
	case model.RecordTXT:
		return &dns.TXT{Hdr: h, Txt: texts(value)}
	}
	v, _ := r.Spec.Type.ParseValue(value) // stored values are as Normal writes them
	target := v.Target + "."
	if !strings.Contains(v.Target, ".") {
		target += domain + "."
	}
	switch r.Spec.Type {
	case model.RecordMX:
		return &dns.MX{Hdr: h, Preference: v.Numbers[0], Mx: target}
	case model.RecordSRV:
		return &dns.SRV{Hdr: h, Priority: v.Numbers[0], Weight: v.Numbers[1], Port: v.Numbers[2], Target: target}
	}
	return &dns.CNAME{Hdr: h, Target: target}
}

// addressIn reads an address.
func addressIn(value string) net.IP {
	a, _ := netip.ParseAddr(value) // stored values are as Normal writes them
	return net.IP(a.AsSlice())
}

// texts cuts a text into the strings of a record, of 255 bytes each (RFC 1035, 3.3.14), with what
// the text form of the library escapes.
func texts(value string) (all []string) {
	for len(value) > 255 {
		all, value = append(all, escaped(value[:255])), value[255:]
	}
	return append(all, escaped(value))
}

// escaped writes a string as dns.TXT has it: a backslash begins an escape there.
func escaped(s string) string { return strings.ReplaceAll(s, `\`, `\\`) }

// Behind returns the answer to a question about a name that is another name for something which
// others know: the records so far, and the others' answer, cut to limit bytes.
func Behind(question []byte, records []dns.RR, answer []byte, limit int) ([]byte, error) {
	q, m := new(dns.Msg), new(dns.Msg)
	if err := q.Unpack(question); err != nil {
		return nil, err
	}
	if err := m.Unpack(answer); err != nil {
		return nil, err
	}
	m.Id, m.Question, m.Compress = q.Id, q.Question, true
	m.Answer = append(append([]dns.RR(nil), records...), m.Answer...)
	return fit(m, limit)
}
