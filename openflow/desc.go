package openflow

import "fmt"

// Desc describes a switch in words (OpenFlow 1.3.5, 7.3.5.1, ofp_desc).
type Desc struct {
	Manufacturer string // at most 256 bytes
	Hardware     string // at most 256 bytes
	Software     string // at most 256 bytes; for OVS its version
	SerialNumber string // at most 32 bytes
	Datapath     string // at most 256 bytes
}

const (
	descLen      = 256 // DESC_STR_LEN
	serialNumLen = 32  // SERIAL_NUM_LEN
)

// AppendBinary appends the body of the reply. It fails if a text is too long.
func (d *Desc) AppendBinary(b []byte) ([]byte, error) {
	for _, s := range [...]struct {
		text string
		n    int
	}{{d.Manufacturer, descLen}, {d.Hardware, descLen}, {d.Software, descLen},
		{d.SerialNumber, serialNumLen}, {d.Datapath, descLen}} {
		if len(s.text) > s.n {
			return b, fmt.Errorf("desc: %q: %w", s.text, ErrTooLong)
		}
		b = appendName(b, s.text, s.n)
	}
	return b, nil
}

// DescRequest returns the request for a Desc.
func DescRequest() *MultipartRequest { return &MultipartRequest{Kind: MultipartDesc} }

// Desc decodes a reply of kind MultipartDesc.
func (m *MultipartReply) Desc() (d Desc, err error) {
	r, err := m.body(MultipartDesc)
	if err != nil {
		return d, err
	}
	d.Manufacturer = r.name(descLen, "mfr_desc")
	d.Hardware = r.name(descLen, "hw_desc")
	d.Software = r.name(descLen, "sw_desc")
	d.SerialNumber = r.name(serialNumLen, "serial_num")
	d.Datapath = r.name(descLen, "dp_desc")
	r.finish()
	return d, replyError(m.Kind, -1, r.err)
}
