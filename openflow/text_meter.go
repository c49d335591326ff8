package openflow

import "fmt"

// meterFlagNames are the names of meter flags from bit 0 on.
var meterFlagNames = [...]string{"kbps", "pktps", "burst", "stats"}

// String returns the meter as "ovs-ofctl dump-meters" prints it, in one line:
//
//	meter=5 kbps burst bands= type=drop rate=1000 burst_size=100
func (m *Meter) String() string { return string(m.appendText(nil)) }

func (m *Meter) appendText(b []byte) []byte {
	switch {
	case m.ID == MeterAll:
		b = append(b, "meter=all"...)
	default:
		b = fmt.Appendf(b, "meter=%d", m.ID)
	}
	for i, name := range meterFlagNames {
		if m.Flags&(1<<i) != 0 {
			b = append(append(b, ' '), name...)
		}
	}
	if rest := m.Flags &^ (1<<len(meterFlagNames) - 1); rest != 0 {
		b = fmt.Appendf(b, " flags:0x%x", uint16(rest))
	}
	b = append(b, " bands="...)
	if m.Bands.check() != nil {
		return appendHexDigits(append(b, "malformed:"...), m.Bands)
	}
	for l := m.Bands; len(l) > 0; l = l[bandLen:] {
		b = m.appendBand(b, l[:bandLen])
	}
	return b
}

func (m *Meter) appendBand(b []byte, band Bands) []byte {
	typ := be.Uint16(band)
	switch typ {
	case bandDrop:
		b = append(b, " type=drop"...)
	case bandDSCPRemark:
		b = append(b, " type=dscp_remark"...)
	default:
		b = fmt.Appendf(b, " type=%d", typ)
	}
	b = fmt.Appendf(b, " rate=%d", be.Uint32(band[4:]))
	if m.Flags&MeterBurst != 0 {
		b = fmt.Appendf(b, " burst_size=%d", be.Uint32(band[8:]))
	}
	if typ == bandDSCPRemark {
		b = fmt.Appendf(b, " prec_level=%d", band[12])
	}
	return b
}

// String returns the command before the meter.
func (m *MeterMod) String() string { return fmt.Sprintf("%v %v", m.Command, &m.Meter) }
