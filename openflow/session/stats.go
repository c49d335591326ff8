package session

import (
	"encoding/binary"
	"sync/atomic"

	"github.com/sdnctl/sdnctl/openflow"
)

// messageTypes is how many types OpenFlow 1.3 has; counters lump others.
const messageTypes = int(openflow.TypeMeterMod) + 1

// Stats counts what a session has done.
type Stats struct {
	// In and Out count messages by type; messages of types that OpenFlow 1.3
	// does not know are under MessageType(255). Types never seen are left out.
	In, Out map[openflow.MessageType]uint64
	// BytesIn and BytesOut count bytes of messages.
	BytesIn, BytesOut uint64
	// PacketInsDropped counts packet-ins lost because the switch sent too many or the
	// queue of events was full, EventsDropped flow-removed messages and errors that
	// found the queue full.
	PacketInsDropped, EventsDropped uint64
	// Undecodable counts unsolicited messages that were dropped because they
	// were malformed.
	Undecodable uint64
	// Unmatched counts replies that nobody waited for, as when the caller's
	// context had ended.
	Unmatched uint64
	// Unsent counts echo replies not sent because the switch took nothing.
	Unsent uint64
}

// counters is the live form of Stats.
type counters struct {
	in, out           [messageTypes + 1]atomic.Uint64
	bytesIn, bytesOut atomic.Uint64
	undecodable       atomic.Uint64
	unmatched         atomic.Uint64
	unsent            atomic.Uint64
	packetInsDropped  atomic.Uint64 // beyond the rate
}

func countersIndex(t openflow.MessageType) int { return min(int(t), messageTypes) }

func (c *counters) received(frame []byte) { c.in[countersIndex(openflow.FrameType(frame))].Add(1) }

// sent counts the whole messages in frames.
func (c *counters) sent(frames []byte) {
	for len(frames) >= openflow.HeaderLen {
		c.out[countersIndex(openflow.FrameType(frames))].Add(1)
		frames = frames[binary.BigEndian.Uint16(frames[2:]):]
	}
}

// Stats returns the session's counters as of now.
func (s *Session) Stats() Stats {
	c := &s.counters
	st := Stats{
		In: map[openflow.MessageType]uint64{}, Out: map[openflow.MessageType]uint64{},
		BytesIn: c.bytesIn.Load(), BytesOut: c.bytesOut.Load(),
		Undecodable: c.undecodable.Load(),
		Unmatched:   c.unmatched.Load(),
		Unsent:      c.unsent.Load(),
	}
	_, st.EventsDropped = s.events.dropped()
	st.PacketInsDropped = s.PacketInsDropped()
	for i := range c.in {
		t := openflow.MessageType(i)
		if i == messageTypes {
			t = 255
		}
		if n := c.in[i].Load(); n > 0 {
			st.In[t] = n
		}
		if n := c.out[i].Load(); n > 0 {
			st.Out[t] = n
		}
	}
	return st
}
