package openflow

import "fmt"

// ONFRequestForward is the type of the ONF's experimenter message that reports
// changes that other controllers made to groups and meters (ONF extension 189; OVS,
// ONFT_REQUESTFORWARD).
const ONFRequestForward = 2350

// RequestForward reports that another connection has changed a group or a meter. The
// switch sends it to those that asked for it by SetAsyncConfig (OpenFlow 1.4.1,
// 7.4.6).
type RequestForward struct {
	Header
	// Request is the whole GROUP_MOD or METER_MOD message, header included.
	Request []byte
}

// Type returns TypeExperimenter.
func (m *RequestForward) Type() MessageType { return TypeExperimenter }

// AppendBinary appends the whole message. It fails if Request is not exactly one
// message.
func (m *RequestForward) AppendBinary(b []byte) ([]byte, error) {
	if h, err := ParseHeader(m.Request); err != nil {
		return b, fmt.Errorf("requestforward: request: %w", err)
	} else if int(h.Length) != len(m.Request) {
		return b, fmt.Errorf("requestforward: request: %w", ErrBadLength)
	}
	b, at := beginExperimenter(b, m.ID, ExperimenterONF, ONFRequestForward)
	return end(append(b, m.Request...), at)
}

func (m *RequestForward) decode(r *reader) {
	h, err := ParseHeader(r.b)
	r.fail("request", err)
	m.Request = r.take(int(h.Length), "request")
	r.finish()
}

// NiciraSetAsyncConfig is the type of Nicira's message that sets which unasked-for
// messages a switch sends, those of later versions of OpenFlow included (OVS,
// NXT_SET_ASYNC_CONFIG2).
const NiciraSetAsyncConfig = 27

// SetAsyncConfig sets which unasked-for messages the switch sends (OpenFlow 1.4.1,
// 7.3.10). What no property is about stays as it is. It has no reply.
type SetAsyncConfig struct {
	Header
	Properties []AsyncProperty
}

// AsyncProperty is about one kind of unasked-for messages.
type AsyncProperty struct {
	Kind uint16
	// Mask allows, by bit n, the messages of reason n.
	Mask uint32
}

// Kinds of an AsyncProperty: for a controller that is slave, and for one that is
// master or equal (OpenFlow 1.4.1, 7.3.10, ofp_async_config_prop_type).
const (
	AsyncRequestForwardSlave  uint16 = 10
	AsyncRequestForwardMaster uint16 = 11
)

// AsyncGroupMods and AsyncMeterMods are bits in the mask of the properties about
// RequestForward (OpenFlow 1.4.1, 7.4.6, ofp_requestforward_reason).
const (
	AsyncGroupMods uint32 = 1 << 0
	AsyncMeterMods uint32 = 1 << 1
)

// asyncPropertyLen is the length of a property with a mask.
const asyncPropertyLen = 8

// Type returns TypeExperimenter.
func (m *SetAsyncConfig) Type() MessageType { return TypeExperimenter }

// AppendBinary appends the whole message.
func (m *SetAsyncConfig) AppendBinary(b []byte) ([]byte, error) {
	b, at := beginExperimenter(b, m.ID, ExperimenterNicira, NiciraSetAsyncConfig)
	for _, p := range m.Properties {
		b = be.AppendUint16(be.AppendUint16(b, p.Kind), asyncPropertyLen)
		b = be.AppendUint32(b, p.Mask)
	}
	return end(b, at)
}

func (m *SetAsyncConfig) decode(r *reader) {
	for len(r.b) > 0 && r.err == nil {
		p := AsyncProperty{Kind: r.u16("property type")}
		if n := r.u16("property length"); r.err == nil && n != asyncPropertyLen {
			r.fail("property length", ErrBadLength)
		}
		p.Mask = r.u32("property mask")
		m.Properties = append(m.Properties, p)
	}
}
