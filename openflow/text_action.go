package openflow

import (
	"strconv"
)

// String returns the actions as ovs-ofctl prints them: "dec_ttl,output:3", or
// "drop" if there are none.
func (a Actions) String() string {
	if len(a) == 0 {
		return "drop"
	}
	return string(a.appendText(nil))
}

func (a Actions) appendText(b []byte) []byte {
	for i := 0; len(a) > 0; i++ {
		typ, body, rest, err := nextTLV(a)
		if err == nil {
			err = checkAction(typ, body)
		}
		if i > 0 {
			b = append(b, ',')
		}
		if err != nil {
			return appendHexDigits(append(b, "malformed:"...), a)
		}
		b = appendAction(b, typ, body)
		a = rest
	}
	return b
}

// appendAction appends one action that checkAction accepts.
func appendAction(b []byte, typ uint16, body []byte) []byte {
	switch typ {
	case actOutput:
		return appendOutput(b, PortNo(be.Uint32(body)), be.Uint16(body[4:]))
	case actGroup:
		return strconv.AppendUint(append(b, "group:"...), number(body), 10)
	case actSetQueue:
		return strconv.AppendUint(append(b, "set_queue:"...), number(body), 10)
	case actPushVLAN:
		return appendHexDigits(append(b, "push_vlan:0x"...), body[:2])
	case actSetNwTTL:
		return strconv.AppendUint(append(b, "mod_nw_ttl:"...), uint64(body[0]), 10)
	case actPopVLAN, actDecNwTTL:
		return append(b, actionName(typ)...)
	case actSetField:
		if o, _, err := nextOXM(body); err == nil {
			return appendSetField(b, o)
		}
	case actExperimenter:
		return appendExperimenter(b, body)
	}
	b = append(append(b, actionName(typ)...), ':')
	return appendHexDigits(b, body)
}

func appendOutput(b []byte, p PortNo, maxLen uint16) []byte {
	switch {
	case p == PortController:
		return strconv.AppendUint(append(b, "CONTROLLER:"...), uint64(maxLen), 10)
	case p >= PortInPort && p <= PortLocal:
		return p.appendText(b)
	}
	return p.appendText(append(b, "output:"...))
}

func appendSetField(b []byte, o OXM) []byte {
	b = append(b, "set_field:"...)
	info := fieldsByHeader[o.Field]
	switch {
	case info == nil:
		b = appendHexDigits(append(b, "0x"...), o.Value)
		if o.Mask != nil {
			b = appendHexDigits(append(b, "/0x"...), o.Mask)
		}
	case info.format == fmtTOS && o.Mask == nil: // here the value as it is
		b = strconv.AppendUint(b, number(o.Value), 10)
	default:
		b = info.appendValue(b, o.Value, o.Mask)
	}
	return append(append(b, "->"...), o.Field.String()...)
}

// appendSubfield appends NAME[], or NAME[off..end] if the bits are not all.
func appendSubfield(b []byte, f Field, off, n int) []byte {
	b = append(append(b, f.nxmName()...), '[')
	if off != 0 || n != f.Bits() {
		b = strconv.AppendInt(b, int64(off), 10)
		if n > 1 {
			b = append(b, ".."...)
			b = strconv.AppendInt(b, int64(off+n-1), 10)
		}
	}
	return append(b, ']')
}
