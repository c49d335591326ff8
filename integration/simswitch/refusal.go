package simswitch

import "github.com/sdnctl/sdnctl/openflow"

// refusal is an error as it goes into an error message: its type above its code
// (OpenFlow 1.3.5, 7.5.4). 0 is no error. Codes of experimenters have type
// 0xffff; those from firstONF on are the ONF's, lower ones Nicira's.
type refusal uint32

const (
	accepted refusal = 0

	badVersion      = refusal(openflow.ErrTypeBadRequest)<<16 | 0
	badType         = refusal(openflow.ErrTypeBadRequest)<<16 | 1
	badMultipart    = refusal(openflow.ErrTypeBadRequest)<<16 | 2
	badExperimenter = refusal(openflow.ErrTypeBadRequest)<<16 | 3
	badExpType      = refusal(openflow.ErrTypeBadRequest)<<16 | 4
	notPermitted    = refusal(openflow.ErrTypeBadRequest)<<16 | 5
	badLength       = refusal(openflow.ErrTypeBadRequest)<<16 | 6
	bufferUnknown   = refusal(openflow.ErrTypeBadRequest)<<16 | 8
	badTableID      = refusal(openflow.ErrTypeBadRequest)<<16 | 9
	isSlave         = refusal(openflow.ErrTypeBadRequest)<<16 | 10
	badPort         = refusal(openflow.ErrTypeBadRequest)<<16 | 11

	actionBadType         = refusal(openflow.ErrTypeBadAction)<<16 | 0
	actionBadLength       = refusal(openflow.ErrTypeBadAction)<<16 | 1
	actionBadExperimenter = refusal(openflow.ErrTypeBadAction)<<16 | 2
	actionBadExpType      = refusal(openflow.ErrTypeBadAction)<<16 | 3
	actionBadOutPort      = refusal(openflow.ErrTypeBadAction)<<16 | 4
	actionBadArgument     = refusal(openflow.ErrTypeBadAction)<<16 | 5
	actionBadOutGroup     = refusal(openflow.ErrTypeBadAction)<<16 | 9
	actionInconsistent    = refusal(openflow.ErrTypeBadAction)<<16 | 10
	actionBadSetType      = refusal(openflow.ErrTypeBadAction)<<16 | 13
	actionBadSetLength    = refusal(openflow.ErrTypeBadAction)<<16 | 14
	actionBadSetArgument  = refusal(openflow.ErrTypeBadAction)<<16 | 15
	actionBadSetMask      = refusal(openflow.ErrTypeExperimenter)<<16 | 4250

	instructionUnknown         = refusal(openflow.ErrTypeBadInstruction)<<16 | 0
	instructionBadTableID      = refusal(openflow.ErrTypeBadInstruction)<<16 | 2
	instructionBadExperimenter = refusal(openflow.ErrTypeBadInstruction)<<16 | 5
	instructionBadLength       = refusal(openflow.ErrTypeBadInstruction)<<16 | 7
	instructionDuplicate       = refusal(openflow.ErrTypeExperimenter)<<16 | 2600

	matchBadType      = refusal(openflow.ErrTypeBadMatch)<<16 | 0
	matchBadLength    = refusal(openflow.ErrTypeBadMatch)<<16 | 1
	matchBadWildcards = refusal(openflow.ErrTypeBadMatch)<<16 | 5
	matchBadField     = refusal(openflow.ErrTypeBadMatch)<<16 | 6
	matchBadValue     = refusal(openflow.ErrTypeBadMatch)<<16 | 7
	matchBadMask      = refusal(openflow.ErrTypeBadMatch)<<16 | 8
	matchBadPrereq    = refusal(openflow.ErrTypeBadMatch)<<16 | 9
	matchDuplicate    = refusal(openflow.ErrTypeBadMatch)<<16 | 10

	flowTableFull  = refusal(openflow.ErrTypeFlowModFailed)<<16 | 1
	flowBadTable   = refusal(openflow.ErrTypeFlowModFailed)<<16 | 2
	flowOverlap    = refusal(openflow.ErrTypeFlowModFailed)<<16 | 3
	flowBadCommand = refusal(openflow.ErrTypeFlowModFailed)<<16 | 6
	flowBadFlags   = refusal(openflow.ErrTypeFlowModFailed)<<16 | 7

	roleStale = refusal(openflow.ErrTypeRoleRequestFailed)<<16 | 0
	roleBad   = refusal(openflow.ErrTypeRoleRequestFailed)<<16 | 2

	meterInvalid = refusal(openflow.ErrTypeMeterModFailed)<<16 | 2

	bundleBadID      = refusal(openflow.ErrTypeExperimenter)<<16 | 2302
	bundleClosed     = refusal(openflow.ErrTypeExperimenter)<<16 | 2304
	bundleBadType    = refusal(openflow.ErrTypeExperimenter)<<16 | 2306
	bundleBadFlags   = refusal(openflow.ErrTypeExperimenter)<<16 | 2307
	bundleMsgBadLen  = refusal(openflow.ErrTypeExperimenter)<<16 | 2308
	bundleMsgBadXid  = refusal(openflow.ErrTypeExperimenter)<<16 | 2309
	bundleMsgUnsup   = refusal(openflow.ErrTypeExperimenter)<<16 | 2310
	bundleMsgFailed  = refusal(openflow.ErrTypeExperimenter)<<16 | 2313
	monitorExists    = refusal(openflow.ErrTypeExperimenter)<<16 | 6
	monitorBadFlags  = refusal(openflow.ErrTypeExperimenter)<<16 | 7
	monitorUnknown   = refusal(openflow.ErrTypeExperimenter)<<16 | 8
	niciraMustBeZero = refusal(openflow.ErrTypeExperimenter)<<16 | 4
	bundleBadVersion = refusal(openflow.ErrTypeExperimenter)<<16 | 10 // it cannot say which
	firstONF         = 2300
	errorKindShift   = 16
	errorCodeMask    = 0xffff
)

// appendRefusal appends the error message that refuses message. As Open vSwitch
// does, it quotes all of it that fits.
func appendRefusal(b []byte, why refusal, message []byte) []byte {
	e := openflow.ErrorMsg{
		ErrType: openflow.ErrorType(why >> errorKindShift), Code: uint16(why & errorCodeMask),
		Data: message,
	}
	e.SetXid(be.Uint32(message[4:]))
	if e.ErrType == openflow.ErrTypeExperimenter {
		e.Experimenter = openflow.ExperimenterNicira
		if e.Code >= firstONF {
			e.Experimenter = openflow.ExperimenterONF
		}
	}
	const longestHead = openflow.HeaderLen + 8
	e.Data = e.Data[:min(len(e.Data), openflow.MaxMessageLen-longestHead)]
	return mustAppend(b, &e)
}

// mustAppend appends a message that is known to fit.
func mustAppend(b []byte, m interface {
	AppendBinary([]byte) ([]byte, error)
}) []byte {
	b, err := m.AppendBinary(b)
	if err != nil {
		panic("simswitch: " + err.Error()) // programmer error: all that we encode is bounded
	}
	return b
}
