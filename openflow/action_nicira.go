package openflow

// nicira appends the header of a Nicira action of length bytes in all.
func (a Actions) nicira(subtype uint16, length int) Actions {
	return append(a, 0xff, 0xff, byte(length>>8), byte(length),
		0, 0, 0x23, 0x20, byte(subtype>>8), byte(subtype))
}

// Move copies nBits bits of src from bit srcOff to bit dstOff of dst; bit 0 is
// the least significant (NXAST_REG_MOVE). A field that has a name in NXM too is
// written by that, as Open vSwitch writes it when it is asked for its flows: so
// what comes back is what was sent.
func (a Actions) Move(src, dst Field, srcOff, dstOff, nBits int) Actions {
	a = a.nicira(nxRegMove, 24)
	a = be.AppendUint16(a, uint16(nBits))
	a = be.AppendUint16(a, uint16(srcOff))
	a = be.AppendUint16(a, uint16(dstOff))
	a = be.AppendUint32(a, uint32(src.nxm()))
	return be.AppendUint32(a, uint32(dst.nxm()))
}

// Load sets nBits bits, 1..64, of dst from bit off on to value
// (NXAST_REG_LOAD). Load(FieldInPort, 0, 16, 0) lets a packet out of the port
// it came in at.
func (a Actions) Load(dst Field, off, nBits int, value uint64) Actions {
	a = a.nicira(nxRegLoad, 24)
	a = be.AppendUint16(a, uint16(off)<<6|uint16(nBits-1)&0x3f)
	a = be.AppendUint32(a, uint32(dst.nxm()))
	return be.AppendUint64(a, value)
}

// Push copies nBits bits of src, from bit off on, to the top of a stack that the
// packet takes along from table to table (NXAST_STACK_PUSH).
func (a Actions) Push(src Field, off, nBits int) Actions {
	return a.stack(nxStackPush, src, off, nBits)
}

// Pop takes what is on top of the stack into nBits bits of dst, from bit off on
// (NXAST_STACK_POP).
func (a Actions) Pop(dst Field, off, nBits int) Actions { return a.stack(nxStackPop, dst, off, nBits) }

func (a Actions) stack(subtype uint16, f Field, off, nBits int) Actions {
	a = be.AppendUint16(a.nicira(subtype, 24), uint16(off))
	a = be.AppendUint32(a, uint32(f.nxm()))
	a = be.AppendUint16(a, uint16(nBits))
	return append(a, 0, 0, 0, 0, 0, 0)
}

// OutputReg outputs to the port whose number is in nBits bits of src from bit
// off on; not to the port that the packet came in at, as it is in FieldInPort
// then (NXAST_OUTPUT_REG).
func (a Actions) OutputReg(src Field, off, nBits int) Actions {
	a = a.nicira(nxOutputReg, 24)
	a = be.AppendUint16(a, uint16(off)<<6|uint16(nBits-1)&0x3f)
	a = be.AppendUint32(a, uint32(src.nxm()))
	a = be.AppendUint16(a, ControllerNoBuffer) // if the port is the controller's
	return append(a, 0, 0, 0, 0, 0, 0)
}

// CheckLarger sets bit off of dst to whether the packet is larger than length bytes, with its Ethernet
// header of 14 bytes (NXAST_CHECK_PKT_LARGER; Open vSwitch 2.12).
func (a Actions) CheckLarger(length uint16, dst Field, off int) Actions {
	a = be.AppendUint16(a.nicira(nxCheckLarger, 24), length)
	a = be.AppendUint16(a, uint16(off))
	a = be.AppendUint32(a, uint32(dst.nxm()))
	return append(a, 0, 0, 0, 0, 0, 0)
}

// Resubmit searches a table again, as if the packet came in at port p
// (PortInPort leaves it as it is), and then goes on with the next action
// (NXAST_RESUBMIT_TABLE).
func (a Actions) Resubmit(p PortNo, t TableID) Actions {
	a = a.nicira(nxResubmitTable, 16)
	a = be.AppendUint16(a, uint16(p)) // reserved ports keep their low 16 bits
	return append(a, byte(t), 0, 0, 0)
}

// Conjunction makes the flow clause k of n (1 <= k <= n <= 64) of the
// conjunctive match id (NXAST_CONJUNCTION).
func (a Actions) Conjunction(id uint32, k, n uint8) Actions {
	a = append(a.nicira(nxConjunction, 16), k-1, n)
	return be.AppendUint32(a, id)
}

// Properties of ControllerUserdata (OVS, enum nx_action_controller2_prop_type).
const (
	controllerMaxLen   = 0
	controllerUserdata = 3
)

// ControllerUserdata sends at most maxLen bytes of the packet to the controller, with
// data that the controller gets back as PacketIn.Userdata, where it asked for PacketIn2
// (NXAST_CONTROLLER2). Open vSwitch takes up to 65,000 bytes of data.
func (a Actions) ControllerUserdata(maxLen uint16, data []byte) Actions {
	at := len(a)
	a = appendZeros(a.nicira(nxController2, 0), 6)
	if maxLen != ControllerNoBuffer {
		// Open vSwitch counts the padding of a number among the property's length.
		a = appendProperty(a, controllerMaxLen, append(be.AppendUint16(nil, maxLen), 0, 0))
	}
	return Actions(appendProperty(a, controllerUserdata, data)).endPadded(at)
}
