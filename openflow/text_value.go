package openflow

import (
	"bytes"
	"math/bits"
	"net/netip"
	"strconv"
)

// appendHexBytes appends a big-endian number as 0x and hexadecimal digits
// without leading zeros, or as "0".
func appendHexBytes(b, v []byte) []byte {
	v = bytes.TrimLeft(v, "\x00")
	if len(v) == 0 {
		return append(b, '0')
	}
	b = append(b, "0x"...)
	b = strconv.AppendUint(b, uint64(v[0]), 16)
	return appendHexDigits(b, v[1:])
}

// appendPrefixedHex is appendHexBytes with 0x also before 0, as ovs-ofctl shows ports with a
// mask.
func appendPrefixedHex(b, v []byte) []byte {
	return strconv.AppendUint(append(b, "0x"...), number(v), 16)
}

// appendWholeHex appends 0x and hexadecimal digits with leading zeros.
func appendWholeHex(b, v []byte) []byte { return appendHexDigits(append(b, "0x"...), v) }

// appendHexDigits appends two digits for each byte.
func appendHexDigits(b, v []byte) []byte {
	const digits = "0123456789abcdef"
	for _, c := range v {
		b = append(b, digits[c>>4], digits[c&15])
	}
	return b
}

// number returns a big-endian number of at most 8 bytes.
func number(v []byte) (n uint64) {
	for _, c := range v {
		n = n<<8 | uint64(c)
	}
	return n
}

// allBytes says whether every byte of v is c.
func allBytes(v []byte, c byte) bool {
	for _, x := range v {
		if x != c {
			return false
		}
	}
	return true
}

// appendValue appends the value of a known field, and /mask unless mask is nil.
// Both have the field's length.
func (f *fieldInfo) appendValue(b, value, mask []byte) []byte {
	switch f.format {
	case fmtMAC:
		return f.appendMasked(b, value, mask, appendMACBytes)
	case fmtIPv4, fmtIPv6:
		b = appendIP(b, value)
		if mask == nil {
			return b
		}
		if n, ok := prefixLen(mask); ok {
			return strconv.AppendInt(append(b, '/'), int64(n), 10)
		}
		return appendIP(append(b, '/'), mask)
	case fmtCTState:
		if mask != nil && number(mask) == 0xff {
			mask = nil // OVS knows these 8 bits and no others
		}
		return appendFlags(b, ctStateNames[:], value, mask)
	case fmtTCP:
		return appendFlags(b, tcpFlagNames[:], value, mask)
	case fmtTunnel:
		if mask == nil {
			mask = []byte{0, 1} // of one flag that is known, all
		}
		return appendFlags(b, tunnelFlagNames[:], value, mask)
	case fmtFrag:
		return appendFrag(b, value, mask)
	case fmtTCI:
		return f.appendMasked(b, value, mask, appendWholeHex)
	}
	if mask != nil && f.format == fmtDecimal {
		return f.appendMasked(b, value, mask, appendPrefixedHex)
	}
	if mask != nil {
		return f.appendMasked(b, value, mask, appendHexBytes)
	}
	switch n := number(value[max(0, len(value)-8):]); f.format {
	case fmtDecimal, fmtVLAN:
		return strconv.AppendUint(b, n, 10)
	case fmtTOS:
		return strconv.AppendUint(b, n<<2, 10)
	case fmtPort:
		if len(value) == 2 && n >= 0xff00 {
			n |= 0xffff0000 // OpenFlow 1.0's number of a reserved port
		}
		return PortNo(n).appendText(b)
	case fmtLabel:
		b = append(b, "0x"...)
		return appendHexDigits(strconv.AppendUint(b, n>>16, 16), []byte{byte(n >> 8), byte(n)})
	}
	return appendHexBytes(b, value)
}

func (f *fieldInfo) appendMasked(b, value, mask []byte, text func(b, v []byte) []byte) []byte {
	b = text(b, value)
	if mask != nil {
		b = text(append(b, '/'), mask)
	}
	return b
}

func appendMACBytes(b, v []byte) []byte { return appendMAC(b, MAC(v)) }

// appendIP appends an IPv4 address of 4 bytes or an IPv6 address of 16.
func appendIP(b, v []byte) []byte {
	a, _ := netip.AddrFromSlice(v)
	return a.AppendTo(b)
}

// prefixLen returns the number of leading ones if all others are zeros.
func prefixLen(mask []byte) (n int, ok bool) {
	for i, c := range mask {
		if c != 0xff {
			n = 8*i + bits.LeadingZeros8(^c)
			return n, c == ^(byte(0xff)>>(n-8*i)) && allBytes(mask[i+1:], 0)
		}
	}
	return 8 * len(mask), true
}

// Names of flag bits from bit 0 on (ovs-fields(7)).
var (
	ctStateNames    = [...]string{"new", "est", "rel", "rpl", "inv", "trk", "snat", "dnat"}
	tcpFlagNames    = [...]string{"fin", "syn", "rst", "psh", "ack", "urg", "ece", "cwr", "ns"}
	tunnelFlagNames = [...]string{"oam"}
)

// appendFlags appends +name for each bit that is set and -name for each that is
// not, of those that are 1 in mask. Without a mask the set ones are joined by |.
// Bits without names are given in hexadecimal.
func appendFlags(b []byte, names []string, value, mask []byte) []byte {
	v, m := number(value), ^uint64(0)
	if mask != nil {
		m = number(mask)
	} else if v == 0 {
		return append(b, '0')
	}
	at := len(b)
	for i, name := range names {
		switch set := v&(1<<i) != 0; {
		case mask == nil && set:
			if len(b) > at {
				b = append(b, '|')
			}
			b = append(b, name...)
		case mask != nil && m&(1<<i) != 0:
			sign := byte('-')
			if set {
				sign = '+'
			}
			b = append(append(b, sign), name...)
		}
	}
	if rest := ^uint64(0) << len(names); v&rest != 0 || mask != nil && m&rest != 0 {
		if mask == nil {
			if len(b) > at {
				b = append(b, '|')
			}
			return strconv.AppendUint(append(b, "0x"...), v&rest, 16)
		}
		b = strconv.AppendUint(append(b, "+0x"...), v&rest, 16)
		b = strconv.AppendUint(append(b, "/0x"...), m&rest, 16)
	}
	return b
}

// appendFrag appends the name of a kind of IP fragment (ovs-fields(7), ip_frag:
// bit 0 is set for fragments, bit 1 for all but the first).
func appendFrag(b, value, mask []byte) []byte {
	v, m := value[0], byte(0xff)
	if mask != nil {
		m = mask[0]
	}
	switch m &= 3; {
	case m == 3 && v == 0 || m == 1 && v == 0:
		return append(b, "no"...)
	case m == 3 && v == 1:
		return append(b, "first"...)
	case m == 3 && v == 3:
		return append(b, "later"...)
	case m == 1 && v == 1:
		return append(b, "yes"...)
	case m == 2 && v == 0:
		return append(b, "not_later"...)
	}
	b = appendHexBytes(b, value)
	if mask != nil {
		b = appendHexBytes(append(b, '/'), mask)
	}
	return b
}
