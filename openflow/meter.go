package openflow

import (
	"fmt"
	"iter"
)

// MeterFlags say what a meter counts (OpenFlow 1.3.5, 7.3.4.4, ofp_meter_flags).
// Just one of MeterKbps and MeterPktps must be set.
type MeterFlags uint16

// Flags of a meter.
const (
	MeterKbps  MeterFlags = 1 << 0 // rates are in kilobits a second
	MeterPktps MeterFlags = 1 << 1 // rates are in packets a second
	MeterBurst MeterFlags = 1 << 2 // the bursts of the bands hold
	MeterStats MeterFlags = 1 << 3 // collect statistics; Open vSwitch always does
)

// Meter numbers (OpenFlow 1.3.5, 7.3.4.4, ofp_meter).
const (
	MeterMin uint32 = 1
	// MeterMax is the highest number of a meter. Numbers above are virtual meters:
	// Open vSwitch limits by them what goes to itself (slowpath) and to controllers.
	MeterMax uint32 = 0xffff0000
	MeterAll uint32 = 0xffffffff // all meters, in deletions and requests
)

// Bands is a list of meter bands as they are on the wire (OpenFlow 1.3.5, 7.3.4.4,
// ofp_meter_band_header).
type Bands []byte

// Types of bands.
const (
	bandDrop       = 1
	bandDSCPRemark = 2
)

// bandLen is the length of every band that the specification knows.
const bandLen = 16

// Drop appends a band that drops packets beyond a rate, which is in the unit of the
// meter's flags. The burst, in kilobits or packets, holds if the flags have
// MeterBurst. A burst of 0 comes back from Open vSwitch's userspace datapath as the
// rate, and from its kernel datapath as 0: one that is given comes back as it is.
func (l Bands) Drop(rate, burst uint32) Bands { return l.band(bandDrop, rate, burst, 0) }

// DSCPRemark appends a band that raises the drop precedence in the DSCP field of
// packets beyond a rate by so many levels.
func (l Bands) DSCPRemark(rate, burst uint32, levels uint8) Bands {
	return l.band(bandDSCPRemark, rate, burst, levels)
}

func (l Bands) band(typ uint16, rate, burst uint32, levels uint8) Bands {
	l = be.AppendUint16(be.AppendUint16(l, typ), bandLen)
	l = be.AppendUint32(be.AppendUint32(l, rate), burst)
	return append(l, levels, 0, 0, 0)
}

// check reports whether l is a list of well-formed bands.
func (l Bands) check() error {
	for i := 0; len(l) > 0; i++ {
		if len(l) < bandLen {
			return fmt.Errorf("band %d: %w", i, ErrTruncated)
		}
		if n := be.Uint16(l[2:]); n != bandLen {
			return fmt.Errorf("band %d: length %d: %w", i, n, ErrBadLength)
		}
		l = l[bandLen:]
	}
	return nil
}

// bands takes all that is left.
func (r *reader) bands() Bands {
	l := Bands(r.rest())
	r.fail("bands", l.check())
	return l
}

// Meter is one entry of the meter table as a value (OpenFlow 1.3.5, 5.7). A Meter
// is not modified once it was made; copies share Bands.
type Meter struct {
	ID    uint32 // MeterMin..MeterMax, or a virtual meter
	Flags MeterFlags
	Bands Bands
}

// MeterCommand is what a METER_MOD does (OpenFlow 1.3.5, 7.3.4.4,
// ofp_meter_mod_command).
type MeterCommand uint16

// Commands of METER_MOD.
const (
	MeterAdd    MeterCommand = 0 // fails if there is one with the number
	MeterModify MeterCommand = 1 // fails if there is none
	// MeterDelete also deletes the flows that use the meter. A meter that does not
	// exist is no error.
	MeterDelete MeterCommand = 2
)

// String returns the command as ovs-ofctl shows it.
func (c MeterCommand) String() string {
	names := [...]string{"ADD", "MOD", "DEL"}
	if int(c) < len(names) {
		return names[c]
	}
	return fmt.Sprintf("command_%d", uint16(c))
}

// MeterMod is a METER_MOD message (OpenFlow 1.3.5, 7.3.4.4).
type MeterMod struct {
	Header
	Command MeterCommand
	Meter
}

// meterModLen is the length of ofp_meter_mod up to its bands.
const meterModLen = HeaderLen + 8

// Type returns TypeMeterMod.
func (m *MeterMod) Type() MessageType { return TypeMeterMod }

// AppendBinary appends the whole message.
func (m *MeterMod) AppendBinary(b []byte) ([]byte, error) {
	if n := meterModLen + len(m.Bands); n > MaxMessageLen {
		return b, fmt.Errorf("meter_mod: %d bytes: %w", n, ErrTooLong)
	}
	return m.AppendMod(b, m.Header.ID, m.Command), nil
}

