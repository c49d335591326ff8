package chaos

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
)

// headerLen is sizeof(struct ofp_header), OpenFlow 1.3.5, 7.1.
const headerLen = 8

// The message types that the proxy distinguishes (OpenFlow 1.3.5, 7.1).
const (
	typeEchoRequest  = 2
	typeEchoReply    = 3
	typeBarrierReply = 21
)

// Message is a message that the proxy passes on.
type Message struct {
	// Conn is the number of the connection, in the order of their beginnings, from 0.
	Conn int
	Dir  Direction
	// At is the message's place among those of its direction. Echoes have no place, and are
	// no Messages.
	At int
	// Type is its wire type, ofp_type.
	Type uint8
	// Len is its length in bytes.
	Len int
}

// readMessage reads one whole message.
func readMessage(r *bufio.Reader) ([]byte, error) {
	header, err := r.Peek(headerLen)
	if err != nil {
		return nil, err
	}
	n := int(binary.BigEndian.Uint16(header[2:]))
	if n < headerLen {
		return nil, fmt.Errorf("message says it is %d bytes long", n)
	}
	b := make([]byte, n)
	_, err = io.ReadFull(r, b)
	return b, err
}

// counted reports whether a message has a place.
func counted(typ uint8) bool { return typ != typeEchoRequest && typ != typeEchoReply }
