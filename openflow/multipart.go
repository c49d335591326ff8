package openflow

import (
	"fmt"
	"iter"
)

// MultipartType is what a multipart message is about (OpenFlow 1.3.5, 7.3.5,
// ofp_multipart_type).
type MultipartType uint16

// Multipart types.
const (
	MultipartDesc          MultipartType = 0
	MultipartFlow          MultipartType = 1
	MultipartAggregate     MultipartType = 2
	MultipartTable         MultipartType = 3
	MultipartPortStats     MultipartType = 4
	MultipartQueue         MultipartType = 5
	MultipartGroup         MultipartType = 6
	MultipartGroupDesc     MultipartType = 7
	MultipartGroupFeatures MultipartType = 8
	MultipartMeter         MultipartType = 9
	MultipartMeterConfig   MultipartType = 10
	MultipartMeterFeatures MultipartType = 11
	MultipartTableFeatures MultipartType = 12
	MultipartPortDesc      MultipartType = 13
	MultipartExperimenter  MultipartType = 0xffff
)

// String returns the specification's name in lower case without OFPMP_.
func (t MultipartType) String() string {
	names := [...]string{"desc", "flow", "aggregate", "table", "port_stats", "queue",
		"group", "group_desc", "group_features", "meter", "meter_config",
		"meter_features", "table_features", "port_desc"}
	switch {
	case int(t) < len(names):
		return names[t]
	case t == MultipartExperimenter:
		return "experimenter"
	}
	return fmt.Sprintf("type_%d", uint16(t))
}

// MultipartMore in the flags says that another part of the request or reply
// follows (OpenFlow 1.3.5, 7.3.5, OFPMPF_REQ_MORE and OFPMPF_REPLY_MORE).
const MultipartMore uint16 = 1 << 0

// MultipartRequest asks for a MultipartReply, which may come in several parts
// of the same xid (OpenFlow 1.3.5, 7.3.5).
type MultipartRequest struct {
	Header
	Kind  MultipartType
	Flags uint16
	Body  []byte // depends on Kind
}

// MultipartReply is one part of the answer to a MultipartRequest. A method for
// each kind decodes its body.
type MultipartReply struct {
	Header
	Kind  MultipartType
	Flags uint16
	Body  []byte // depends on Kind; part of an array never ends within an entry
}

// More says whether another part of the reply follows.
func (m *MultipartReply) More() bool { return m.Flags&MultipartMore != 0 }

// Type returns TypeMultipartRequest.
func (m *MultipartRequest) Type() MessageType { return TypeMultipartRequest }

// AppendBinary appends the whole message.
func (m *MultipartRequest) AppendBinary(b []byte) ([]byte, error) {
	b, at := begin(b, TypeMultipartRequest, m.ID)
	return end(appendMultipart(b, m.Kind, m.Flags, m.Body), at)
}

func (m *MultipartRequest) decode(r *reader) { m.Kind, m.Flags, m.Body = r.multipart() }

// Type returns TypeMultipartReply.
func (m *MultipartReply) Type() MessageType { return TypeMultipartReply }

// AppendBinary appends the whole message.
func (m *MultipartReply) AppendBinary(b []byte) ([]byte, error) {
	b, at := begin(b, TypeMultipartReply, m.ID)
	return end(appendMultipart(b, m.Kind, m.Flags, m.Body), at)
}

func (m *MultipartReply) decode(r *reader) { m.Kind, m.Flags, m.Body = r.multipart() }

func appendMultipart(b []byte, kind MultipartType, flags uint16, body []byte) []byte {
	b = be.AppendUint16(be.AppendUint16(b, uint16(kind)), flags)
	return append(appendZeros(b, 4), body...)
}

func (r *reader) multipart() (kind MultipartType, flags uint16, body []byte) {
	kind = MultipartType(r.u16("type"))
	flags = r.u16("flags")
	r.skip(4, "padding")
	return kind, flags, r.rest()
}

// body returns a reader of the body of a reply that must be of that kind.
func (m *MultipartReply) body(kind MultipartType) (r *reader, err error) {
	if m.Kind != kind {
		return nil, fmt.Errorf("multipart_reply: type %v where %v was expected: %w", m.Kind, kind, ErrBadValue)
	}
	return &reader{b: m.Body}, nil
}

// replyError says in which reply, and in which entry if there are many, err
// occurred. A negative entry means that there are not.
func replyError(kind MultipartType, entry int, err error) error {
	switch {
	case err == nil:
		return nil
	case entry < 0:
		return fmt.Errorf("multipart_reply: %v: %w", kind, err)
	}
	return fmt.Errorf("multipart_reply: %v: entry %d: %w", kind, entry, err)
}

// entries yields the entries of a reply, each of which begins with its length. The
// *T is the same each time.
func entries[T any](m *MultipartReply, kind MultipartType, least int, decode func(*reader, *T)) iter.Seq2[*T, error] {
	return entriesAfter(m, kind, 0, func(*reader, *T) {}, least, decode)
}

// entriesAfter is entries where the first bytes of each entry, which before reads,
// precede its length; there are lead of them.
func entriesAfter[T any](m *MultipartReply, kind MultipartType, lead int, before func(*reader, *T), least int, decode func(*reader, *T)) iter.Seq2[*T, error] {
	return func(yield func(*T, error) bool) {
		body, err := m.body(kind)
		if err != nil {
			yield(nil, err)
			return
		}
		var v, zero T
		for i := 0; len(body.b) > 0; i++ {
			v = zero
			before(body, &v)
			n := int(body.u16("length"))
			if body.err == nil && n < least {
				body.fail("length", ErrBadLength)
			}
			entry := reader{b: body.take(n-lead-2, "entry"), err: body.err}
			if decode(&entry, &v); entry.err != nil {
				yield(nil, replyError(m.Kind, i, entry.err))
				return
			}
			if !yield(&v, nil) {
				return
			}
		}
	}
}

// PacketCounts are the counters of a group's bucket or of a meter's band.
type PacketCounts struct{ Packets, Bytes uint64 }

// packetCountsLen is their length in an entry.
const packetCountsLen = 16

func appendPacketCounts(b []byte, all []PacketCounts) []byte {
	for _, c := range all {
		b = be.AppendUint64(be.AppendUint64(b, c.Packets), c.Bytes)
	}
	return b
}

// packetCounts reads counters up to the end of the entry.
func (r *reader) packetCounts() (all []PacketCounts) {
	for len(r.b) > 0 && r.err == nil {
		all = append(all, PacketCounts{r.u64("packet_count"), r.u64("byte_count")})
	}
	return all
}