func (m *MeterMod) decode(r *reader) {
	m.Command = MeterCommand(r.u16("command"))
	m.Flags = MeterFlags(r.u16("flags"))
	m.Meter.ID = r.u32("meter_id")
	m.Bands = r.bands()
}

// AppendMod appends a whole METER_MOD message that applies a command to the meter.
// It panics if the message would be longer than MaxMessageLen.
func (m *Meter) AppendMod(b []byte, xid Xid, cmd MeterCommand) []byte {
	n := meterModLen + len(m.Bands)
	if n > MaxMessageLen {
		panic("openflow: meter is longer than a message can be")
	}
	b = append(b, Version, byte(TypeMeterMod), byte(n>>8), byte(n))
	b = be.AppendUint32(b, xid)
	b = be.AppendUint16(be.AppendUint16(b, uint16(cmd)), uint16(m.Flags))
	return append(be.AppendUint32(b, m.ID), m.Bands...)
}

// AppendMeterDelete appends a whole METER_MOD message that deletes a meter, or all
// for MeterAll, and the flows that use it.
func AppendMeterDelete(b []byte, xid Xid, id uint32) []byte {
	return (&Meter{ID: id}).AppendMod(b, xid, MeterDelete)
}

// DecodeMeterMod decodes one whole METER_MOD message, header included. The bands
// alias b.
func DecodeMeterMod(b []byte) (*MeterMod, error) { return decodeAs[*MeterMod](b) }

// MeterConfigRequest returns the request for a meter, or for all for MeterAll
// (OpenFlow 1.3.5, 7.3.5.12).
func MeterConfigRequest(id uint32) *MultipartRequest {
	return &MultipartRequest{Kind: MultipartMeterConfig, Body: appendZeros(be.AppendUint32(nil, id), 4)}
}

// meterConfigLen is the length of ofp_meter_config up to its bands.
const meterConfigLen = 8

// AppendConfig appends the meter as it stands in replies of kind
// MultipartMeterConfig. It fails if the entry is longer than its length field
// allows.
func (m *Meter) AppendConfig(b []byte) ([]byte, error) {
	n := meterConfigLen + len(m.Bands)
	if n > MaxMessageLen {
		return b, fmt.Errorf("meter configuration: %d bytes: %w", n, ErrTooLong)
	}
	b = be.AppendUint16(be.AppendUint16(b, uint16(n)), uint16(m.Flags))
	return append(be.AppendUint32(b, m.ID), m.Bands...), nil
}

// Meters yields the meters of a reply of kind MultipartMeterConfig, whose bands
// alias the message. The *Meter is the same each time: what is kept must be
// copied. An error, given with a nil *Meter, ends the sequence.
func (m *MultipartReply) Meters() iter.Seq2[*Meter, error] {
	return entries(m, MultipartMeterConfig, meterConfigLen, func(r *reader, m *Meter) {
		m.Flags = MeterFlags(r.u16("flags"))
		m.ID = r.u32("meter_id")
		m.Bands = r.bands()
	})
}

// MeterFeatures is what meters of a switch can be (OpenFlow 1.3.5, 7.3.5.13,
// ofp_meter_features).
type MeterFeatures struct {
	MaxMeters    uint32     // how many meters there may be
	BandTypes    uint32     // a bit for each type of band
	Capabilities MeterFlags // flags that a meter may have
	MaxBands     uint8      // of one meter
	MaxColor     uint8      // the highest color value
}

// MeterFeaturesRequest returns the request for MeterFeatures.
func MeterFeaturesRequest() *MultipartRequest {
	return &MultipartRequest{Kind: MultipartMeterFeatures}
}

// AppendBinary appends the body of the reply.
func (f *MeterFeatures) AppendBinary(b []byte) ([]byte, error) {
	b = be.AppendUint32(be.AppendUint32(b, f.MaxMeters), f.BandTypes)
	b = be.AppendUint32(b, uint32(f.Capabilities))
	return append(b, f.MaxBands, f.MaxColor, 0, 0), nil
}

// MeterFeatures decodes a reply of kind MultipartMeterFeatures.
func (m *MultipartReply) MeterFeatures() (f MeterFeatures, err error) {
	r, err := m.body(MultipartMeterFeatures)
	if err != nil {
		return f, err
	}
	f.MaxMeters = r.u32("max_meter")
	f.BandTypes = r.u32("band_types")
	f.Capabilities = MeterFlags(r.u32("capabilities"))
	f.MaxBands = r.u8("max_bands")
	f.MaxColor = r.u8("max_color")
	r.skip(2, "padding")
	r.finish()
	return f, replyError(m.Kind, -1, r.err)
}
