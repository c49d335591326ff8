package openflow

import (
	"slices"
	"strconv"
)

// String returns the match as ovs-ofctl prints it, fields in its order and with
// its short forms: "ip,in_port=3,nw_dst=10.0.0.0/24". The empty match gives "".
func (m Match) String() string { return string(m.appendText(nil)) }

func (m Match) appendText(b []byte) []byte {
	type item struct {
		OXM
		info *fieldInfo
		rank int
	}
	var items []item
	var ethType, ipProto []byte
	for o := range m.All() {
		o = o.fromONF()
		i := item{OXM: o, info: fieldsByHeader[o.Field], rank: 1 << 16}
		if i.info != nil {
			i.rank = i.info.rank
			switch {
			case allBytes(o.Mask, 0xff):
				i.Mask = nil // as good as none
			case allBytes(o.Mask, 0):
				continue // matches all
			}
			switch i.info.field {
			case FieldEthType:
				ethType = i.exact()
			case FieldIPProto:
				ipProto = i.exact()
			}
		}
		items = append(items, i)
	}
	slices.SortStableFunc(items, func(a, b item) int { return a.rank - b.rank })

	start := len(b)
	comma := func() {
		if len(b) > start {
			b = append(b, ',')
		}
	}
	short, coversProto := shorthand(ethType, ipProto)
	if ethType == nil {
		short = ""
	}
	shortDone := short == ""
	putShort := func() {
		if !shortDone {
			comma()
			b = append(b, short...)
			shortDone = true
		}
	}
	for _, i := range items {
		if i.rank >= shorthandRank {
			putShort()
		}
		switch {
		case i.info == nil:
			comma()
			b = appendUnknownOXM(b, i.OXM)
			continue
		case i.info.field == FieldEthType && ethType != nil,
			i.info.field == FieldIPProto && coversProto:
			continue
		}
		comma()
		if i.info.format == fmtVLAN {
			b = appendVLANMatch(b, i.Value, i.Mask)
			continue
		}
		b = append(append(b, i.info.match...), '=')
		b = i.info.appendValue(b, i.Value, i.Mask)
	}
	putShort()
	return b
}

// fromONF returns ONF's experimenter field tcp_flags (ONF extension 109), which
// is what OVS says to OpenFlow 1.3, as if it were Nicira's, and others as they
// are.
func (o OXM) fromONF() OXM {
	if o.Field&^(maskBit|0xff) != onfTCPFlags || be.Uint32(o.Value) != ExperimenterONF {
		return o
	}
	switch v := o.Value[4:]; {
	case o.Field&maskBit == 0 && len(v) == 2:
		return OXM{Field: FieldTCPFlags, Value: v}
	case o.Field&maskBit != 0 && len(v) == 4:
		return OXM{Field: FieldTCPFlags, Value: v[:2], Mask: v[2:]}
	}
	return o
}

// exact returns the value of a field that has no mask, else nil.
func (o *OXM) exact() []byte {
	if o.Mask != nil {
		return nil
	}
	return o.Value
}

// shorthand returns the short form of an Ethernet type and IP protocol, and
// whether it says both.
func shorthand(ethType, ipProto []byte) (short string, coversProto bool) {
	six := ""
	switch t := number(ethType); t {
	case 0x0800:
		short = "ip"
	case 0x86dd:
		short, six = "ipv6", "6"
	case 0x0806:
		return "arp", false
	case 0x8035:
		return "rarp", false
	case 0x8847:
		return "mpls", false
	case 0x8848:
		return "mplsm", false
	default:
		return "dl_type=0x" + string(appendHexDigits(nil, ethType)), false
	}
	if len(ipProto) == 1 {
		switch p := ipProto[0]; {
		case p == 1 && six == "", p == 58 && six != "":
			return "icmp" + six, true
		case p == 6:
			return "tcp" + six, true
		case p == 17:
			return "udp" + six, true
		case p == 132:
			return "sctp" + six, true
		}
	}
	return short, false
}

// appendVLANMatch appends a match of OXM_OF_VLAN_VID, whose bit 12 says that
// there is a tag (OpenFlow 1.3.5, 7.2.3.8).
func appendVLANMatch(b, value, mask []byte) []byte {
	v, m := number(value), uint64(0x1fff)
	if mask != nil {
		m = number(mask) & 0x1fff
	}
	if m == 0x1fff && v&vidPresent != 0 {
		return strconv.AppendUint(append(b, "dl_vlan="...), v&0xfff, 10)
	}
	b = append(b, "vlan_tci=0x"...)
	b = appendHexDigits(b, []byte{byte(v >> 8), byte(v)})
	b = append(b, "/0x"...)
	return appendHexDigits(b, []byte{byte(m >> 8), byte(m)})
}

// appendUnknownOXM appends class, number and bytes of a field that is not known.
func appendUnknownOXM(b []byte, o OXM) []byte {
	b = append(b, o.Field.String()...)
	b = appendHexDigits(append(b, "=0x"...), o.Value)
	if o.Mask != nil {
		b = appendHexDigits(append(b, "/0x"...), o.Mask)
	}
	return b
}
