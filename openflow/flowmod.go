package openflow

// FlowCommand is what a FLOW_MOD does (OpenFlow 1.3.5, 7.3.4.1,
// ofp_flow_mod_command).
type FlowCommand uint8

// Commands of FLOW_MOD.
const (
	FlowAdd          FlowCommand = 0
	FlowModify       FlowCommand = 1
	FlowModifyStrict FlowCommand = 2
	FlowDelete       FlowCommand = 3
	FlowDeleteStrict FlowCommand = 4
)
