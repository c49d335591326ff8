package simswitch

import "github.com/sdnctl/sdnctl/openflow"

// refusal is the type and, in the lower 16 bits, the code of an error message (OpenFlow 1.3.5,
// 7.5.4). 0 is no error. Errors of experimenters have the type 0xffff; codes from firstONF on
// are the ONF's, lower ones Nicira's.
type refusal uint32

const (
	errorKindShift = 16
	errorCodeMask  = 0xffff
	firstONF       = 2300
)

// Error types, in the upper 16 bits.
const (
	ofRequest      = refusal(openflow.ErrTypeBadRequest) << errorKindShift
	ofAction       = refusal(openflow.ErrTypeBadAction) << errorKindShift
	ofInstruction  = refusal(openflow.ErrTypeBadInstruction) << errorKindShift
	ofMatch        = refusal(openflow.ErrTypeBadMatch) << errorKindShift
	ofFlowMod      = refusal(openflow.ErrTypeFlowModFailed) << errorKindShift
	ofGroupMod     = refusal(openflow.ErrTypeGroupModFailed) << errorKindShift
	ofPortMod      = refusal(openflow.ErrTypePortModFailed) << errorKindShift
	ofRole         = refusal(openflow.ErrTypeRoleRequestFailed) << errorKindShift
	ofMeterMod     = refusal(openflow.ErrTypeMeterModFailed) << errorKindShift
	ofTable        = refusal(openflow.ErrTypeTableFeaturesFailed) << errorKindShift
	ofExperimenter = refusal(openflow.ErrTypeExperimenter) << errorKindShift
)

// Errors by their subject.
const (
	accepted refusal = 0
	// aborts is not an OpenFlow error: the message makes Open vSwitch abort.
	aborts = ^accepted

	badType         = ofRequest + 1
	badMultipart    = ofRequest + 2
	badExperimenter = ofRequest + 3
	badExpType      = ofRequest + 4
	notPermitted    = ofRequest + 5
	badLength       = ofRequest + 6
	bufferUnknown   = ofRequest + 8
	isSlave         = ofRequest + 10
	badPort         = ofRequest + 11

	actionBadType         = ofAction
	actionBadLength       = ofAction + 1
	actionBadExperimenter = ofAction + 2
	actionBadExpType      = ofAction + 3
	actionBadOutPort      = ofAction + 4
	actionBadArgument     = ofAction + 5
	actionBadOutGroup     = ofAction + 9
	actionInconsistent    = ofAction + 10
	actionBadSetType      = ofAction + 13
	actionBadSetLength    = ofAction + 14
	actionBadSetArgument  = ofAction + 15
	actionBadSetMask      = ofExperimenter + 4250

	instructionUnknown         = ofInstruction
	instructionBadTableID      = ofInstruction + 2
	instructionBadExperimenter = ofInstruction + 5
	instructionBadLength       = ofInstruction + 7
	instructionDuplicate       = ofExperimenter + 2600

	matchBadType      = ofMatch
	matchBadLength    = ofMatch + 1
	matchBadWildcards = ofMatch + 5
	matchBadField     = ofMatch + 6
	matchBadValue     = ofMatch + 7
	matchBadMask      = ofMatch + 8
	matchBadPrereq    = ofMatch + 9
	matchDuplicate    = ofMatch + 10

	flowTableFull  = ofFlowMod + 1
	flowBadTable   = ofFlowMod + 2
	flowOverlap    = ofFlowMod + 3
	flowBadCommand = ofFlowMod + 6
	flowBadFlags   = ofFlowMod + 7

	portBadNumber  = ofPortMod
	portBadAddress = ofPortMod + 1

	roleStale = ofRole
	roleBad   = ofRole + 2

	groupExists           = ofGroupMod
	groupInvalid          = ofGroupMod + 1
	groupOutOfGroups      = ofGroupMod + 3
	groupOutOfBuckets     = ofGroupMod + 4
	groupWatchUnsupported = ofGroupMod + 6
	groupUnknown          = ofGroupMod + 8
	groupBadType          = ofGroupMod + 10
	groupBadCommand       = ofGroupMod + 11
	groupBadBucket        = ofGroupMod + 12
	groupBadWatch         = ofGroupMod + 13

	meterExists      = ofMeterMod + 1
	meterInvalid     = ofMeterMod + 2
	meterUnknown     = ofMeterMod + 3
	meterBadCommand  = ofMeterMod + 4
	meterBadFlags    = ofMeterMod + 5
	meterBadRate     = ofMeterMod + 6
	meterBadBand     = ofMeterMod + 8
	meterOutOfMeters = ofMeterMod + 10
	meterOutOfBands  = ofMeterMod + 11

	propertyBadLength  = ofTable + 3
	propertyBadExp     = ofExperimenter + 4445
	propertyBadExpType = ofExperimenter + 4446
	asyncInvalid       = ofExperimenter + 2370
	asyncUnsupported   = ofExperimenter + 2371

	bundleBadID      = ofExperimenter + 2302
	bundleClosed     = ofExperimenter + 2304
	bundleBadType    = ofExperimenter + 2306
	bundleBadFlags   = ofExperimenter + 2307
	bundleMsgBadLen  = ofExperimenter + 2308
	bundleMsgBadXid  = ofExperimenter + 2309
	bundleMsgUnsup   = ofExperimenter + 2310
	bundleMsgFailed  = ofExperimenter + 2313
	monitorExists    = ofExperimenter + 6
	monitorBadFlags  = ofExperimenter + 7
	monitorUnknown   = ofExperimenter + 8
	niciraMustBeZero = ofExperimenter + 4
	bundleBadVersion = ofExperimenter + 10 // Open vSwitch has no code for it
)

// appendRefusal appends the error message that refuses message. Like Open vSwitch, it quotes as
// much of the message as fits.
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
	return must(m.AppendBinary(b))
}

// must returns the result of an encoding that cannot fail.
func must(b []byte, err error) []byte {
	if err != nil {
		panic("simswitch: " + err.Error()) // a programming error: everything encoded here is bounded
	}
	return b
}
