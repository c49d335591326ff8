package openflow

// The functions in this file read single fields of messages that this package has
// encoded, without decoding the rest, because there may be a million messages. They panic on
// messages that are cut short.

// FlowModKey returns the key of the flow of a FLOW_MOD: its table, its priority and its match, which aliases the message (OpenFlow 1.3.5, 6.4
// and 7.3.4.1).
func FlowModKey(msg []byte) (TableID, uint16, Match) {
	const table, priority, match, fields = 24, 30, 48, 52
	end := match + int(be.Uint16(msg[match+2:]))
	return TableID(msg[table]), be.Uint16(msg[priority:]), msg[fields:end:end]
}

// ModNumber returns the number of the group or meter that a GROUP_MOD or METER_MOD
// is about (OpenFlow 1.3.5, 7.3.4.2 and 7.3.4.4).
func ModNumber(msg []byte) uint32 { return be.Uint32(msg[12:]) }

// SetMeterCommand changes what a METER_MOD does.
func SetMeterCommand(msg []byte, cmd MeterCommand) { be.PutUint16(msg[8:], uint16(cmd)) }
