package openflow

// FeaturesRequest asks for a FeaturesReply (OpenFlow 1.3.5, 7.3.1).
type FeaturesRequest struct{ Header }

// FeaturesReply says which switch this is and what it can do
// (OpenFlow 1.3.5, 7.3.1, ofp_switch_features).
type FeaturesReply struct {
	Header
	DatapathID DatapathID
	Buffers    uint32 // packets the switch can buffer at once
	Tables     uint8  // flow tables that it has
	// AuxiliaryID is 0 on a main connection.
	AuxiliaryID  uint8
	Capabilities uint32 // ofp_capabilities
	Reserved     uint32
}

// Type returns TypeFeaturesRequest.
func (m *FeaturesRequest) Type() MessageType { return TypeFeaturesRequest }

// AppendBinary appends the whole message.
func (m *FeaturesRequest) AppendBinary(b []byte) ([]byte, error) {
	return end(begin(b, TypeFeaturesRequest, m.ID))
}

func (m *FeaturesRequest) decode(r *reader) { r.finish() }

// Type returns TypeFeaturesReply.
func (m *FeaturesReply) Type() MessageType { return TypeFeaturesReply }

// AppendBinary appends the whole message.
func (m *FeaturesReply) AppendBinary(b []byte) ([]byte, error) {
	b, at := begin(b, TypeFeaturesReply, m.ID)
	b = be.AppendUint64(b, uint64(m.DatapathID))
	b = be.AppendUint32(b, m.Buffers)
	b = append(b, m.Tables, m.AuxiliaryID, 0, 0)
	b = be.AppendUint32(b, m.Capabilities)
	return end(be.AppendUint32(b, m.Reserved), at)
}

func (m *FeaturesReply) decode(r *reader) {
	m.DatapathID = DatapathID(r.u64("datapath_id"))
	m.Buffers = r.u32("n_buffers")
	m.Tables = r.u8("n_tables")
	m.AuxiliaryID = r.u8("auxiliary_id")
	r.skip(2, "padding")
	m.Capabilities = r.u32("capabilities")
	m.Reserved = r.u32("reserved")
	r.finish()
}
