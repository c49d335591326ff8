package openflow

import "fmt"

// Types of ONF's experimenter messages that bring the bundles of OpenFlow 1.4 to
// 1.3 (ONF extension 230; OVS, openflow-1.3's use of ofp14_bundle_*).
const (
	ONFBundleControl = 2300
	ONFBundleAdd     = 2301
)

// BundleControlType is what a BundleControl does (OpenFlow 1.4, 7.3.9.2,
// ofp_bundle_ctrl_type). Each request is answered by the next value.
type BundleControlType uint16

// Bundle control types.
const (
	BundleOpenRequest    BundleControlType = 0
	BundleOpenReply      BundleControlType = 1
	BundleCloseRequest   BundleControlType = 2
	BundleCloseReply     BundleControlType = 3
	BundleCommitRequest  BundleControlType = 4
	BundleCommitReply    BundleControlType = 5
	BundleDiscardRequest BundleControlType = 6
	BundleDiscardReply   BundleControlType = 7
)

// String returns the action as ovs-ofctl shows it.
func (t BundleControlType) String() string {
	names := [...]string{"OPEN_REQUEST", "OPEN_REPLY", "CLOSE_REQUEST", "CLOSE_REPLY",
		"COMMIT_REQUEST", "COMMIT_REPLY", "DISCARD_REQUEST", "DISCARD_REPLY"}
	if int(t) < len(names) {
		return names[t]
	}
	return fmt.Sprintf("type_%d", uint16(t))
}

// BundleFlags are the properties of a bundle (OpenFlow 1.4, 7.3.9.3,
// ofp_bundle_flags).
type BundleFlags uint16

// Flags of a bundle.
const (
	BundleAtomic  BundleFlags = 1 << 0 // all of it takes effect at once, or nothing
	BundleOrdered BundleFlags = 1 << 1 // in the order of the messages
)

// BundleControl opens, closes, commits or discards a bundle, or answers that it
// was done (OpenFlow 1.4, 7.3.9.2).
type BundleControl struct {
	Header
	BundleID   uint32
	Kind       BundleControlType
	Flags      BundleFlags
	Properties []byte // as they are on the wire
}

// BundleAdd puts a message into an open bundle (OpenFlow 1.4, 7.3.9.4).
type BundleAdd struct {
	Header
	BundleID uint32
	Flags    BundleFlags // the same as when the bundle was opened
	// Message is whole, header included. Its xid must be the BundleAdd's own.
	Message    []byte
	Properties []byte // as they are on the wire
}

// Type returns TypeExperimenter.
func (m *BundleControl) Type() MessageType { return TypeExperimenter }

// AppendBinary appends the whole message.
func (m *BundleControl) AppendBinary(b []byte) ([]byte, error) {
	b, at := beginExperimenter(b, m.ID, ExperimenterONF, ONFBundleControl)
	b = be.AppendUint32(b, m.BundleID)
	b = be.AppendUint16(b, uint16(m.Kind))
	b = be.AppendUint16(b, uint16(m.Flags))
	return end(append(b, m.Properties...), at)
}

func (m *BundleControl) decode(r *reader) {
	m.BundleID = r.u32("bundle_id")
	m.Kind = BundleControlType(r.u16("type"))
	m.Flags = BundleFlags(r.u16("flags"))
	m.Properties = r.rest()
}

// Type returns TypeExperimenter.
func (m *BundleAdd) Type() MessageType { return TypeExperimenter }

// AppendBinary appends the whole message. It fails if Message is not exactly
// one message.
func (m *BundleAdd) AppendBinary(b []byte) ([]byte, error) {
	if h, err := ParseHeader(m.Message); err != nil {
		return b, fmt.Errorf("bundle_add: message: %w", err)
	} else if int(h.Length) != len(m.Message) {
		return b, fmt.Errorf("bundle_add: message: %w", ErrBadLength)
	}
	b, at := beginExperimenter(b, m.ID, ExperimenterONF, ONFBundleAdd)
	b = appendZeros(be.AppendUint32(b, m.BundleID), 2)
	b = append(be.AppendUint16(b, uint16(m.Flags)), m.Message...)
	if len(m.Properties) > 0 {
		b = appendZeros(b, pad8(len(m.Message))-len(m.Message))
		b = append(b, m.Properties...)
	}
	return end(b, at)
}

func (m *BundleAdd) decode(r *reader) {
	m.BundleID = r.u32("bundle_id")
	r.skip(2, "padding")
	m.Flags = BundleFlags(r.u16("flags"))
	h, err := ParseHeader(r.b)
	r.fail("message", err)
	m.Message = r.take(int(h.Length), "message")
	if len(r.b) > 0 {
		r.skip(pad8(len(m.Message))-len(m.Message), "message: padding")
		m.Properties = r.rest()
	}
}

// BundleAddHeaderLen is the length of ofp_bundle_add_msg up to the message in it.
const BundleAddHeaderLen = 24

// AppendBundleAdd appends a whole message that puts message, which must be
// exactly one, into an open bundle. The message's xid becomes the given one, as
// the extension demands. It does not allocate when b has room, and panics if the
// result would be longer than MaxMessageLen.
func AppendBundleAdd(b []byte, xid Xid, bundle uint32, flags BundleFlags, message []byte) []byte {
	n := BundleAddHeaderLen + len(message)
	if n > MaxMessageLen || len(message) < HeaderLen {
		panic("openflow: no message that fits in a bundle")
	}
	b = append(b, Version, byte(TypeExperimenter), byte(n>>8), byte(n))
	b = be.AppendUint32(b, xid)
	b = be.AppendUint32(b, ExperimenterONF)
	b = be.AppendUint32(b, ONFBundleAdd)
	b = be.AppendUint32(b, bundle)
	b = append(b, 0, 0, byte(flags>>8), byte(flags))
	at := len(b)
	b = append(b, message...)
	be.PutUint32(b[at+4:], xid)
	return b
}
