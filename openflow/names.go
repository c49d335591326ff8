package openflow

import "strconv"

// actionName returns the name of an action type for messages about errors.
func actionName(typ uint16) string {
	switch typ {
	case actOutput:
		return "output"
	case actPushVLAN:
		return "push_vlan"
	case actPopVLAN:
		return "pop_vlan"
	case actSetQueue:
		return "set_queue"
	case actGroup:
		return "group"
	case actSetNwTTL:
		return "mod_nw_ttl"
	case actDecNwTTL:
		return "dec_ttl"
	case actSetField:
		return "set_field"
	case actExperimenter:
		return "experimenter"
	}
	return "type " + strconv.Itoa(int(typ))
}

// instructionName returns the name of an instruction type.
func instructionName(typ uint16) string {
	switch typ {
	case insGotoTable:
		return "goto_table"
	case insWriteMetadata:
		return "write_metadata"
	case insWriteActions:
		return "write_actions"
	case insApplyActions:
		return "apply_actions"
	case insClearActions:
		return "clear_actions"
	case insMeter:
		return "meter"
	case insExperimenter:
		return "experimenter"
	}
	return "type " + strconv.Itoa(int(typ))
}
