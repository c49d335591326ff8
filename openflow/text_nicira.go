package openflow

import (
	"fmt"
	"strconv"
	"strings"
)

// appendExperimenter appends an experimenter's action, whose body starts with
// the experimenter's id. What is not known is given in hexadecimal.
func appendExperimenter(b, body []byte) []byte {
	if be.Uint32(body) == ExperimenterNicira && len(body) >= 12 {
		if text, ok := appendNicira(b, be.Uint16(body[4:]), body[6:]); ok {
			return text
		}
	}
	b = fmt.Appendf(b, "experimenter(0x%x):", be.Uint32(body))
	return appendHexDigits(b, body[4:])
}

// appendNicira appends a Nicira action whose body, of at least 6 bytes, starts
// after the subtype. It returns false if it does not know it.
func appendNicira(b []byte, subtype uint16, p []byte) ([]byte, bool) {
	switch {
	case subtype == nxRegMove && len(p) == 14:
		n, src, dst := int(be.Uint16(p)), int(be.Uint16(p[2:])), int(be.Uint16(p[4:]))
		b = appendSubfield(append(b, "move:"...), Field(be.Uint32(p[6:])), src, n)
		return appendSubfield(append(b, "->"...), Field(be.Uint32(p[10:])), dst, n), true
	case subtype == nxRegLoad && len(p) == 14:
		b = appendHexBytes(append(b, "load:"...), p[6:14])
		off, n := int(be.Uint16(p)>>6), int(be.Uint16(p)&0x3f)+1
		return appendSubfield(append(b, "->"...), Field(be.Uint32(p[2:])), off, n), true
	case subtype == nxRegLoad2 && len(p) >= 6:
		if o, _, err := nextOXM(p[6:]); err == nil {
			return appendSetField(b, o), true
		}
	case (subtype == nxStackPush || subtype == nxStackPop) && len(p) == 14:
		word := "push:"
		if subtype == nxStackPop {
			word = "pop:"
		}
		return appendSubfield(append(b, word...), Field(be.Uint32(p[2:])), int(be.Uint16(p)), int(be.Uint16(p[6:]))), true
	case subtype == nxResubmitTable && len(p) == 6:
		return appendResubmit(b, be.Uint16(p), TableID(p[2])), true
	case subtype == nxResubmit && len(p) == 6:
		return appendResubmit(b, be.Uint16(p), TableAll), true
	case subtype == nxConjunction && len(p) == 6:
		return fmt.Appendf(b, "conjunction(%d,%d/%d)", be.Uint32(p[2:]), int(p[0])+1, p[1]), true
	case subtype == nxCTClear && len(p) == 6:
		return append(b, "ct_clear"...), true
	case subtype == nxNote:
		return appendNote(b, p), true
	case subtype == nxOutputReg && len(p) == 14:
		off, n := int(be.Uint16(p)>>6), int(be.Uint16(p)&0x3f)+1
		return appendSubfield(append(b, "output:"...), Field(be.Uint32(p[2:])), off, n), true
	case subtype == nxCheckLarger && len(p) == 14:
		b = fmt.Appendf(b, "check_pkt_larger(%d)->", be.Uint16(p))
		return appendSubfield(b, Field(be.Uint32(p[4:])), int(be.Uint16(p[2:])), 1), true
	case subtype == nxCT && len(p) >= 14:
		return appendCT(b, p), true
	case subtype == nxController2 && len(p) >= 6:
		return appendController2(b, p[6:])
	case subtype == nxLearn2:
		return appendLearn(b, p)
	case subtype == nxNAT:
		return appendNAT(b, p)
	}
	return b, false
}

func appendResubmit(b []byte, port uint16, t TableID) []byte {
	p := PortNo(port)
	if p >= 0xff00 {
		p |= 0xffff0000 // OpenFlow 1.0's number of a reserved port
	}
	if t == TableAll {
		return p.appendText(append(b, "resubmit:"...))
	}
	b = append(b, "resubmit("...)
	if p != PortInPort {
		b = p.appendText(b)
	}
	return append(strconv.AppendUint(append(b, ','), uint64(t), 10), ')')
}

// appendNote appends the bytes of a note; trailing zeros are its padding.
func appendNote(b, p []byte) []byte {
	b = append(b, "note:"...)
	for i := range p {
		if i > 0 {
			b = append(b, '.')
		}
		b = appendHexDigits(b, p[i:i+1])
	}
	return b
}

// appendController2 appends a controller action with properties; false if it has one
// that ControllerUserdata does not write.
func appendController2(b, props []byte) ([]byte, bool) {
	var words []string
	for r := (reader{b: props}); len(r.b) > 0; {
		typ, n := r.u16("type"), int(r.u16("length"))
		value := r.take(n-4, "value")
		r.skip(pad8(n)-n, "padding")
		switch {
		case r.err != nil:
			return b, false
		case typ == controllerMaxLen && len(value) == 4:
			words = append(words, fmt.Sprintf("max_len=%d", be.Uint16(value)))
		case typ == controllerUserdata && len(value) > 0:
			words = append(words, "userdata="+strings.ReplaceAll(fmt.Sprintf("% x", value), " ", "."))
		default:
			return b, false
		}
	}
	return append(append(append(b, "controller("...), strings.Join(words, ",")...), ')'), true
}
