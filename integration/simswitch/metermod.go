package simswitch

import (
	"bytes"

	"github.com/sdnctl/sdnctl/openflow"
)

// Offsets in ofp_meter_mod and in ofp_meter_band_drop (OpenFlow 1.3.5, 7.3.4.4).
const (
	meterModCommand = 8
	meterModFlags   = 10
	meterModID      = 12
	meterModBands   = 16

	bandRate  = 4
	bandBurst = 8
	bandLen   = 16
)

// meterMod is a decoded, valid meter-mod.
type meterMod struct {
	command openflow.MeterCommand
	id      uint32
	meter   meter // the meter to add, with born 0
	// sent are its bands as received.
	sent openflow.Bands
}

// readMeterMod decodes a meter-mod, and checks it in the same order as Open vSwitch, except for
// the checks that depend on existing meters.
func readMeterMod(msg []byte) (*meterMod, refusal) {
	if len(msg) < meterModBands || len(msg)%8 != 0 {
		return nil, badLength
	}
	m := &meterMod{command: openflow.MeterCommand(be.Uint16(msg[meterModCommand:])), id: be.Uint32(msg[meterModID:])}
	switch m.command {
	case openflow.MeterAdd, openflow.MeterModify:
	case openflow.MeterDelete: // its flags and bands are ignored
		return m, accepted
	default:
		return nil, meterBadCommand
	}
	m.meter.flags = openflow.MeterFlags(be.Uint16(msg[meterModFlags:]))
	const units = openflow.MeterKbps | openflow.MeterPktps
	if m.meter.flags&units == units {
		return nil, meterBadFlags
	}
	if why := m.readBands(msg[meterModBands:]); why != accepted {
		return nil, why
	}
	switch {
	case m.id < openflow.MeterMin, m.id > openflow.MeterMax && m.id != meterSlowpath && m.id != meterController:
		return nil, meterInvalid
	case len(m.sent)/bandLen > maxBands:
		return nil, meterOutOfBands
	}
	return m, accepted
}

// readBands decodes bands, without their padding.
func (m *meterMod) readBands(in []byte) refusal {
	for ; len(in) >= bandLen; in = in[bandLen:] {
		if be.Uint16(in[2:]) != bandLen {
			return badLength
		}
		typ, end := be.Uint16(in), bandLen-4
		switch typ {
		case bandDrop:
		case bandRemark:
			end++ // prec_level
		default:
			return meterBadBand
		}
		m.sent = append(append(m.sent, in[:end]...), make([]byte, bandLen-end)...)
	}
	if len(in) > 0 {
		return badLength
	}
	return accepted
}

// build checks a meter as the datapath does, and converts it to the form in which the datapath
// shows it.
func (m *meterMod) build() refusal {
	switch {
	case m.meter.flags&(openflow.MeterKbps|openflow.MeterPktps) == 0:
		return meterBadFlags
	case len(m.sent) == 0:
		return meterOutOfBands
	}
	shown := bytes.Clone(m.sent)
	why := accepted
	for b := shown; len(b) > 0; b = b[bandLen:] {
		if be.Uint32(b[bandRate:]) == 0 {
			return meterBadRate
		}
		if be.Uint16(b) != bandDrop {
			why = meterBadBand
		}
		if be.Uint32(b[bandBurst:]) == 0 {
			copy(b[bandBurst:bandBurst+4], b[bandRate:]) // the default burst is that of one second
		}
	}
	if m.meter.flags&^meterFlags != 0 {
		return meterBadFlags
	}
	m.meter.bands = shown
	return why
}

// apply applies a meter-mod that adds or modifies. Switch.deleteMeters does deletions, which
// also remove flows.
func (m *meterMod) apply(t *tables, limit int, now int64) refusal {
	old := t.meters[m.id]
	switch {
	case old != nil && m.command == openflow.MeterAdd:
		return meterExists
	case old == nil && m.command == openflow.MeterModify:
		return meterUnknown
	case old == nil && limit >= 0 && len(t.meters) >= limit:
		return meterOutOfMeters
	}
	if why := m.build(); why != accepted {
		return why
	}
	made := m.meter
	if made.born = now; old != nil {
		made.born = old.born
	}
	t.meters[m.id] = &made
	return accepted
}

// meterMod applies a meter-mod, which cannot be in a bundle.
func (c *conn) meterMod(msg []byte) refusal {
	if c.role == openflow.RoleSlave {
		return isSlave
	}
	m, why := readMeterMod(msg)
	if why != accepted {
		return why
	}
	s := c.s
	s.stats.MeterMods++
	if m.command == openflow.MeterDelete {
		s.deleteMeters(m.id)
	} else if why := m.apply(s.tables, s.meterLimit(), s.age()); why != accepted {
		return why
	}
	s.requestForward(openflow.AsyncMeterMods, m.forward(be.Uint32(msg[4:])), c)
	return accepted
}

// deleteMeters deletes a meter, or all for MeterAll, and the flows that use them. It reports
// the flows of each meter separately.
func (s *Switch) deleteMeters(id uint32) {
	ids, _ := s.tables.chosenMeters(id)
	for _, id := range ids {
		delete(s.tables.meters, id)
		s.reportFlows(s.tables.removeUsers(need{id: id}, removedMeterDelete, nil), nil, 0)
		s.flushUpdates()
	}
}

// forward returns the meter-mod as Open vSwitch forwards it: encoded again from its decoded
// form.
func (m *meterMod) forward(xid openflow.Xid) []byte {
	v := openflow.Meter{ID: m.id, Flags: m.meter.flags, Bands: m.meter.bands}
	return v.AppendMod(nil, xid, m.command)
}
