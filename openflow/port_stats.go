package openflow

// PortDescRequest returns the request for the descriptions of all ports
// (OpenFlow 1.3.5, 7.3.5.7).
func PortDescRequest() *MultipartRequest { return &MultipartRequest{Kind: MultipartPortDesc} }

// Ports decodes a reply of kind MultipartPortDesc.
func (m *MultipartReply) Ports() ([]Port, error) {
	r, err := m.body(MultipartPortDesc)
	if err != nil {
		return nil, err
	}
	all := make([]Port, 0, len(r.b)/portLen)
	for len(r.b) > 0 {
		var p Port
		if p.decode(r); r.err != nil {
			return nil, replyError(m.Kind, len(all), r.err)
		}
		all = append(all, p)
	}
	return all, nil
}

// PortStats are the counters of one port (OpenFlow 1.3.5, 7.3.5.6). A counter
// that the switch does not keep is all ones.
type PortStats struct {
	No                                         PortNo
	RxPackets, TxPackets                       uint64
	RxBytes, TxBytes                           uint64
	RxDropped, TxDropped                       uint64
	RxErrors, TxErrors                         uint64
	RxFrameErr, RxOverErr, RxCRCErr, Collision uint64
	DurationSec                                uint32 // since the port came up: seconds
	DurationNsec                               uint32 // and nanoseconds beyond them
}

const portStatsLen = 112 // sizeof(struct ofp_port_stats)

// PortStatsRequest returns the request for the counters of a port, or of all
// for PortAny.
func PortStatsRequest(p PortNo) *MultipartRequest {
	return &MultipartRequest{Kind: MultipartPortStats,
		Body: appendZeros(be.AppendUint32(nil, uint32(p)), 4)}
}

// counters lists the 64-bit counters in the order of the wire.
func (s *PortStats) counters() [12]*uint64 {
	return [...]*uint64{&s.RxPackets, &s.TxPackets, &s.RxBytes, &s.TxBytes,
		&s.RxDropped, &s.TxDropped, &s.RxErrors, &s.TxErrors,
		&s.RxFrameErr, &s.RxOverErr, &s.RxCRCErr, &s.Collision}
}

// AppendBinary appends the entry as it stands in replies. It never fails.
func (s *PortStats) AppendBinary(b []byte) ([]byte, error) {
	b = appendZeros(be.AppendUint32(b, uint32(s.No)), 4)
	for _, c := range s.counters() {
		b = be.AppendUint64(b, *c)
	}
	return be.AppendUint32(be.AppendUint32(b, s.DurationSec), s.DurationNsec), nil
}

// PortStats decodes a reply of kind MultipartPortStats.
func (m *MultipartReply) PortStats() ([]PortStats, error) {
	r, err := m.body(MultipartPortStats)
	if err != nil {
		return nil, err
	}
	all := make([]PortStats, 0, len(r.b)/portStatsLen)
	for len(r.b) > 0 {
		var s PortStats
		s.No = PortNo(r.u32("port_no"))
		r.skip(4, "padding")
		for _, c := range s.counters() {
			*c = r.u64("counter")
		}
		s.DurationSec = r.u32("duration_sec")
		s.DurationNsec = r.u32("duration_nsec")
		if r.err != nil {
			return nil, replyError(m.Kind, len(all), r.err)
		}
		all = append(all, s)
	}
	return all, nil
}
