package simswitch

import "github.com/sdnctl/sdnctl/openflow"

// Action types (OpenFlow 1.3.5, 7.2.5), and those subtypes of Nicira's action (OVS,
// lib/ofp-actions.c) whose fields the simulator checks.
const (
	actOutput       = 0
	actPushVLAN     = 17
	actPopVLAN      = 18
	actSetQueue     = 21
	actGroup        = 22
	actSetNwTTL     = 23
	actDecNwTTL     = 24
	actSetField     = 25
	actExperimenter = 0xffff

	nxRegMove   = 6
	nxRegLoad   = 7
	nxStackPush = 27
	nxStackPop  = 28
	// Other subtypes of Nicira's action are accepted unchecked, up to this one.
	nxLast = 52
)

// niciraHeader is the length of a Nicira action up to its own fields: type,
// length, experimenter and subtype.
const niciraHeader = 10

// actions appends actions in the form in which the switch shows them. It sets p.inconsistent
// if they do not fit the match of the flow.
func (p *program) actions(b, in []byte) ([]byte, refusal) {
	for len(in) > 0 {
		n, why := actionLength(in)
		if why == accepted {
			b, why = p.action(b, in[:n])
		}
		if why != accepted {
			return b, why
		}
		in = in[n:]
	}
	return b, accepted
}

// actionLength returns the length of the first action, whose kind must be
// known.
func actionLength(in []byte) (int, refusal) {
	if len(in) < 8 {
		return 0, actionBadLength
	}
	least, most := 8, 8
	switch be.Uint16(in) {
	case actOutput:
		least, most = 16, 16
	case actPushVLAN, actPopVLAN, actSetQueue, actGroup, actSetNwTTL, actDecNwTTL:
	case actSetField:
		most = openflow.MaxMessageLen
	case actExperimenter:
		if be.Uint32(in[4:]) != openflow.ExperimenterNicira {
			return 0, actionBadExperimenter
		}
		if len(in) < niciraHeader || be.Uint16(in[8:]) == 0 || be.Uint16(in[8:]) > nxLast {
			return 0, actionBadExpType
		}
		least, most = 16, openflow.MaxMessageLen
		if s := be.Uint16(in[8:]); s == nxRegMove || s == nxRegLoad || s == nxStackPush || s == nxStackPop {
			least = 24
		}
	default:
		return 0, actionBadType
	}
	n := int(be.Uint16(in[2:]))
	if n > len(in) || n < least || n > most || n%8 != 0 {
		return 0, actionBadLength
	}
	return n, accepted
}

// action appends one action in the form in which the switch shows it.
func (p *program) action(b, one []byte) ([]byte, refusal) {
	switch be.Uint16(one) {
	case actOutput:
		return append(b, one...), checkOutput(openflow.PortNo(be.Uint32(one[4:])))
	case actPushVLAN:
		if t := be.Uint16(one[4:]); t != 0x8100 && t != 0x88a8 {
			return b, actionBadArgument
		}
		p.vlan = true
	case actPopVLAN:
		p.demand(needsVLAN)
		p.vlan = false
	case actGroup:
		p.needs = append(p.needs, need{group: true, id: be.Uint32(one[4:])})
	case actDecNwTTL, actSetNwTTL:
		p.demand(needsIP)
	case actSetField:
		return p.setField(b, one)
	case actExperimenter:
		switch be.Uint16(one[8:]) {
		case nxRegMove:
			return p.regMove(b, one)
		case nxRegLoad:
			return p.regLoad(b, one)
		case nxStackPush, nxStackPop:
			return p.stack(b, one)
		}
	}
	return append(b, one...), accepted
}

// checkOutput checks the port of an output action.
func checkOutput(p openflow.PortNo) refusal {
	switch p {
	case openflow.PortInPort, openflow.PortTable, openflow.PortNormal, openflow.PortFlood,
		openflow.PortAll, openflow.PortController, openflow.PortLocal:
		return accepted
	}
	if p < ofpMax {
		return accepted
	}
	return actionBadOutPort
}

// demand sets p.inconsistent if packets do not meet a prerequisite at this point of the
// actions.
func (p *program) demand(of prerequisite) {
	switch {
	case p.m == nil:
	case of == needsVLAN && !p.vlan, of != needsVLAN && !p.m.has(of):
		p.inconsistent = true
	}
}

