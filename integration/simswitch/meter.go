package simswitch

import (
	"maps"
	"slices"

	"github.com/sdnctl/sdnctl/openflow"
)

// meter is one meter of the meter table. It is not written to once it was made.
type meter struct {
	flags openflow.MeterFlags
	bands openflow.Bands // as Open vSwitch shows them
	born  int64          // when it was added: ns on the switch's clock
}

// Virtual meters that Open vSwitch has (OpenFlow 1.3.5, 7.3.4.4, ofp_meter): what
// goes to itself, and what goes to controllers.
const (
	meterSlowpath   uint32 = 0xfffffffd
	meterController uint32 = 0xfffffffe
)

// What Open vSwitch's userspace datapath says of its meters; the kernel's says
// other numbers.
const (
	maxMeters  = 1 << 18
	maxBands   = 8
	bandDrop   = 1 // OFPMBT_DROP
	bandRemark = 2 // OFPMBT_DSCP_REMARK, which it does not have
	meterFlags = openflow.MeterKbps | openflow.MeterPktps | openflow.MeterBurst | openflow.MeterStats
)

func (m *meter) value(id uint32) openflow.Meter {
	return openflow.Meter{ID: id, Flags: m.flags, Bands: m.bands}
}

// chosenMeters returns the numbers of the meters that a request is about, ascending,
// and whether it names one that there is not.
func (t *tables) chosenMeters(id uint32) (all []uint32, unknown bool) {
	switch {
	case id == openflow.MeterAll:
		return slices.Sorted(maps.Keys(t.meters)), false
	case t.meters[id] != nil:
		return []uint32{id}, false
	}
	return nil, true
}

// Meters returns all meters by ascending number. Their bands must not be written to.
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

// meterStats answers a request for the configuration of meters, or for their
// counters, of which those of packets are 0.
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

// featuresOfMeters returns what Open vSwitch says of its meter table (OpenFlow 1.3.5,
// 7.3.5.14).
func featuresOfMeters() []byte {
	b := be.AppendUint32(be.AppendUint32(nil, maxMeters), 1<<bandDrop)
	b = be.AppendUint32(b, uint32(meterFlags))
	return append(b, maxBands, 0, 0, 0)
}
