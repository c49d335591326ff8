package openflow

import (
	"fmt"
	"iter"
)

// MeterStatsRequest returns the request for the counters of a meter, or of all for
// MeterAll (OpenFlow 1.3.5, 7.3.5.11).
func MeterStatsRequest(id uint32) *MultipartRequest {
	return &MultipartRequest{Kind: MultipartMeter, Body: appendZeros(be.AppendUint32(nil, id), 4)}
}

// MeterCounters are the counters of one meter (OpenFlow 1.3.5, 7.3.5.11,
// ofp_meter_stats).
type MeterCounters struct {
	ID           uint32
	Flows        uint32 // flows that send packets to it
	Packets      uint64 // that came to it
	Bytes        uint64
	DurationSec  uint32 // since it was added: seconds
	DurationNsec uint32 // and nanoseconds beyond them
	// Bands count the packets beyond each band's rate, in the order of the meter's.
	Bands []PacketCounts
}

// meterStatsLen is the length of ofp_meter_stats up to its bands.
const meterStatsLen = 40

// AppendBinary appends the entry as it stands in replies. It fails if the entry is
// longer than its length field allows.
func (s *MeterCounters) AppendBinary(b []byte) ([]byte, error) {
	n := meterStatsLen + packetCountsLen*len(s.Bands)
	if n > MaxMessageLen {
		return b, fmt.Errorf("meter statistics: %d bytes: %w", n, ErrTooLong)
	}
	b = be.AppendUint32(b, s.ID)
	b = appendZeros(be.AppendUint16(b, uint16(n)), 6)
	b = be.AppendUint32(b, s.Flows)
	b = be.AppendUint64(be.AppendUint64(b, s.Packets), s.Bytes)
	b = be.AppendUint32(be.AppendUint32(b, s.DurationSec), s.DurationNsec)
	return appendPacketCounts(b, s.Bands), nil
}

// MeterCounters yields the counters of a reply of kind MultipartMeter. The
// *MeterCounters is the same each time: what is kept must be copied. An error,
// given with a nil *MeterCounters, ends the sequence.
func (m *MultipartReply) MeterCounters() iter.Seq2[*MeterCounters, error] {
	id := func(r *reader, s *MeterCounters) { s.ID = r.u32("meter_id") }
	return entriesAfter(m, MultipartMeter, 4, id, meterStatsLen, func(r *reader, s *MeterCounters) {
		r.skip(6, "padding")
		s.Flows = r.u32("flow_count")
		s.Packets, s.Bytes = r.u64("packet_in_count"), r.u64("byte_in_count")
		s.DurationSec, s.DurationNsec = r.u32("duration_sec"), r.u32("duration_nsec")
		s.Bands = r.packetCounts()
	})
}
