package openflow

import "net/netip"

// Actions is a list of actions as they are on the wire (OpenFlow 1.3.5, 7.2.5),
// each padded to a multiple of 8 bytes. The empty list drops the packet.
//
// The methods append one action and return the longer list, as append does; a
// buffer with room is reused without allocation.
type Actions []byte

// Action types (OpenFlow 1.3.5, 7.2.5, ofp_action_type).
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
)

// Subtypes of Nicira's actions (OVS, lib/ofp-actions.c, NXAST_RAW_*).
const (
	nxResubmit      = 1
	nxRegMove       = 6
	nxRegLoad       = 7
	nxNote          = 8
	nxResubmitTable = 14
	nxOutputReg     = 15
	nxStackPush     = 27
	nxStackPop      = 28
	nxRegLoad2      = 33
	nxConjunction   = 34
	nxCT            = 35
	nxNAT           = 36
	nxController2   = 37
	nxCTClear       = 43
	nxCheckLarger   = 49
)

// Experimenter ids.
const (
	// ExperimenterNicira is Nicira's id, which OVS's extensions have.
	ExperimenterNicira uint32 = 0x00002320
	// ExperimenterONF is the id of the Open Networking Foundation. Extensions that
	// bring features of later versions of OpenFlow to 1.3, such as bundles, have it.
	ExperimenterONF uint32 = 0x4f4e4600
)

// Output sends the packet out of a port. To PortController it sends the whole
// packet; see Controller.
func (a Actions) Output(p PortNo) Actions { return a.output(p, ControllerNoBuffer) }

// ControllerNoBuffer as the length given to Controller sends whole packets
// (OpenFlow 1.3.5, 7.2.5, OFPCML_NO_BUFFER).
const ControllerNoBuffer uint16 = 0xffff

// Controller sends at most maxLen bytes of the packet to the controller.
func (a Actions) Controller(maxLen uint16) Actions { return a.output(PortController, maxLen) }

func (a Actions) output(p PortNo, maxLen uint16) Actions {
	if p != PortController {
		maxLen = 0 // means nothing elsewhere; OVS shows it as 0
	}
	a = append(a, 0, actOutput, 0, 16)
	a = be.AppendUint32(a, uint32(p))
	return append(a, byte(maxLen>>8), byte(maxLen), 0, 0, 0, 0, 0, 0)
}

// SetField sets a field to the value of oxm, which must be exactly one field
// without a mask, for example Match(nil).IPProto(6). It panics otherwise.
func (a Actions) SetField(oxm Match) Actions {
	if len(oxm) < 4 || oxm[2]&1 != 0 || len(oxm) != 4+int(oxm[3]) {
		panic("openflow: set_field takes one field without a mask")
	}
	a, at := a.beginSet()
	return append(a, oxm...).endPadded(at)
}

// beginSet opens a set_field action, that endPadded closes.
func (a Actions) beginSet() (Actions, int) {
	return append(a, 0, actSetField, 0, 0), len(a)
}

// endPadded pads the action that starts at offset at and writes its length.
func (a Actions) endPadded(at int) Actions {
	n := len(a) - at
	a = appendZeros(a, pad8(n)-n)
	be.PutUint16(a[at+2:], uint16(len(a)-at))
	return a
}

func (a Actions) setMAC(f Field, v MAC) Actions {
	a, at := a.beginSet()
	return Actions(Match(a).mac(f, v)).endPadded(at)
}

func (a Actions) setIPv4(f Field, v netip.Addr) Actions {
	a, at := a.beginSet()
	return Actions(Match(a).ipv4(f, v)).endPadded(at)
}

func (a Actions) setIPv6(f Field, v netip.Addr) Actions {
	a, at := a.beginSet()
	return Actions(Match(a).ipv6(f, v)).endPadded(at)
}

func (a Actions) setU8(f Field, v uint8) Actions {
	a, at := a.beginSet()
	return Actions(Match(a).u8(f, v)).endPadded(at)
}

func (a Actions) setU16(f Field, v uint16) Actions {
	a, at := a.beginSet()
	return Actions(Match(a).u16(f, v)).endPadded(at)
}

func (a Actions) setU32(f Field, v uint32) Actions {
	a, at := a.beginSet()
	return Actions(Match(a).u32(f, v)).endPadded(at)
}

func (a Actions) setU64(f Field, v uint64) Actions {
	a, at := a.beginSet()
	return Actions(Match(a).u64(f, v)).endPadded(at)
}

// SetEthSrc sets the source MAC address.
func (a Actions) SetEthSrc(v MAC) Actions { return a.setMAC(FieldEthSrc, v) }

// SetEthDst sets the destination MAC address.
func (a Actions) SetEthDst(v MAC) Actions { return a.setMAC(FieldEthDst, v) }

// SetTunnelDst sets the address, of either family, of the VTEP that a tunnel port
// with remote_ip=flow sends to.
func (a Actions) SetTunnelDst(v netip.Addr) Actions {
	if v.Is4() {
		return a.setIPv4(FieldTunIPv4Dst, v)
	}
	return a.setIPv6(FieldTunIPv6Dst, v)
}

