package openflow

import (
	"fmt"
	"net/netip"
	"strconv"
)

// appendCT appends a connection-tracking action: flags, zone, table, ALG and
// nested actions (OVS, lib/ofp-actions.c, nx_action_conntrack). p has at least
// 14 bytes.
func appendCT(b, p []byte) []byte {
	b = append(b, "ct("...)
	start := len(b)
	sep := func() {
		if len(b) > start {
			b = append(b, ',')
		}
	}
	flags, zoneSrc, zone := be.Uint16(p), be.Uint32(p[2:]), be.Uint16(p[6:])
	table, alg := p[8], be.Uint16(p[12:])
	if flags&ctCommit != 0 {
		b = append(b, "commit"...)
	}
	if flags&ctForce != 0 {
		sep()
		b = append(b, "force"...)
	}
	if table != ctNoRecirc {
		sep()
		b = fmt.Appendf(b, "table=%d", table)
	}
	switch {
	case zoneSrc != 0:
		sep()
		b = appendSubfield(append(b, "zone="...), Field(zoneSrc), int(zone>>6), int(zone&0x3f)+1)
	case zone != 0:
		sep()
		b = fmt.Appendf(b, "zone=%d", zone)
	}
	nested := Actions(p[14:])
	for len(nested) > 0 {
		typ, body, rest, err := nextTLV(nested)
		if err != nil || typ != actExperimenter || be.Uint32(body) != ExperimenterNicira ||
			len(body) < 12 || be.Uint16(body[4:]) != nxNAT {
			break
		}
		sep()
		b = appendExperimenter(b, body)
		nested = rest
	}
	if len(nested) > 0 {
		sep()
		b = append(nested.appendText(append(b, "exec("...)), ')')
	}
	if alg != 0 {
		sep()
		switch alg {
		case 21:
			b = append(b, "alg=ftp"...)
		case 69:
			b = append(b, "alg=tftp"...)
		default:
			b = strconv.AppendUint(append(b, "alg="...), uint64(alg), 10)
		}
	}
	return append(b, ')')
}

// Bits of nx_action_nat (OVS, lib/ofp-actions.c, NX_NAT_F_* and NX_NAT_RANGE_*).
const (
	natSrc        = 1 << 0
	natDst        = 1 << 1
	natPersistent = 1 << 2
	natHash       = 1 << 3
	natRandom     = 1 << 4

	natIPv4Min  = 1 << 0
	natIPv4Max  = 1 << 1
	natIPv6Min  = 1 << 2
	natIPv6Max  = 1 << 3
	natProtoMin = 1 << 4
	natProtoMax = 1 << 5
)

// appendNAT appends a nat action: two bytes of padding, flags, the ranges that
// are present, and these. It returns false if they are cut short.
func appendNAT(b, p []byte) ([]byte, bool) {
	r := reader{b: p}
	r.skip(2, "padding")
	flags, present := r.u16("flags"), r.u16("range_present")
	var addr [2]netip.Addr
	for i, bit := range [...]uint16{natIPv4Min, natIPv4Max, natIPv6Min, natIPv6Max} {
		if present&bit != 0 {
			n := 4
			if bit >= natIPv6Min {
				n = 16
			}
			addr[i%2], _ = netip.AddrFromSlice(r.take(n, "address"))
		}
	}
	var port [2]uint16
	if present&natProtoMin != 0 {
		port[0] = r.u16("proto_min")
	}
	if present&natProtoMax != 0 {
		port[1] = r.u16("proto_max")
	}
	if r.err != nil {
		return b, false
	}
	b = append(b, "nat"...)
	switch {
	case flags&natSrc != 0:
		b = append(b, "(src"...)
	case flags&natDst != 0:
		b = append(b, "(dst"...)
	default:
		return b, true
	}
	if addr[0].IsValid() {
		v6 := addr[0].Is6() && present&natProtoMin != 0
		b = append(b, '=')
		if v6 {
			b = append(b, '[')
		}
		b = addr[0].AppendTo(b)
		if addr[1].IsValid() && addr[1] != addr[0] {
			b = addr[1].AppendTo(append(b, '-'))
		}
		if v6 {
			b = append(b, ']')
		}
	}
	if present&natProtoMin != 0 {
		if !addr[0].IsValid() {
			b = append(b, '=')
		}
		b = strconv.AppendUint(append(b, ':'), uint64(port[0]), 10)
		if port[1] != 0 && port[1] != port[0] {
			b = strconv.AppendUint(append(b, '-'), uint64(port[1]), 10)
		}
	}
	for _, f := range [...]struct {
		bit  uint16
		name string
	}{{natPersistent, ",persistent"}, {natHash, ",hash"}, {natRandom, ",random"}} {
		if flags&f.bit != 0 {
			b = append(b, f.name...)
		}
	}
	return append(b, ')'), true
}
