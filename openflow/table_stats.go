package openflow

// TableStats are the counters of one table (OpenFlow 1.3.5, 7.3.5.4).
type TableStats struct {
	Table   TableID
	Active  uint32 // flows in it
	Lookups uint64 // packets looked up
	Matched uint64 // packets that found a flow
}

const tableStatsLen = 24 // sizeof(struct ofp_table_stats)

// TableStatsRequest returns the request for the statistics of all tables.
func TableStatsRequest() *MultipartRequest { return &MultipartRequest{Kind: MultipartTable} }

// AppendBinary appends the entry as it stands in replies. It never fails.
func (s *TableStats) AppendBinary(b []byte) ([]byte, error) {
	b = append(b, byte(s.Table), 0, 0, 0)
	b = be.AppendUint32(b, s.Active)
	return be.AppendUint64(be.AppendUint64(b, s.Lookups), s.Matched), nil
}

// Tables decodes a reply of kind MultipartTable.
func (m *MultipartReply) Tables() ([]TableStats, error) {
	r, err := m.body(MultipartTable)
	if err != nil {
		return nil, err
	}
	all := make([]TableStats, 0, len(r.b)/tableStatsLen)
	for len(r.b) > 0 {
		var s TableStats
		s.Table = TableID(r.u8("table_id"))
		r.skip(3, "padding")
		s.Active = r.u32("active_count")
		s.Lookups = r.u64("lookup_count")
		s.Matched = r.u64("matched_count")
		if r.err != nil {
			return nil, replyError(m.Kind, len(all), r.err)
		}
		all = append(all, s)
	}
	return all, nil
}
