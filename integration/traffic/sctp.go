package traffic

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"net"
)

// Kernels may be without SCTP: a server and a client of raw sockets speak as much
// of it as the beginning of an association takes.

// protoSCTP is SCTP's number in IP headers.
const protoSCTP = 132

// Types of chunks (RFC 9260, 3.2).
const (
	sctpInit    = 1
	sctpInitAck = 2
	sctpAbort   = 6
)

// serveSCTP answers INIT: with INIT ACK at ports that are served, else with ABORT.
func (h *Host) serveSCTP() error {
	for _, socket := range [...][2]string{{"ip4:132", "0.0.0.0"}, {"ip6:132", "::"}} {
		p, err := h.ListenPacket(socket[0], socket[1])
		if err != nil {
			return err
		}
		h.own(p, func() { h.answerSCTP(p) })
	}
	return nil
}

func (h *Host) answerSCTP(p net.PacketConn) {
	b := make([]byte, 2048)
	for {
		n, from, err := p.ReadFrom(b)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue
		}
		src, dst, chunk, ok := parseSCTP(b[:n])
		if !ok || chunk != sctpInit {
			continue
		}
		answer := uint8(sctpAbort)
		if h.serves(SCTP, dst) {
			answer = sctpInitAck
		}
		tag := binary.BigEndian.Uint32(b[16:]) // the initiate tag (RFC 9260, 3.3.2)
		_, _ = p.WriteTo(appendSCTP(nil, dst, src, tag, answer), from)
	}
}

// parseSCTP returns ports and the first chunk's type of a packet.
func parseSCTP(b []byte) (src, dst uint16, chunk uint8, ok bool) {
	if len(b) < 12+20 && (len(b) < 12+4 || b[12] != sctpAbort) {
		return 0, 0, 0, false
	}
	return binary.BigEndian.Uint16(b), binary.BigEndian.Uint16(b[2:]), b[12], true
}

// appendSCTP appends a packet of one chunk (RFC 9260, 3): INIT and INIT ACK with an
// initiate tag, the latter with a cookie, ABORT with nothing.
func appendSCTP(b []byte, src, dst uint16, tag uint32, chunk uint8) []byte {
	at := len(b)
	b = binary.BigEndian.AppendUint16(b, src)
	b = binary.BigEndian.AppendUint16(b, dst)
	b = binary.BigEndian.AppendUint32(b, tag)
	b = append(b, 0, 0, 0, 0) // checksum
	switch chunk {
	case sctpAbort:
		b = append(b, chunk, 0, 0, 4)
	case sctpInit, sctpInitAck:
		const window, streams, cookie = 64 << 10, 1, 7
		length := 20
		if chunk == sctpInitAck {
			length += 8
		}
		b = append(b, chunk, 0, 0, byte(length))
		b = binary.BigEndian.AppendUint32(b, uint32(src)<<16|uint32(dst)) // initiate tag: not 0
		b = binary.BigEndian.AppendUint32(b, window)
		b = binary.BigEndian.AppendUint16(b, streams)
		b = binary.BigEndian.AppendUint16(b, streams)
		b = binary.BigEndian.AppendUint32(b, 1) // initial TSN
		if chunk == sctpInitAck {
			b = append(b, 0, cookie, 0, 8, 1, 2, 3, 4)
		}
	}
	// The sum is written with its least significant byte first (RFC 9260, Appendix A).
	binary.LittleEndian.PutUint32(b[at+8:], crc32.Checksum(b[at:], crc32.MakeTable(crc32.Castagnoli)))
	return b
}
