package simswitch

import (
	"bytes"

	"github.com/sdnctl/sdnctl/openflow"
)

// hasMask is the bit of an OXM header that says that a mask follows
// (OpenFlow 1.3.5, 7.2.3.2).
const hasMask = 1 << 8

// term is one field of a match.
type term struct {
	*field
	value, mask []byte // a nil mask is all ones
}

// match is a match as a list of fields by ascending rank, without duplicates.
type match struct {
	terms []term

	// The fields below serve to check prerequisites.
	ethType      uint16
	ethTypeKnown bool
	proto        uint8
	protoKnown   bool
	icmpType     uint8
	vlan         bool
	seen         seen // fields whose mask is not zero
}

// seen is a set of fields, by rank.
type seen [2]uint64

func (s *seen) has(rank uint8) bool { return s[rank/64]&(1<<(rank%64)) != 0 }

func (s *seen) add(rank uint8) { s[rank/64] |= 1 << (rank % 64) }

// parse decodes the OXM fields of a match and checks them as Open vSwitch does, field by field:
// header, mask, value, prerequisites, in this order.
func (m *match) parse(b []byte) refusal {
	m.reset()
	for len(b) > 0 {
		var t term
		var why refusal
		if t, b, why = splitTerm(b); why != accepted {
			return why
		}
		switch {
		case !m.has(t.needs):
			return matchBadPrereq
		case m.seen.has(t.rank):
			return matchDuplicate
		}
		if t.needs != needsNothing && !m.seen.has(0) {
			m.insert(term{field: fieldsByHeader[packetType], value: make([]byte, 4)})
		}
		if t.mask != nil && allOf(t.mask, 0) {
			continue // matches every value
		}
		if t.mask != nil && (allOf(t.mask, 0xff) || t.whole && number(t.mask)&t.limit == t.limit) {
			t.mask = nil
		}
		m.insert(t)
	}
	return accepted
}

// reset empties the match, and keeps its memory for the next one.
func (m *match) reset() {
	m.terms, m.seen = m.terms[:0], seen{}
	m.ethTypeKnown, m.protoKnown, m.icmpType, m.vlan = false, false, 0, false
}

// splitTerm splits off the first field of b.
func splitTerm(b []byte) (t term, rest []byte, why refusal) {
	if len(b) < 4 {
		return t, nil, matchBadLength
	}
	h := openflow.Field(be.Uint32(b))
	n := h.Len()
	masked := h&hasMask != 0
	f := h
	if masked {
		f = h&^(hasMask|0xff) | openflow.Field(n/2)
	}
	if n > len(b)-4 || n == 0 || masked && n%2 != 0 {
		return t, nil, matchBadLength
	}
	value, rest := b[4:4+n], b[4+n:]
	if f&^0xff == onfTCPFlags && n > onfHeader && be.Uint32(value) == openflow.ExperimenterONF {
		value = value[onfHeader:]
		n = len(value)
		if f = openflow.FieldTCPFlags; n != f.Len() && !masked || n != 2*f.Len() && masked {
			return t, nil, matchBadField
		}
	}
	if masked {
		t.value, t.mask = value[:n/2], value[n/2:]
		for i := range t.value {
			if t.value[i]&^t.mask[i] != 0 {
				return t, nil, matchBadWildcards
			}
		}
	} else {
		t.value = value
	}
	if t.field = fieldsByHeader[f]; t.field == nil {
		return t, nil, matchBadField
	}
	if masked && t.fixed && !allOf(t.mask, 0) && !allOf(t.mask, 0xff) {
		return t, nil, matchBadMask
	}
	if !t.valid(t.value) {
		return t, nil, matchBadValue
	}
	if f == openflow.FieldInPort {
		t.value = oxmPort(t.value)
		if masked {
			t.mask = bytes.Repeat(t.mask[:1], 4)
		}
	}
	return t, rest, accepted
}

// oxmPort converts a port number of 16 bits to one of 32 bits.
func oxmPort(v []byte) []byte {
	p := openflow.PortNo(be.Uint16(v))
	if p >= ofpMax {
		p += 0xffff0000
	}
	return be.AppendUint32(nil, uint32(p))
}

// allOf reports whether all bytes of b are v.
func allOf(b []byte, v byte) bool {
	for _, c := range b {
		if c != v {
			return false
		}
	}
	return true
}

// insert inserts a term by its rank, and records it for prerequisites.
func (m *match) insert(t term) {
	m.terms = append(m.terms, t)
	i := len(m.terms) - 1
	for ; i > 0 && m.terms[i-1].rank > t.rank; i-- {
		m.terms[i] = m.terms[i-1]
	}
	m.terms[i] = t
	m.seen.add(t.rank)
	switch t.oxm {
	case openflow.FieldEthType:
		m.ethType, m.ethTypeKnown = be.Uint16(t.value), true
	case openflow.FieldIPProto:
		m.proto, m.protoKnown = t.value[0], true
	case openflow.FieldICMPv6Type:
		m.icmpType = t.value[0]
	case openflow.FieldVLANVID:
		m.vlan = be.Uint16(t.value)&vlanPresent != 0
	}
}

