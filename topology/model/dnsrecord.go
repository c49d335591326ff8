package model

import (
	"fmt"
	"iter"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// DNSRecordSpec is the declared part of records of DNS under one name of a network's domain,
// beside those that follow from ports and services.
type DNSRecordSpec struct {
	Network string `json:"network" doc:"Name of the network in whose domain the name is. Who can look up names of that network finds it" example:"blue"`
	// Name as stored is in lower case.
	Name string        `json:"name" doc:"The name within the domain, such as mail or _sip._tcp; @ is the domain itself" example:"mail"`
	Type DNSRecordType `json:"type" doc:"Type of the records" enum:"A,AAAA,CNAME,MX,SRV,TXT" example:"A"`
	// Values as stored are as Normal writes them, each once.
	Values []string `json:"values" doc:"What the records say, at most 64: addresses (A, AAAA), a name (CNAME), a preference and a name (MX: 10 mail), priority, weight, port and name (SRV: 0 5 5060 sip), or text (TXT). A name without a dot is one of the same domain" example:"[\"192.0.2.25\"]"`
	TTL    Duration `json:"ttl,omitzero" doc:"How long others may keep the records, 1s to 24h; 5s when absent" example:"5m"`
}

// DNSRecordType is a type of records of DNS.
type DNSRecordType string

// The types that can be declared (RFC 1035, 3.2.2; RFC 3596, 2.1; RFC 2782).
const (
	RecordA     DNSRecordType = "A"
	RecordAAAA  DNSRecordType = "AAAA"
	RecordCNAME DNSRecordType = "CNAME"
	RecordMX    DNSRecordType = "MX"
	RecordSRV   DNSRecordType = "SRV"
	RecordTXT   DNSRecordType = "TXT"
)

// DNSRecordTypes returns all types, sorted.
func DNSRecordTypes() []DNSRecordType {
	return []DNSRecordType{RecordA, RecordAAAA, RecordCNAME, RecordMX, RecordSRV, RecordTXT}
}

const (
	// MaxRecordValues is how many values records of one object may have.
	MaxRecordValues = 64
	// MaxRecordText is the length of the text of one record, in bytes.
	MaxRecordText = 1024
	// maxRecordName is the length of a name within a domain: with MaxDNSDomain it is within
	// the 253 characters of a name (RFC 1035, 2.3.4).
	maxRecordName = 253 - 1 - MaxDNSDomain
	// DefaultRecordTTL is the TTL of records that give none.
	DefaultRecordTTL = 5 * time.Second
	maxRecordTTL     = 24 * time.Hour
)

// Apex is the name of the domain itself.
const Apex = "@"

// RecordValue is a value of a record that names a host.
type RecordValue struct {
	// Numbers are those in front of the name: none of a CNAME, the preference of an MX,
	// priority, weight and port of an SRV.
	Numbers []uint16
	// Target is the name, in lower case without a final dot. One without a dot is of the
	// record's own domain.
	Target string
}

// numbersOf is how many numbers are in front of the name in a value of a type; ok is false for
// types without a name.
func (t DNSRecordType) numbersOf() (n int, ok bool) {
	switch t {
	case RecordCNAME:
		return 0, true
	case RecordMX:
		return 1, true
	case RecordSRV:
		return 3, true
	}
	return 0, false
}

// ParseValue reads a value that names a host. ok is false if it is none.
func (t DNSRecordType) ParseValue(text string) (v RecordValue, ok bool) {
	n, ok := t.numbersOf()
	fields := strings.Fields(text)
	if !ok || len(fields) != n+1 {
		return v, false
	}
	for _, f := range fields[:n] {
		number, err := strconv.ParseUint(f, 10, 16)
		if err != nil {
			return v, false
		}
		v.Numbers = append(v.Numbers, uint16(number))
	}
	v.Target = normalDomain(fields[n], "", func(ProblemKind, string, string, string) { ok = false })
	return v, ok && v.Target != ""
}

// String writes the value as it is stored.
func (v RecordValue) String() string {
	var b strings.Builder
	for _, n := range v.Numbers {
		fmt.Fprintf(&b, "%d ", n)
	}
	return b.String() + v.Target
}

// Kind returns KindDNSRecord.
func (DNSRecordSpec) Kind() Kind { return KindDNSRecord }

// Writer returns Operator.
func (DNSRecordSpec) Writer() Role { return Operator }

// References yields the network.
func (s DNSRecordSpec) References() iter.Seq2[string, Ref] {
	return func(yield func(string, Ref) bool) { yield("spec.network", Ref{KindNetwork, s.Network}) }
}

// Normal implements Spec.
func (s DNSRecordSpec) Normal(bad Reporter) Spec {
	if s.Network == "" {
		bad(Invalid, "spec.network", "is missing", "name the network in whose domain the name is")
	}
	s.normalName(bad)
	s.Type = DNSRecordType(strings.ToUpper(string(s.Type)))
	if !slices.Contains(DNSRecordTypes(), s.Type) {
		bad(Invalid, "spec.type", fmt.Sprintf("%q is not a type of records", s.Type), "write A, AAAA, CNAME, MX, SRV or TXT; names of addresses (PTR) follow from ports and services")
		return s
	}
	if s.Name == Apex && s.Type == RecordCNAME {
		bad(Invalid, "spec.name", "the domain itself cannot be another name for something else", "give the name a label, such as www")
	}
	if t := time.Duration(s.TTL); t != 0 && (t < time.Second || t > maxRecordTTL) {
		bad(Invalid, "spec.ttl", s.TTL.String()+" is out of range", "give 1s to 24h, or leave it out for 5s")
	}
	s.normalValues(bad)
	return s
}

// normalName checks the name.
func (s *DNSRecordSpec) normalName(bad Reporter) {
	s.Name = strings.ToLower(strings.TrimSuffix(s.Name, "."))
	switch {
	case s.Name == "":
		bad(Invalid, "spec.name", "is missing", "give the name within the domain, such as mail; @ is the domain itself")
	case s.Name == Apex:
	case strings.Contains(s.Name, "*"):
		bad(Invalid, "spec.name", fmt.Sprintf("%q is a wildcard, which is not supported", s.Name), "declare a record for each name")
	case len(s.Name) > maxRecordName:
		bad(Invalid, "spec.name", fmt.Sprintf("%d characters, at most %d are allowed", len(s.Name), maxRecordName), "choose a shorter name")
	default:
		for label := range strings.SplitSeq(s.Name, ".") {
			// An underscore begins labels that are no hosts' (RFC 8552, 1.1).
			if l := strings.TrimPrefix(label, "_"); len(label) > 63 || !word(l, "-_") || strings.HasSuffix(l, "-") {
				bad(Invalid, "spec.name", fmt.Sprintf("%q is not a name in a domain", s.Name), "write labels of at most 63 letters, digits and dashes, such as mail or _sip._tcp")
				return
			}
		}
	}
}

// normalValues checks the values, and writes them in one way.
func (s *DNSRecordSpec) normalValues(bad Reporter) {
	s.Values = cloned(s.Values)
	switch n := len(s.Values); {
	case n == 0:
		bad(Invalid, "spec.values", "is missing", "give what the records say")
	case n > MaxRecordValues:
		bad(Invalid, "spec.values", fmt.Sprintf("%d values, at most %d are allowed", n, MaxRecordValues), "leave some out")
	case n > 1 && s.Type == RecordCNAME:
		bad(Invalid, "spec.values", "a name can be another name for one thing only (CNAME)", "give one name")
	}
	for i := range s.Values {
		field := fmt.Sprintf("spec.values[%d]", i)
		if text, fix := s.Type.normalValue(s.Values[i]); fix != "" {
			bad(Invalid, field, fmt.Sprintf("%q is not the value of a record of type %s", s.Values[i], s.Type), fix)
		} else {
			s.Values[i] = text
		}
		if slices.Contains(s.Values[:i], s.Values[i]) {
			bad(Invalid, field, fmt.Sprintf("%q is there twice", s.Values[i]), "list each value once")
		}
	}
}

// normalValue returns a value as it is stored, or what to write instead.
func (t DNSRecordType) normalValue(text string) (normal, fix string) {
	switch t {
	case RecordA, RecordAAAA:
		a, err := netip.ParseAddr(strings.TrimSpace(text))
		a = a.Unmap()
		if err != nil || a.Zone() != "" || a.Is4() != (t == RecordA) {
			return "", map[DNSRecordType]string{RecordA: "write an IPv4 address, such as 192.0.2.25", RecordAAAA: "write an IPv6 address, such as 2001:db8::25"}[t]
		}
		return a.String(), ""
	case RecordTXT:
		if text == "" || len(text) > MaxRecordText {
			return "", fmt.Sprintf("write 1 to %d bytes of text", MaxRecordText)
		}
		return text, ""
	}
	v, ok := t.ParseValue(text)
	if !ok {
		return "", map[DNSRecordType]string{
			RecordCNAME: "write a name, such as www or www.example.com",
			RecordMX:    "write a preference and a name, such as 10 mail",
			RecordSRV:   "write priority, weight, port and a name, such as 0 5 5060 sip",
		}[t]
	}
	return v.String(), ""
}
