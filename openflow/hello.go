package openflow

import "fmt"

// Hello opens a connection and offers protocol versions (OpenFlow 1.3.5, 7.5.1).
type Hello struct {
	Header
	// Version in the message's header: the highest one that the sender speaks.
	// 0 encodes as 1.3.
	Version uint8
	// Bitmap of the versions that the sender speaks: bit n of word w stands for
	// wire version 32w+n. Empty if the peer sent none (OpenFlow before 1.3.1).
	Bitmap []uint32
	// Elements of other kinds, as they are on the wire, padding included.
	Elements []byte
}

// NewHello returns the Hello that offers OpenFlow 1.3 alone.
func NewHello() *Hello { return &Hello{Version: Version, Bitmap: []uint32{1 << Version}} }

// Supports says whether the sender speaks the version: by its bitmap or, if it
// sent none, every version up to Version (OpenFlow 1.3.5, 6.3.1).
func (m *Hello) Supports(version uint8) bool {
	if len(m.Bitmap) == 0 {
		return version <= m.Version
	}
	w := int(version / 32)
	return w < len(m.Bitmap) && m.Bitmap[w]&(1<<(version%32)) != 0
}

// Versions lists the wire versions of the bitmap, or Version alone if there is
// none.
func (m *Hello) Versions() []uint8 {
	if len(m.Bitmap) == 0 {
		return []uint8{m.Version}
	}
	var vs []uint8
	for v := range min(256, 32*len(m.Bitmap)) {
		if m.Supports(uint8(v)) {
			vs = append(vs, uint8(v))
		}
	}
	return vs
}

// Type returns TypeHello.
func (m *Hello) Type() MessageType { return TypeHello }

// helloVersionBitmap is OFPHET_VERSIONBITMAP (OpenFlow 1.3.5, 7.5.1).
const helloVersionBitmap = 1

// AppendBinary appends the whole message.
func (m *Hello) AppendBinary(b []byte) ([]byte, error) {
	b, at := begin(b, TypeHello, m.ID)
	if m.Version != 0 {
		b[at] = m.Version
	}
	if n := 4 + 4*len(m.Bitmap); n > 4 {
		if n > MaxMessageLen {
			return b[:at], fmt.Errorf("hello: bitmap: %w", ErrTooLong)
		}
		b = append(b, 0, helloVersionBitmap, byte(n>>8), byte(n))
		for _, w := range m.Bitmap {
			b = be.AppendUint32(b, w)
		}
		b = appendZeros(b, pad8(n)-n)
	}
	return end(append(b, m.Elements...), at)
}

func (m *Hello) decode(r *reader) {
	for i := 0; len(r.b) > 0 && r.err == nil; i++ {
		all := r.b
		typ := r.u16("element: type")
		n := int(r.u16("element: length"))
		if r.err == nil && n < 4 {
			r.fail("element: length", ErrBadLength)
		}
		body := r.take(n-4, "element")
		// Some peers leave out the padding of the last element.
		r.skip(min(pad8(n)-n, len(r.b)), "element: padding")
		if r.err != nil {
			return
		}
		if typ != helloVersionBitmap || m.Bitmap != nil || len(body) < 4 {
			m.Elements = append(m.Elements, all[:len(all)-len(r.b)]...)
			continue
		}
		if len(body)%4 != 0 {
			r.fail("element: bitmap", ErrBadLength)
			return
		}
		m.Bitmap = make([]uint32, 0, len(body)/4)
		for ; len(body) > 0; body = body[4:] {
			m.Bitmap = append(m.Bitmap, be.Uint32(body))
		}
	}
}
