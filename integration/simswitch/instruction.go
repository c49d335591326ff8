package simswitch

import "github.com/sdnctl/sdnctl/openflow"

// Instruction types (OpenFlow 1.3.5, 7.2.4).
const (
	insGotoTable     = 1
	insWriteMetadata = 2
	insWriteActions  = 3
	insApplyActions  = 4
	insClearActions  = 5
	insMeter         = 6
	insExperimenter  = 0xffff
)

// instructionOrder is the order in which Open vSwitch keeps and shows
// instructions.
func instructionOrder() [6]int {
	return [...]int{insMeter, insApplyActions, insClearActions, insWriteActions, insWriteMetadata, insGotoTable}
}

// program checks instructions, and encodes them as Open vSwitch shows them.
type program struct {
	table openflow.TableID
	// m is the match of the flow, for the prerequisites of actions; nil for a bucket or a
	// packet-out, whose packets are unknown.
	m *match
	// needs are the groups and meters that must exist when the flow is added, in the order
	// in which Open vSwitch checks them.
	needs []need
	// late is a reason to refuse a flow that applies only after all of its instructions were
	// decoded. An action that does not fit the match is checked last.
	late         refusal
	inconsistent bool
	// vlan says whether packets have a VLAN tag at this point of the actions.
	vlan bool
}

// append appends in, the instructions of a flow-mod, in the form in which the switch shows
// them.
func (p *program) append(b, in []byte) ([]byte, refusal) {
	p.needs, p.late, p.inconsistent, p.vlan = p.needs[:0], accepted, false, p.m.vlan
	var found [insMeter + 1][]byte
	if len(in)%8 != 0 {
		return b, instructionBadLength
	}
	for len(in) > 0 {
		typ, n := int(be.Uint16(in)), int(be.Uint16(in[2:]))
		if n < 8 || n%8 != 0 || n > len(in) {
			return b, instructionBadLength
		}
		if why := checkInstruction(typ, n); why != accepted {
			return b, why
		}
		if found[typ] != nil {
			return b, instructionDuplicate
		}
		found[typ], in = in[:n], in[n:]
	}
	for _, typ := range instructionOrder() {
		one := found[typ]
		if one == nil {
			continue
		}
		switch typ {
		case insApplyActions, insWriteActions:
			at := len(b)
			b = append(b, one[:8]...)
			var why refusal
			if b, why = p.actions(b, one[8:]); why != accepted {
				return b, why
			}
			if len(b)-at == 8 {
				b = b[:at] // no actions at all
				continue
			}
			be.PutUint16(b[at+2:], uint16(len(b)-at))
			continue
		case insGotoTable:
			if p.table != openflow.TableAll && one[4] <= byte(p.table) {
				p.late = first(p.late, instructionBadTableID)
			}
		case insMeter:
			id := be.Uint32(one[4:])
			if id < openflow.MeterMin || id > openflow.MeterMax {
				p.late = meterInvalid // the first late check
			}
			p.needs = append(p.needs, need{id: id})
		}
		b = append(b, one...)
	}
	return b, accepted
}

// first returns a, or b if a is accepted.
func first(a, b refusal) refusal {
	if a != accepted {
		return a
	}
	return b
}

func checkInstruction(typ, n int) refusal {
	want := n
	switch typ {
	case insGotoTable, insMeter, insClearActions:
		want = 8
	case insWriteMetadata:
		want = 24
	case insWriteActions, insApplyActions:
	case insExperimenter:
		return instructionBadExperimenter
	default:
		return instructionUnknown
	}
	if n != want {
		return instructionBadLength
	}
	return accepted
}
