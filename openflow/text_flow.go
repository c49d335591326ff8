package openflow

import "fmt"

// String returns the flow as "ovs-ofctl dump-flows" prints it without cookie
// and statistics, but always with table and priority:
//
//	table=0, priority=100,ip,in_port=3,nw_src=10.0.0.1 actions=dec_ttl,goto_table:10
//
// Fields and instructions stand in one order whatever theirs on the wire.
func (f *Flow) String() string { return string(f.appendText(nil)) }

func (f *Flow) appendText(b []byte) []byte {
	b = fmt.Appendf(b, "table=%d, ", f.Table)
	return f.appendRest(b)
}

// appendRest appends all that follows the statistics in a dump.
func (f *Flow) appendRest(b []byte) []byte {
	if f.IdleTimeout != 0 {
		b = fmt.Appendf(b, "idle_timeout=%d, ", f.IdleTimeout)
	}
	if f.HardTimeout != 0 {
		b = fmt.Appendf(b, "hard_timeout=%d, ", f.HardTimeout)
	}
	b = appendFlowFlags(b, f.Flags)
	b = fmt.Appendf(b, "priority=%d", f.Priority)
	if at := len(b); len(f.Match) > 0 {
		if b = f.Match.appendText(append(b, ',')); len(b) == at+1 {
			b = b[:at] // fields that match all
		}
	}
	return f.Instructions.appendText(append(b, " actions="...))
}

// flowFlagNames are the names of flow flags from bit 0 on.
var flowFlagNames = [...]string{"send_flow_rem", "check_overlap", "reset_counts",
	"no_packet_counts", "no_byte_counts"}

func appendFlowFlags(b []byte, flags uint16) []byte {
	for i, name := range flowFlagNames {
		if flags&(1<<i) != 0 {
			b = append(append(b, name...), ' ')
		}
	}
	if rest := flags &^ (1<<len(flowFlagNames) - 1); rest != 0 {
		b = fmt.Appendf(b, "flags:0x%x ", rest)
	}
	return b
}

// String returns the command before the flow, and what restricts it:
//
//	DEL table=255, cookie=0x12/0xffffffffffffffff, priority=0 actions=drop
func (m *FlowMod) String() string {
	b := fmt.Appendf(nil, "%v table=%d, cookie=%v", m.Command, m.Table, m.Cookie)
	if m.CookieMask != 0 {
		b = fmt.Appendf(b, "/0x%x", m.CookieMask)
	}
	b = append(b, ", "...)
	if m.OutPort != PortAny {
		b = fmt.Appendf(b, "out_port=%v, ", m.OutPort)
	}
	if m.OutGroup != GroupAny {
		b = fmt.Appendf(b, "out_group=%d, ", m.OutGroup)
	}
	if m.BufferID != NoBuffer {
		b = fmt.Appendf(b, "buffer=0x%x, ", m.BufferID)
	}
	return string(m.appendRest(b))
}

// String returns the flow with its cookie and counters as "ovs-ofctl dump-flows"
// prints it.
func (s *FlowStats) String() string {
	b := fmt.Appendf(nil, "cookie=%v, duration=%d.%03ds, table=%d, ",
		s.Cookie, s.DurationSec, s.DurationNsec/1e6, s.Table)
	if s.Packets != ^uint64(0) {
		b = fmt.Appendf(b, "n_packets=%d, ", s.Packets)
	}
	if s.Bytes != ^uint64(0) {
		b = fmt.Appendf(b, "n_bytes=%d, ", s.Bytes)
	}
	return string(s.appendRest(b))
}

// instructionOrder is the order in which a switch executes instructions
// (OpenFlow 1.3.5, 5.9), and in which they are printed.
var instructionOrder = [...]uint16{insMeter, insApplyActions, insClearActions,
	insWriteActions, insWriteMetadata, insGotoTable}

// String returns the instructions as ovs-ofctl prints them:
// "dec_ttl,goto_table:10", or "drop" if there are none.
func (in Instructions) String() string { return string(in.appendText(nil)) }

func (in Instructions) appendText(b []byte) []byte {
	if in.check() != nil {
		return appendHexDigits(append(b, "malformed:"...), in)
	}
	start := len(b)
	put := func(typ uint16, body []byte) {
		at := len(b)
		if at > start {
			b = append(b, ',')
		}
		with := len(b)
		if b = appendInstruction(b, typ, body); len(b) == with {
			b = b[:at] // no actions, no text
		}
	}
	for _, want := range instructionOrder {
		in.each(func(typ uint16, body []byte) {
			if typ == want {
				put(typ, body)
			}
		})
	}
	in.each(func(typ uint16, body []byte) {
		if typ == 0 || typ > insMeter {
			put(typ, body)
		}
	})
	if len(b) == start {
		b = append(b, "drop"...)
	}
	return b
}

// each calls do for every instruction of a well-formed list.
func (in Instructions) each(do func(typ uint16, body []byte)) {
	for len(in) > 0 {
		typ, body, rest, err := nextTLV(in)
		if err != nil {
			return
		}
		do(typ, body)
		in = rest
	}
}

// appendInstruction appends one instruction that checkInstruction accepts.
func appendInstruction(b []byte, typ uint16, body []byte) []byte {
	switch typ {
	case insApplyActions:
		return Actions(body[4:]).appendText(b)
	case insWriteActions:
		return fmt.Appendf(b, "write_actions(%v)", Actions(body[4:]))
	case insClearActions:
		return append(b, "clear_actions"...)
	case insGotoTable:
		return fmt.Appendf(b, "goto_table:%d", body[0])
	case insMeter:
		return fmt.Appendf(b, "meter:%d", be.Uint32(body))
	case insWriteMetadata:
		b = fmt.Appendf(b, "write_metadata:0x%x", be.Uint64(body[4:]))
		if mask := be.Uint64(body[12:]); mask != ^uint64(0) {
			b = fmt.Appendf(b, "/0x%x", mask)
		}
		return b
	}
	b = append(append(b, instructionName(typ)...), ':')
	return appendHexDigits(b, body)
}
