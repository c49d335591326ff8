package simswitch

import (
	"maps"
	"slices"

	"github.com/sdnctl/sdnctl/openflow"
)

// meter is one meter of the meter table. It is immutable.
type meter struct {
	flags openflow.MeterFlags
	bands openflow.Bands // as Open vSwitch shows them
	born  int64          // when it was added, in ns of the switch's clock
}

// The virtual meters of Open vSwitch (OpenFlow 1.3.5, 7.3.4.4, ofp_meter), for packets to the
// switch itself and for packets to controllers.
const (
	meterSlowpath   uint32 = 0xfffffffd
	meterController uint32 = 0xfffffffe
)

// The meter features of Open vSwitch's userspace datapath. The kernel datapath has other
// numbers.
const (
	maxMeters  = 1 << 18
	maxBands   = 8
	bandDrop   = 1 // OFPMBT_DROP
	bandRemark = 2 // OFPMBT_DSCP_REMARK, which it does not support
	meterFlags = openflow.MeterKbps | openflow.MeterPktps | openflow.MeterBurst | openflow.MeterStats
)

func (m *meter) value(id uint32) openflow.Meter {
	return openflow.Meter{ID: id, Flags: m.flags, Bands: m.bands}
}

// chosenMeters returns the numbers of the meters that a request selects, ascending, and whether
// it names a meter that does not exist.
func (t *tables) chosenMeters(id uint32) (all []uint32, unknown bool) {
	switch {
	case id == openflow.MeterAll:
		return slices.Sorted(maps.Keys(t.meters)), false
	case t.meters[id] != nil:
		return []uint32{id}, false
	}
	return nil, true
}

// Meters returns all meters by ascending number. The caller must not modify their bands.
func (s *Switch) Meters() []openflow.Meter {
	s.mu.Lock()
	defer s.mu.Unlock()
	ids, _ := s.tables.chosenMeters(openflow.MeterAll)
	all := make([]openflow.Meter, 0, len(ids))
	for _, id := range ids {
		all = append(all, s.tables.meters[id].value(id))
	}
	return all
}

// meterStats answers a request for the configuration of meters or for their counters. Those of
// packets are 0.
func (c *conn) meterStats(kind openflow.MultipartType, msg []byte) refusal {
	t, now := c.s.tables, c.s.age()
	ids, unknown := t.chosenMeters(be.Uint32(msg[multipartLen:]))
	if unknown {
		return meterUnknown
	}
	p := c.parts(be.Uint32(msg[4:]), kind)
	for _, id := range ids {
		m := t.meters[id]
		if v := m.value(id); kind == openflow.MultipartMeterConfig {
			p.add(must(v.AppendConfig(nil)))
			continue
		}
		age := now - m.born
		p.add(mustAppend(nil, &openflow.MeterCounters{ID: id, Flows: uint32(t.users[need{id: id}]),
			DurationSec: uint32(age / 1e9), DurationNsec: uint32(age % 1e9),
			Bands: make([]openflow.PacketCounts, len(m.bands)/bandLen)}))
	}
	p.end()
	return accepted
}

// featuresOfMeters returns Open vSwitch's meter features (OpenFlow 1.3.5, 7.3.5.14).
func featuresOfMeters() []byte {
	b := be.AppendUint32(be.AppendUint32(nil, maxMeters), 1<<bandDrop)
	b = be.AppendUint32(b, uint32(meterFlags))
	return append(b, maxBands, 0, 0, 0)
}