// vlanPresent is OFPVID_PRESENT (OpenFlow 1.3.5, 7.2.3.7).
const vlanPresent = 0x1000

// Values that prerequisites require: EtherTypes (IEEE 802) and protocol numbers (IANA).
const (
	ethTypeIPv4 = 0x0800
	ethTypeARP  = 0x0806
	ethTypeRARP = 0x8035
	ethTypeIPv6 = 0x86dd

	protoICMP   = 1
	protoTCP    = 6
	protoUDP    = 17
	protoICMPv6 = 58
	protoSCTP   = 132

	ndSolicit, ndAdvert = 135, 136 // RFC 4861
)

// has reports whether the match meets a prerequisite.
func (m *match) has(p prerequisite) bool {
	ip4 := m.ethTypeKnown && m.ethType == ethTypeIPv4
	ip6 := m.ethTypeKnown && m.ethType == ethTypeIPv6
	is := func(proto uint8) bool { return m.protoKnown && m.proto == proto }
	switch p {
	case needsVLAN:
		return m.vlan
	case needsIPv4:
		return ip4
	case needsIPv6:
		return ip6
	case needsIP:
		return ip4 || ip6
	case needsARP:
		return m.ethTypeKnown && (m.ethType == ethTypeARP || m.ethType == ethTypeRARP)
	case needsTCP:
		return (ip4 || ip6) && is(protoTCP)
	case needsUDP:
		return (ip4 || ip6) && is(protoUDP)
	case needsSCTP:
		return (ip4 || ip6) && is(protoSCTP)
	case needsICMPv4:
		return ip4 && is(protoICMP)
	case needsICMPv6:
		return ip6 && is(protoICMPv6)
	case needsND:
		return m.has(needsSolicitation) || m.has(needsAdvertisement)
	case needsSolicitation:
		return ip6 && is(protoICMPv6) && m.icmpType == ndSolicit
	case needsAdvertisement:
		return ip6 && is(protoICMPv6) && m.icmpType == ndAdvert
	}
	return true
}

// append appends the match as Open vSwitch encodes it, without header and padding.
func (m *match) append(b []byte) []byte {
	for i := range m.terms {
		t := &m.terms[i]
		if t.oxm == packetType && m.framed() {
			continue
		}
		b = append(append(t.appendHeader(b), t.value...), t.mask...)
	}
	return b
}

// appendHeader appends the header of the field as Open vSwitch shows it.
func (t *term) appendHeader(b []byte) []byte {
	h := t.oxm
	if t.mask != nil {
		h |= hasMask
	}
	if !t.onf {
		return be.AppendUint32(b, uint32(h)+uint32(len(t.mask)))
	}
	h = h&hasMask | onfTCPFlags
	b = be.AppendUint32(b, uint32(h)+onfHeader+uint32(len(t.value)+len(t.mask)))
	return be.AppendUint32(b, openflow.ExperimenterONF)
}

// framed reports whether a field already implies that packets are Ethernet frames.
func (m *match) framed() bool {
	for i := range m.terms {
		if m.terms[i].needs != needsNothing {
			return true
		}
	}
	return false
}

// covers reports whether m matches every packet that other matches: each of m's fields is in
// other, with at least its mask and the same value under it (OpenFlow 1.3.5, 6.4,
// "non-strict"). other must be encoded by append.
func (m *match) covers(other []byte) bool {
	for i := range m.terms {
		t := &m.terms[i]
		if t.oxm == packetType {
			if !framedFields(other) {
				return false
			}
			continue
		}
		var o term
		for o.field == nil || o.rank < t.rank {
			if len(other) == 0 {
				return false
			}
			o, other, _ = splitTerm(other) // cannot fail: append has encoded it
		}
		if o.rank != t.rank || !t.covers(&o) {
			return false
		}
	}
	return true
}

// framedFields reports whether encoded fields imply that packets are Ethernet frames.
func framedFields(b []byte) bool {
	for len(b) > 0 {
		var t term
		if t, b, _ = splitTerm(b); t.needs != needsNothing || t.oxm == packetType {
			return true
		}
	}
	return false
}

// covers compares one field: o must fix at least the bits that t does.
func (t *term) covers(o *term) bool {
	for i := range t.value {
		mask := byte(0xff)
		if t.mask != nil {
			mask = t.mask[i]
		}
		if o.mask != nil && mask&^o.mask[i] != 0 || (t.value[i]^o.value[i])&mask != 0 {
			return false
		}
	}
	return true
}

// overlaps reports whether some packet could match both m and other.
func (m *match) overlaps(other []byte) bool {
	for len(other) > 0 {
		var o term
		o, other, _ = splitTerm(other)
		for i := range m.terms {
			if t := &m.terms[i]; t.rank == o.rank && !t.overlaps(&o) {
				return false
			}
		}
	}
	return true
}

func (t *term) overlaps(o *term) bool {
	for i := range t.value {
		mask := byte(0xff)
		if t.mask != nil {
			mask = t.mask[i]
		}
		if o.mask != nil {
			mask &= o.mask[i]
		}
		if (t.value[i]^o.value[i])&mask != 0 {
			return false
		}
	}
	return true
}
