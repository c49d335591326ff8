package simswitch

import "github.com/sdnctl/sdnctl/openflow"

// setAsync handles SET_ASYNC, which sets the masks of three kinds of asynchronous messages
// and turns all others off.
func (c *conn) setAsync(msg []byte) refusal {
	var m openflow.SetAsync
	why := decodeInto(msg, &m)
	if why != accepted {
		return why
	}
	for i := range 2 {
		m.PacketIn[i] &= asyncPacketIn
		m.PortStatus[i] &= asyncPortStatus
		m.FlowRemoved[i] &= asyncFlowRemoved
	}
	c.async, c.forwards = m.AsyncMasks, [2]uint32{}
	return accepted
}

// Reasons that a mask may have.
const (
	asyncPacketIn    = 0x7
	asyncPortStatus  = 0x7
	asyncFlowRemoved = 0x3f // including those of OpenFlow 1.4 and Open vSwitch
	asyncRoleStatus  = 0x7
	asyncTableStatus = 0x18
)

// The length of properties in NXT_SET_ASYNC_CONFIG2, and the first type of experimenter
// properties.
const (
	asyncPropLen             = 8
	asyncExperimenter uint16 = 0xfffe
)

// setAsyncConfig handles NXT_SET_ASYNC_CONFIG2, in which each property sets one mask (OpenFlow
// 1.4.1, 7.3.10). If it refuses the message, no mask has changed.
func (c *conn) setAsyncConfig(msg []byte) refusal {
	if len(msg)%8 != 0 {
		return badLength
	}
	async, forwards := c.async, c.forwards
	for b := msg[expHeaderLen:]; len(b) > 0; b = b[asyncPropLen:] {
		kind := be.Uint16(b)
		switch n := int(be.Uint16(b[2:])); {
		case n < 4 || pad8(n) > len(b), kind >= asyncExperimenter && n < 12:
			return propertyBadLength
		case kind >= asyncExperimenter && be.Uint32(b[4:]) == 0:
			return propertyBadExp
		case kind >= asyncExperimenter:
			return propertyBadExpType
		case kind > openflow.AsyncRequestForwardMaster:
			return asyncUnsupported
		case n != asyncPropLen:
			return propertyBadLength
		}
		// Types for slaves are even and those for masters odd; c.async has masters first.
		at := 1 - kind%2
		mask := be.Uint32(b[4:])
		set, allowed := (*uint32)(nil), uint32(0)
		switch kind / 2 {
		case 0:
			set, allowed = &async.PacketIn[at], asyncPacketIn
		case 1:
			set, allowed = &async.PortStatus[at], asyncPortStatus
		case 2:
			set, allowed = &async.FlowRemoved[at], asyncFlowRemoved
		case 3:
			set, allowed = new(uint32), asyncRoleStatus // ignored: role status is always sent
		case 4:
			set, allowed = new(uint32), asyncTableStatus // ignored: table status is never sent
		case 5:
			set, allowed = &forwards[at], openflow.AsyncGroupMods|openflow.AsyncMeterMods
		}
		if mask&^allowed != 0 {
			return asyncInvalid
		}
		*set = mask
	}
	c.async, c.forwards = async, forwards
	return accepted
}

// requestForward reports a change of a group or meter to all subscribed connections, except
// the one that requested the change.
func (s *Switch) requestForward(kind uint32, request []byte, by *conn) {
	const head = expHeaderLen
	if head+len(request) > openflow.MaxMessageLen {
		return // it has no room around it
	}
	for c := range s.conns {
		if c != by && c.wantsAny(c.forwards, kind) {
			c.send(mustAppend(nil, &openflow.RequestForward{Request: request}))
			c.kick()
		}
	}
}
