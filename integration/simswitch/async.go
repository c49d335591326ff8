package simswitch

import "github.com/sdnctl/sdnctl/openflow"

// setAsync handles SET_ASYNC, which knows of three kinds of unasked-for messages
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
	asyncFlowRemoved = 0x3f // those of OpenFlow 1.4 and Open vSwitch among them
	asyncRoleStatus  = 0x7
	asyncTableStatus = 0x18
)

// Of properties in NXT_SET_ASYNC_CONFIG2: their length, and the first kind that is an
// experimenter's.
const (
	asyncPropLen             = 8
	asyncExperimenter uint16 = 0xfffe
)

// setAsyncConfig handles NXT_SET_ASYNC_CONFIG2, in which each property changes what
// it is about (OpenFlow 1.4.1, 7.3.10). All of it or nothing is done.
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
		// Slave is even, master odd; our masks are the other way round.
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
			set, allowed = new(uint32), asyncRoleStatus // sent whatever this says
		case 4:
			set, allowed = new(uint32), asyncTableStatus // of tables that fill up, which is never said
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

// requestForward reports to all subscribed connections except the one that asked for the change
// itself that a group or a meter was changed.
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
