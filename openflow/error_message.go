package openflow

import (
	"errors"
	"fmt"
)

// ErrorType is the kind of an ErrorMsg (OpenFlow 1.3.5, 7.5.4, ofp_error_type).
type ErrorType uint16

// Error types (OpenFlow 1.3.5, 7.5.4, ofp_error_type).
const (
	ErrTypeHelloFailed         ErrorType = 0
	ErrTypeBadRequest          ErrorType = 1
	ErrTypeBadAction           ErrorType = 2
	ErrTypeBadInstruction      ErrorType = 3
	ErrTypeBadMatch            ErrorType = 4
	ErrTypeFlowModFailed       ErrorType = 5
	ErrTypeGroupModFailed      ErrorType = 6
	ErrTypePortModFailed       ErrorType = 7
	ErrTypeTableModFailed      ErrorType = 8
	ErrTypeQueueOpFailed       ErrorType = 9
	ErrTypeSwitchConfigFailed  ErrorType = 10
	ErrTypeRoleRequestFailed   ErrorType = 11
	ErrTypeMeterModFailed      ErrorType = 12
	ErrTypeTableFeaturesFailed ErrorType = 13
	ErrTypeExperimenter        ErrorType = 0xffff
)

// Codes that callers branch on or send; Name knows all others too.
const (
	HelloFailedIncompatible uint16 = 0 // OFPHFC_INCOMPATIBLE
	BadRequestVersion       uint16 = 0 // OFPBRC_BAD_VERSION
	RoleFailedStale         uint16 = 0 // OFPRRFC_STALE
	RoleFailedUnsupported   uint16 = 1 // OFPRRFC_UNSUP
	FlowFailedTableFull     uint16 = 1 // OFPFMFC_TABLE_FULL
)

// ErrorMsg says that a message failed (OpenFlow 1.3.5, 7.5.4). Its Xid is that
// of the message that failed.
type ErrorMsg struct {
	Header
	// Version in the message's header, which a peer that negotiates may set to
	// another than ours. 0 encodes as 1.3.
	Version uint8
	ErrType ErrorType
	Code    uint16 // the exp_type if ErrType is ErrTypeExperimenter
	// Experimenter whose Code it is, if ErrType is ErrTypeExperimenter.
	Experimenter uint32
	// Data is the failed message, of which at least 64 bytes are there if it
	// had as many, or for ErrTypeHelloFailed a text.
	Data []byte
}

// Type returns TypeError.
func (m *ErrorMsg) Type() MessageType { return TypeError }

// AppendBinary appends the whole message.
func (m *ErrorMsg) AppendBinary(b []byte) ([]byte, error) {
	b, at := begin(b, TypeError, m.ID)
	if m.Version != 0 {
		b[at] = m.Version
	}
	b = be.AppendUint16(be.AppendUint16(b, uint16(m.ErrType)), m.Code)
	if m.ErrType == ErrTypeExperimenter {
		b = be.AppendUint32(b, m.Experimenter)
	}
	return end(append(b, m.Data...), at)
}

func (m *ErrorMsg) decode(r *reader) {
	m.ErrType = ErrorType(r.u16("type"))
	m.Code = r.u16("code")
	if m.ErrType == ErrTypeExperimenter {
		m.Experimenter = r.u32("experimenter")
	}
	m.Data = r.rest()
}

// FailedType returns the type of the message that failed, if Data shows it.
func (m *ErrorMsg) FailedType() (t MessageType, ok bool) {
	if m.ErrType == ErrTypeHelloFailed {
		return 0, false
	}
	h, err := ParseHeader(m.Data)
	return h.Type, err == nil
}

// Name returns the specification's name of the error's code, for example
// OFPBMC_BAD_PREREQ, or its numbers if it has none.
func (m *ErrorMsg) Name() string {
	name := ""
	switch {
	case m.ErrType != ErrTypeExperimenter:
		if int(m.ErrType) < len(errorNames) && int(m.Code) < len(errorNames[m.ErrType]) {
			name = errorNames[m.ErrType][m.Code]
		}
	default:
		name = experimenterErrorName(m.Experimenter, m.Code)
	}
	switch {
	case name != "":
		return name
	case m.ErrType == ErrTypeExperimenter:
		return fmt.Sprintf("experimenter 0x%08x error %d", m.Experimenter, m.Code)
	}
	return fmt.Sprintf("error type %d code %d", uint16(m.ErrType), m.Code)
}

// Error describes the error, for example "switch refused flow_mod (xid 0x7):
// OFPBMC_BAD_PREREQ".
func (m *ErrorMsg) Error() string {
	if m.ErrType == ErrTypeHelloFailed {
		return fmt.Sprintf("peer refused hello: %s: %q", m.Name(), m.Data)
	}
	what := "message"
	if t, ok := m.FailedType(); ok {
		what = t.String()
	}
	return fmt.Sprintf("switch refused %s (xid 0x%x): %s", what, m.ID, m.Name())
}

// String is the same as Error.
func (m *ErrorMsg) String() string { return m.Error() }

// IsError says whether err is or wraps an ErrorMsg of that type and code.
func IsError(err error, kind ErrorType, code uint16) bool {
	var m *ErrorMsg
	return errors.As(err, &m) && m.ErrType == kind && m.Code == code
}
