package openflow

// Instructions is a list of instructions as they are on the wire
// (OpenFlow 1.3.5, 7.2.4). The empty list drops the packet.
//
// The methods append one instruction and return the longer list, as append
// does; a buffer with room is reused without allocation.
type Instructions []byte

// Instruction types (OpenFlow 1.3.5, 7.2.4, ofp_instruction_type).
const (
	insGotoTable     = 1
	insWriteMetadata = 2
	insWriteActions  = 3
	insApplyActions  = 4
	insClearActions  = 5
	insMeter         = 6
	insExperimenter  = 0xffff
)

// ApplyActions applies a at once, in order. It copies a.
func (in Instructions) ApplyActions(a Actions) Instructions {
	return append(in.actions(insApplyActions, len(a)), a...)
}

// WriteActions merges a into the action set, which is applied when no
// goto_table follows. It copies a.
func (in Instructions) WriteActions(a Actions) Instructions {
	return append(in.actions(insWriteActions, len(a)), a...)
}

// ClearActions empties the action set.
func (in Instructions) ClearActions() Instructions { return in.actions(insClearActions, 0) }

func (in Instructions) actions(typ byte, n int) Instructions {
	n += 8
	return append(in, 0, typ, byte(n>>8), byte(n), 0, 0, 0, 0)
}

// BeginApply opens an apply_actions instruction and returns the same buffer as
// Actions, to which actions are appended without a copy. EndApply, given mark,
// closes it:
//
//	a, mark := in.BeginApply()
//	in = a.DecTTL().Output(7).EndApply(mark)
func (in Instructions) BeginApply() (a Actions, mark int) {
	return Actions(in.actions(insApplyActions, 0)), len(in)
}

// EndApply closes the instruction that BeginApply opened.
func (a Actions) EndApply(mark int) Instructions {
	be.PutUint16(a[mark+2:], uint16(len(a)-mark))
	return Instructions(a)
}

// GotoTable goes on to table t, which must have a higher number than the
// flow's.
func (in Instructions) GotoTable(t TableID) Instructions {
	return append(in, 0, insGotoTable, 0, 8, byte(t), 0, 0, 0)
}

// WriteMetadata sets the bits of the metadata that are 1 in mask.
func (in Instructions) WriteMetadata(v, mask uint64) Instructions {
	in = append(in, 0, insWriteMetadata, 0, 24, 0, 0, 0, 0)
	return be.AppendUint64(be.AppendUint64(in, v), mask)
}

// Meter sends the packet through a meter, which may drop it.
func (in Instructions) Meter(id uint32) Instructions {
	return be.AppendUint32(append(in, 0, insMeter, 0, 8), id)
}
