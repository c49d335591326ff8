package openflow

// Experimenter is a message of an extension (OpenFlow 1.3.5, 7.5.5) that this
// package does not know. DecodeMessage gives those it knows, such as
// BundleControl, their own types.
type Experimenter struct {
	Header
	Vendor  uint32 // the experimenter: ExperimenterONF and its like
	ExpType uint32 // chosen by the experimenter
	Data    []byte // all that follows
}

// Type returns TypeExperimenter.
func (m *Experimenter) Type() MessageType { return TypeExperimenter }

// AppendBinary appends the whole message.
func (m *Experimenter) AppendBinary(b []byte) ([]byte, error) {
	b, at := beginExperimenter(b, m.ID, m.Vendor, m.ExpType)
	return end(append(b, m.Data...), at)
}

func (m *Experimenter) decode(r *reader) {
	m.Vendor = r.u32("experimenter")
	m.ExpType = r.u32("exp_type")
	m.Data = r.rest()
}

func beginExperimenter(b []byte, xid Xid, experimenter, typ uint32) ([]byte, int) {
	b, at := begin(b, TypeExperimenter, xid)
	return be.AppendUint32(be.AppendUint32(b, experimenter), typ), at
}

// known returns the message as its own type if it has one, else m.
func (m *Experimenter) known() (decoder, error) {
	var k decoder
	switch {
	case m.Vendor == ExperimenterONF && m.ExpType == ONFBundleControl:
		k = &BundleControl{}
	case m.Vendor == ExperimenterONF && m.ExpType == ONFBundleAdd:
		k = &BundleAdd{}
	case m.Vendor == ExperimenterONF && m.ExpType == ONFFlowMonitorCancel:
		k = &FlowMonitorCancel{}
	case m.Vendor == ExperimenterONF && m.ExpType == ONFFlowMonitorPaused:
		k = &FlowMonitorPaused{}
	case m.Vendor == ExperimenterONF && m.ExpType == ONFFlowMonitorResumed:
		k = &FlowMonitorResumed{}
	case m.Vendor == ExperimenterONF && m.ExpType == ONFRequestForward:
		k = &RequestForward{}
	case m.Vendor == ExperimenterNicira && m.ExpType == NiciraSetAsyncConfig:
		k = &SetAsyncConfig{}
	case m.Vendor == ExperimenterNicira && m.ExpType == NiciraSetPacketInFormat:
		k = &SetPacketInFormat{}
	case m.Vendor == ExperimenterNicira && m.ExpType == NiciraPacketIn2:
		k = &PacketIn2{}
	case m.Vendor == ExperimenterNicira && m.ExpType == NiciraCTFlush:
		k = &CTFlush{}
	default:
		return m, nil
	}
	r := reader{b: m.Data}
	k.decode(&r)
	return k, r.err
}