// SetTunnelID sets the key that a tunnel port with key=flow sends with; for
// VXLAN, its VNI.
func (a Actions) SetTunnelID(v uint64) Actions { return a.setU64(FieldTunnelID, v) }

// SetMetadata sets the 64 bits that tables hand to each other.
func (a Actions) SetMetadata(v uint64) Actions { return a.setU64(FieldMetadata, v) }

// SetReg sets register n, 0..15.
func (a Actions) SetReg(n int, v uint32) Actions { return a.setU32(FieldReg(n), v) }

// SetIPv4Src sets the source address. It panics if v is not IPv4.
func (a Actions) SetIPv4Src(v netip.Addr) Actions { return a.setIPv4(FieldIPv4Src, v) }

// SetIPv4Dst sets the destination address. It panics if v is not IPv4.
func (a Actions) SetIPv4Dst(v netip.Addr) Actions { return a.setIPv4(FieldIPv4Dst, v) }

// SetIPv6Src sets the source address. It panics if v is not IPv6.
func (a Actions) SetIPv6Src(v netip.Addr) Actions { return a.setIPv6(FieldIPv6Src, v) }

// SetIPv6Dst sets the destination address. It panics if v is not IPv6.
func (a Actions) SetIPv6Dst(v netip.Addr) Actions { return a.setIPv6(FieldIPv6Dst, v) }

// SetIPTTL sets the TTL or hop limit (NXM_NX_IP_TTL).
func (a Actions) SetIPTTL(v uint8) Actions { return a.setU8(FieldIPTTL, v) }

// SetARPOp sets the operation: 1 request, 2 reply.
func (a Actions) SetARPOp(v uint16) Actions { return a.setU16(FieldARPOp, v) }

// SetARPSha sets the sender's MAC address.
func (a Actions) SetARPSha(v MAC) Actions { return a.setMAC(FieldARPSha, v) }

// SetARPTha sets the target's MAC address.
func (a Actions) SetARPTha(v MAC) Actions { return a.setMAC(FieldARPTha, v) }

// SetARPSpa sets the sender's IPv4 address. It panics if v is not IPv4.
func (a Actions) SetARPSpa(v netip.Addr) Actions { return a.setIPv4(FieldARPSpa, v) }

// SetARPTpa sets the target's IPv4 address. It panics if v is not IPv4.
func (a Actions) SetARPTpa(v netip.Addr) Actions { return a.setIPv4(FieldARPTpa, v) }

// SetICMPType sets the type of an ICMP message.
func (a Actions) SetICMPType(v uint8) Actions { return a.setU8(FieldICMPType, v) }

// SetICMPCode sets the code of an ICMP message.
func (a Actions) SetICMPCode(v uint8) Actions { return a.setU8(FieldICMPCode, v) }

// SetICMPv6Type sets the type of an ICMPv6 message.
func (a Actions) SetICMPv6Type(v uint8) Actions { return a.setU8(FieldICMPv6Type, v) }

// SetNDReserved sets the 32 bits before the target of a message of neighbour
// discovery (FieldNDReserved).
func (a Actions) SetNDReserved(v uint32) Actions { return a.setU32(FieldNDReserved, v) }

// SetNDOptionsType sets the type of the option with a link-layer address: 1 of the
// source, 2 of the target (RFC 4861, 4.6.1).
func (a Actions) SetNDOptionsType(v uint8) Actions { return a.setU8(FieldNDOptionsType, v) }

// SetNDTLL sets the target's link-layer address. Open vSwitch takes it only in a
// flow that matches ICMPv6Type 136, and sets it only where the option is there.
func (a Actions) SetNDTLL(v MAC) Actions { return a.setMAC(FieldNDTLL, v) }

// DecTTL decrements the TTL or hop limit; a packet whose TTL runs out goes to
// the controller as invalid TTL and is processed no further.
func (a Actions) DecTTL() Actions { return append(a, 0, actDecNwTTL, 0, 8, 0, 0, 0, 0) }

// Group processes the packet by a group.
func (a Actions) Group(id uint32) Actions {
	return be.AppendUint32(append(a, 0, actGroup, 0, 8), id)
}

// SetQueue chooses the queue of the output port.
func (a Actions) SetQueue(id uint32) Actions {
	return be.AppendUint32(append(a, 0, actSetQueue, 0, 8), id)
}

// PushVLAN pushes a VLAN tag of that Ethernet type: 0x8100 or 0x88a8.
func (a Actions) PushVLAN(ethType uint16) Actions {
	return append(a, 0, actPushVLAN, 0, 8, byte(ethType>>8), byte(ethType), 0, 0)
}

// PopVLAN pops the outermost VLAN tag.
func (a Actions) PopVLAN() Actions { return append(a, 0, actPopVLAN, 0, 8, 0, 0, 0, 0) }

// SetVLANVID sets the id, 0..4095, of the outermost VLAN tag.
func (a Actions) SetVLANVID(v uint16) Actions { return a.setU16(FieldVLANVID, vidPresent|v) }