// setField checks a set_field action, and appends it.
func (p *program) setField(b, one []byte) ([]byte, refusal) {
	if len(one) < 8 {
		return b, actionBadLength
	}
	h := openflow.Field(be.Uint32(one[4:]))
	known, length := knownNumber(h)
	t, rest, why := splitTerm(one[4:])
	switch {
	case !known:
		return b, actionBadSetType
	case !length:
		return b, actionBadSetLength
	case why == matchBadValue:
		return b, actionBadSetArgument
	case why != accepted:
		return b, why
	case t.mask != nil:
		return b, actionBadSetMask
	case !allOf(rest, 0), t.readOnly, t.oxm == openflow.FieldOXMInPort:
		return b, actionBadSetArgument
	case t.oxm == openflow.FieldVLANVID && be.Uint16(t.value)&vlanPresent == 0:
		return b, actionBadSetArgument
	}
	at := len(b)
	b = append(b, one[:4]...)
	b = append(be.AppendUint32(b, uint32(t.oxm)), t.value...)
	for (len(b)-at)%8 != 0 {
		b = append(b, 0)
	}
	be.PutUint16(b[at+2:], uint16(len(b)-at))
	p.demand(t.needs)
	if t.oxm == openflow.FieldVLANVID {
		p.demand(needsVLAN)
	}
	return b, accepted
}

// regMove checks NXAST_REG_MOVE, and appends it.
func (p *program) regMove(b, one []byte) ([]byte, refusal) {
	bits, from, to := be.Uint16(one[10:]), be.Uint16(one[12:]), be.Uint16(one[14:])
	src, dst := fieldsByHeader[openflow.Field(be.Uint32(one[16:]))], fieldsByHeader[openflow.Field(be.Uint32(one[20:]))]
	if src == nil || dst == nil {
		return b, actionBadSetType
	}
	b = append(b, one[:16]...)
	b = be.AppendUint32(b, uint32(src.move))
	b = append(be.AppendUint32(b, uint32(dst.move)), one[24:]...)
	why := p.reads(src, from, bits)
	if why == accepted {
		why = p.writes(dst, to, bits)
	}
	return b, why
}

// regLoad checks NXAST_REG_LOAD, and appends it.
func (p *program) regLoad(b, one []byte) ([]byte, refusal) {
	off, bits := be.Uint16(one[10:])>>6, be.Uint16(one[10:])&0x3f+1
	dst := fieldsByHeader[openflow.Field(be.Uint32(one[12:]))]
	if dst == nil {
		return b, actionBadSetType
	}
	if bits < 64 && be.Uint64(one[16:])>>bits != 0 {
		return b, actionBadArgument
	}
	b = append(b, one[:12]...)
	b = append(be.AppendUint32(b, uint32(dst.move)), one[16:]...)
	return b, p.writes(dst, off, bits)
}

// stack checks NXAST_STACK_PUSH or NXAST_STACK_POP, and appends it.
func (p *program) stack(b, one []byte) ([]byte, refusal) {
	f := fieldsByHeader[openflow.Field(be.Uint32(one[12:]))]
	if f == nil {
		return b, actionBadSetType
	}
	b = append(b, one[:12]...)
	b = append(be.AppendUint32(b, uint32(f.move)), one[16:]...)
	judge := p.writes
	if be.Uint16(one[8:]) == nxStackPush {
		judge = p.reads
	}
	return b, judge(f, be.Uint16(one[10:]), be.Uint16(one[16:]))
}

// reads checks a part of a field that an action reads.
func (p *program) reads(f *field, off, bits uint16) refusal {
	if bits == 0 || off+bits > f.bits {
		return actionBadSetLength
	}
	p.demand(f.needs)
	return accepted
}

// writes checks a part of a field that an action writes.
func (p *program) writes(f *field, off, bits uint16) refusal {
	if why := p.reads(f, off, bits); why != accepted {
		return why
	}
	if f.readOnly {
		return actionBadSetArgument
	}
	return accepted
}

// outputsTo reports whether actions within instructions output to a port.
func outputsTo(instructions []byte, port openflow.PortNo) bool {
	for len(instructions) > 0 {
		n := int(be.Uint16(instructions[2:]))
		if t := be.Uint16(instructions); t == insApplyActions || t == insWriteActions {
			for a := instructions[8:n]; len(a) > 0; a = a[be.Uint16(a[2:]):] {
				if be.Uint16(a) == actOutput && openflow.PortNo(be.Uint32(a[4:])) == port {
					return true
				}
			}
		}
		instructions = instructions[n:]
	}
	return false
}
