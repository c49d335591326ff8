package openflow

import (
	"fmt"
	"iter"
)

// GroupDescRequest returns the request for all groups (OpenFlow 1.3.5, 7.3.5.9).
func GroupDescRequest() *MultipartRequest { return &MultipartRequest{Kind: MultipartGroupDesc} }

// groupDescLen is the length of ofp_group_desc up to its buckets.
const groupDescLen = 8

// AppendDesc appends the group as it stands in replies of kind MultipartGroupDesc.
// It fails if the entry is longer than its length field allows.
func (g *Group) AppendDesc(b []byte) ([]byte, error) {
	n := groupDescLen + len(g.Buckets)
	if n > MaxMessageLen {
		return b, fmt.Errorf("group description: %d bytes: %w", n, ErrTooLong)
	}
	b = append(b, byte(n>>8), byte(n), byte(g.Type), 0)
	return append(be.AppendUint32(b, g.ID), g.Buckets...), nil
}

// Groups yields the groups of a reply of kind MultipartGroupDesc, whose buckets
// alias the message. The *Group is the same each time: what is kept must be
// copied. An error, given with a nil *Group, ends the sequence.
func (m *MultipartReply) Groups() iter.Seq2[*Group, error] {
	return entries(m, MultipartGroupDesc, groupDescLen, func(r *reader, g *Group) {
		g.Type = GroupType(r.u8("type"))
		r.skip(1, "padding")
		g.ID = r.u32("group_id")
		g.Buckets = r.buckets()
	})
}

// GroupStatsRequest returns the request for the counters of a group, or of all for
// GroupAll (OpenFlow 1.3.5, 7.3.5.8).
func GroupStatsRequest(id uint32) *MultipartRequest {
	return &MultipartRequest{Kind: MultipartGroup, Body: appendZeros(be.AppendUint32(nil, id), 4)}
}

// GroupStats are the counters of one group (OpenFlow 1.3.5, 7.3.5.8,
// ofp_group_stats).
type GroupStats struct {
	ID           uint32
	Flows        uint32 // flows and groups that send packets to it
	Packets      uint64
	Bytes        uint64
	DurationSec  uint32         // since it was added: seconds
	DurationNsec uint32         // and nanoseconds beyond them
	Buckets      []PacketCounts // in the order of the group's
}

// groupStatsLen is the length of ofp_group_stats up to its buckets.
const groupStatsLen = 40

// AppendBinary appends the entry as it stands in replies. It fails if the entry is
// longer than its length field allows.
func (s *GroupStats) AppendBinary(b []byte) ([]byte, error) {
	n := groupStatsLen + packetCountsLen*len(s.Buckets)
	if n > MaxMessageLen {
		return b, fmt.Errorf("group statistics: %d bytes: %w", n, ErrTooLong)
	}
	b = append(b, byte(n>>8), byte(n), 0, 0)
	b = be.AppendUint32(be.AppendUint32(b, s.ID), s.Flows)
	b = be.AppendUint64(be.AppendUint64(appendZeros(b, 4), s.Packets), s.Bytes)
	b = be.AppendUint32(be.AppendUint32(b, s.DurationSec), s.DurationNsec)
	return appendPacketCounts(b, s.Buckets), nil
}

// GroupStats yields the counters of a reply of kind MultipartGroup. The *GroupStats
// is the same each time: what is kept must be copied. An error, given with a nil
// *GroupStats, ends the sequence.
func (m *MultipartReply) GroupStats() iter.Seq2[*GroupStats, error] {
	return entries(m, MultipartGroup, groupStatsLen, func(r *reader, s *GroupStats) {
		r.skip(2, "padding")
		s.ID, s.Flows = r.u32("group_id"), r.u32("ref_count")
		r.skip(4, "padding")
		s.Packets, s.Bytes = r.u64("packet_count"), r.u64("byte_count")
		s.DurationSec, s.DurationNsec = r.u32("duration_sec"), r.u32("duration_nsec")
		s.Buckets = r.packetCounts()
	})
}
