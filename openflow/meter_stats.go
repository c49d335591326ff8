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
	Bands        []BandCounters
}

// BandCounters are the counters of one band, in the order of the meter's: the
// packets that were beyond its rate.
type BandCounters struct{ Packets, Bytes uint64 }

const (
	meterStatsLen = 40 // of ofp_meter_stats up to its bands
	bandStatsLen  = 16
)

// AppendBinary appends the entry as it stands in replies. It fails if the entry is
// longer than its length field allows.
func (s *MeterCounters) AppendBinary(b []byte) ([]byte, error) {
	n := meterStatsLen + bandStatsLen*len(s.Bands)
	if n > MaxMessageLen {
		return b, fmt.Errorf("meter statistics: %d bytes: %w", n, ErrTooLong)
	}
	b = be.AppendUint32(b, s.ID)
	b = appendZeros(be.AppendUint16(b, uint16(n)), 6)
	b = be.AppendUint32(b, s.Flows)
	b = be.AppendUint64(be.AppendUint64(b, s.Packets), s.Bytes)
	b = be.AppendUint32(be.AppendUint32(b, s.DurationSec), s.DurationNsec)
	for _, c := range s.Bands {
		b = be.AppendUint64(be.AppendUint64(b, c.Packets), c.Bytes)
	}
	return b, nil
}

// MeterCounters yields the counters of a reply of kind MultipartMeter. The
// *MeterCounters is the same each time: what is kept must be copied. An error,
// given with a nil *MeterCounters, ends the sequence.
func (m *MultipartReply) MeterCounters() iter.Seq2[*MeterCounters, error] {
	return func(yield func(*MeterCounters, error) bool) {
		body, err := m.body(MultipartMeter)
		if err != nil {
			yield(nil, err)
			return
		}
		for i := 0; len(body.b) > 0; i++ {
			s := MeterCounters{ID: body.u32("meter_id")}
			n := int(body.u16("length"))
			if body.err == nil && n < meterStatsLen {
				body.fail("length", ErrBadLength)
			}
			entry := reader{b: body.take(n-6, "entry"), err: body.err}
			if s.decode(&entry); entry.err != nil {
				yield(nil, replyError(m.Kind, i, entry.err))
				return
			}
			if !yield(&s, nil) {
				return
			}
		}
	}
}

func (s *MeterCounters) decode(r *reader) {
	r.skip(6, "padding")
	s.Flows = r.u32("flow_count")
	s.Packets, s.Bytes = r.u64("packet_in_count"), r.u64("byte_in_count")
	s.DurationSec, s.DurationNsec = r.u32("duration_sec"), r.u32("duration_nsec")
	for len(r.b) > 0 && r.err == nil {
		s.Bands = append(s.Bands, BandCounters{r.u64("band packet_count"), r.u64("band byte_count")})
	}
}
