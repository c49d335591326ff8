package answer

import (
	"bytes"
	"fmt"

	"github.com/gopacket/gopacket/layers"

	"github.com/sdnctl/sdnctl/topology/model"
)

const (
	// probeWindow is the window of a probe by TCP in bytes (RFC 9293, 3.1). A server sends no
	// more than that before it has an acknowledgement, and the first line of its answer is in it.
	probeWindow = 1024
	// statusBytes is how much is read of an answer by HTTP: "HTTP/1.1 200" and what comes next.
	statusBytes = len("HTTP/1.1 200 ")
)

// segment is what one end of a connection of TCP sends (RFC 9293, 3.1).
type segment struct {
	seq, ack            uint32
	syn, acks, fin, rst bool
	payload             []byte
}

func segmentOf(t *layers.TCP) segment {
	return segment{seq: t.Seq, ack: t.Ack, syn: t.SYN, acks: t.ACK, fin: t.FIN, rst: t.RST, payload: t.Payload}
}

// layer returns the header of the segment, from one port to another.
func (s segment) layer(from, to uint16) *layers.TCP {
	return &layers.TCP{
		SrcPort: layers.TCPPort(from), DstPort: layers.TCPPort(to), Seq: s.seq, Ack: s.ack,
		SYN: s.syn, ACK: s.acks, FIN: s.fin, RST: s.rst, PSH: len(s.payload) > 0, Window: probeWindow,
	}
}

// conversation is the client's end of a connection of TCP that a health check makes: it
// connects, asks once by HTTP if it has a question, and resets the connection when it knows
// enough of the answer. It takes what comes in order; what comes out of order it has the server
// send again. It holds at most statusBytes of the answer.
type conversation struct {
	// start is the number of its SYN, chosen at random. question is empty if it only connects.
	start    uint32
	question []byte
	// accepted says that the server has accepted the connection. taken is how many bytes of
	// the question it has acknowledged. expect is the number of the next byte from it.
	accepted bool
	taken    uint32
	expect   uint32
	answer   []byte
}

// verdict is what a conversation has found: why is "" for a server that is healthy, and else
// the rest of a sentence about the port.
type verdict struct {
	done bool
	why  string
}

// pending returns the segment that the server has to have next, to be sent for the first time
// or again: the SYN, or the question. ok is false if the server has all.
func (c *conversation) pending() (s segment, ok bool) {
	if !c.accepted {
		return segment{seq: c.start, syn: true}, true
	}
	return segment{seq: c.start + 1, ack: c.expect, acks: true, payload: c.question}, c.taken < uint32(len(c.question))
}

// reset returns the segment that ends the connection. Its number is the one that the server
// expects, as far as that is known; a server that expects another asks (RFC 5961, 3.2).
func (c *conversation) reset() segment {
	return segment{seq: c.start + 1 + c.taken, rst: true}
}

// received takes a segment of the server. It returns what to send for it, if ok, and what is
// found.
func (c *conversation) received(s segment) (reply segment, ok bool, v verdict) {
	taken := s.ack - (c.start + 1) // bytes of the question
	if !c.accepted {
		switch {
		case !s.acks || taken != 0:
			return reply, false, v // of an earlier connection
		case s.rst:
			return reply, false, verdict{true, "refuses connections"}
		case !s.syn:
			return reply, false, v
		}
		c.accepted, c.expect = true, s.seq+1
		if len(c.question) == 0 {
			return c.reset(), true, verdict{done: true}
		}
		reply, ok = c.pending()
		return reply, ok, v
	}
	switch {
	case s.rst:
		if s.seq-c.expect >= probeWindow {
			return reply, false, v // not one that may come now (RFC 9293, 3.10.7.4)
		}
		return reply, false, verdict{true, c.ended("resets")}
	case !s.acks || s.syn || taken > uint32(len(c.question)):
		return reply, false, v
	}
	c.taken = max(c.taken, taken)
	if len(s.payload) == 0 && !s.fin {
		return reply, false, v
	}
	if v = c.read(s); v.done {
		return c.reset(), true, v
	}
	return segment{seq: c.start + 1 + uint32(len(c.question)), ack: c.expect, acks: true}, true, v
}

// read takes the part of a segment that comes next, and judges the answer so far.
func (c *conversation) read(s segment) verdict {
	old := c.expect - s.seq // bytes that have come before
	if int32(old) < 0 || uint32(len(s.payload)) < old {
		return verdict{} // something before it is missing, or all of it is old
	}
	fresh := s.payload[old:]
	c.expect += uint32(len(fresh))
	c.answer = append(c.answer, fresh[:min(len(fresh), statusBytes-len(c.answer))]...)
	switch code, complete, speaks := readStatus(c.answer); {
	case !speaks:
		return verdict{true, "does not speak HTTP"}
	case complete && (code < 200 || code > 399):
		return verdict{true, fmt.Sprintf("answers %d to %s", code, c.asks())}
	case complete:
		return verdict{done: true}
	case s.fin:
		return verdict{true, c.ended("closes")}
	}
	return verdict{}
}

// ended says how the server ends the connection before it has answered.
func (c *conversation) ended(how string) string {
	if len(c.answer) > 0 {
		return "does not speak HTTP"
	}
	return how + " the connection without an answer"
}

// silent says what the server does not do in time.
func (c *conversation) silent(within model.Duration) string {
	if c.accepted {
		return fmt.Sprintf("accepts connections, but does not answer %s within %v", c.asks(), within)
	}
	return fmt.Sprintf("does not answer within %v", within)
}

// asks returns the method and path of the question.
func (c *conversation) asks() string {
	line, _, _ := bytes.Cut(c.question, []byte(" HTTP/"))
	return string(line)
}

// readStatus reads the beginning of an answer by HTTP/1 (RFC 9112, 4). speaks is false once it
// can be none; complete says that the code is there.
func readStatus(b []byte) (code int, complete, speaks bool) {
	const form = "HTTP/1.x nnn"
	for i, c := range b {
		switch {
		case i == len(form):
			return code, c == ' ' || c == '\r' || c == '\n', c == ' ' || c == '\r' || c == '\n'
		case form[i] == 'x' || form[i] == 'n':
			if c < '0' || c > '9' {
				return 0, false, false
			}
			if form[i] == 'n' {
				code = 10*code + int(c-'0')
			}
		case form[i] != c:
			return 0, false, false
		}
	}
	return code, false, true
}

// questionOf returns what a check asks by HTTP; nothing for one that only connects. authority
// is whom it asks, unless the check says it.
func questionOf(h *model.HealthCheck, authority string) []byte {
	if h.Protocol != model.CheckHTTP {
		return nil
	}
	if h.Host != "" {
		authority = h.Host
	}
	return fmt.Appendf(nil, "GET %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: sdnctl\r\nConnection: close\r\n\r\n", h.Path, authority)
}
