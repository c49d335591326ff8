package session

import (
	"bytes"
	"fmt"
	"iter"
	"sync"

	"github.com/sdnctl/sdnctl/openflow"
)

// Event is an unsolicited message of a switch: *PortStatus, *PacketIn,
// *FlowRemoved, or an *ErrorMsg for a message of Send.
type Event = openflow.Message

const (
	// maxPortsChanged bounds the ports with changes that the consumer has not
	// taken. Open vSwitch has at most 65280 ports; more end the session.
	maxPortsChanged = 1 << 16
	// maxOtherEvents bounds the flow-removed messages and errors that wait.
	maxOtherEvents = 1024
	// maxEventBytes bounds the packet-ins that wait, in bytes.
	maxEventBytes = 1 << 20
)

// NextEvent returns the next unsolicited message. It waits for one, and returns false
// when the connection has ended. Messages from the handshake come first. It may be
// called by one goroutine at a time.
//
// The consumer may be slow. Then the changes of a port are merged into one with
// the port's newest description, so the consumer always gets the newest.
// Packet-ins are dropped beyond Config.PacketInQueue (or 1 MiB), flow-removed
// messages and errors beyond 1024; Stats counts them. Changes of ports come before
// the others.
func (s *Session) NextEvent() (Event, bool) {
	for {
		select {
		case <-s.dead:
			return nil, false
		default:
		}
		port, frame := s.events.pop()
		switch {
		case port != nil:
			return port, true
		case frame != nil:
			if e := s.decodeEvent(frame); e != nil {
				return e, true
			}
			continue
		}
		select {
		case <-s.events.wake:
		case <-s.dead:
		}
	}
}

// Events yields what NextEvent returns, until the connection has ended.
func (s *Session) Events() iter.Seq[Event] {
	return func(yield func(Event) bool) {
		for e, ok := s.NextEvent(); ok && yield(e); {
			e, ok = s.NextEvent()
		}
	}
}

// eventQueue holds events until they are taken.
type eventQueue struct {
	wake chan struct{} // capacity 1

	mu            sync.Mutex // guards all below
	ports         map[openflow.PortNo]*openflow.PortStatus
	portOrder     []openflow.PortNo // keys of ports, oldest change first
	packetIns     [][]byte
	packetInBytes int
	maxPacketIns  int
	others        [][]byte
	packetInsLost uint64
	otherLost     uint64
}

func newEventQueue(packetIns int) *eventQueue {
	return &eventQueue{
		wake:         make(chan struct{}, 1),
		ports:        make(map[openflow.PortNo]*openflow.PortStatus),
		maxPacketIns: packetIns,
	}
}

// push queues a message other than a port-status message, or drops it.
func (q *eventQueue) push(t openflow.MessageType, frame []byte) {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case t == openflow.TypePacketIn && (len(q.packetIns) >= q.maxPacketIns || q.packetInBytes+len(frame) > maxEventBytes):
		q.packetInsLost++
		return
	case t == openflow.TypePacketIn:
		q.packetIns = append(q.packetIns, bytes.Clone(frame))
		q.packetInBytes += len(frame)
	case len(q.others) >= maxOtherEvents:
		q.otherLost++
		return
	default:
		q.others = append(q.others, bytes.Clone(frame))
	}
	q.signal()
}

// pushPort queues a port-status message and merges it with a queued one: the
// newest description counts, and a port that is new to the consumer stays new.
func (q *eventQueue) pushPort(m *openflow.PortStatus) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	no := m.Port.No
	old, waiting := q.ports[no]
	switch {
	case !waiting && len(q.ports) >= maxPortsChanged:
		return fmt.Errorf("switch reports changes of more than %d ports", maxPortsChanged)
	case !waiting:
		q.portOrder = append(q.portOrder, no)
	case old.Reason == openflow.PortAdded && m.Reason == openflow.PortModified:
		m.Reason = openflow.PortAdded
	}
	q.ports[no] = m
	q.signal()
	return nil
}

// signal is called with mu held.
func (q *eventQueue) signal() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// pop takes the next event: a port's status, or the bytes of another message.
func (q *eventQueue) pop() (port *openflow.PortStatus, frame []byte) {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case len(q.portOrder) > 0:
		no := q.portOrder[0]
		q.portOrder = q.portOrder[1:]
		port = q.ports[no]
		delete(q.ports, no)
	case len(q.others) > 0:
		frame, q.others = q.others[0], q.others[1:]
	case len(q.packetIns) > 0:
		frame, q.packetIns = q.packetIns[0], q.packetIns[1:]
		q.packetInBytes -= len(frame)
	}
	return port, frame
}

func (q *eventQueue) dropped() (packetIns, others uint64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.packetInsLost, q.otherLost
}

// decodeEvent decodes a message of the queue, and returns nil for one that is malformed.
func (s *Session) decodeEvent(frame []byte) Event {
	m, err := openflow.DecodeMessage(frame)
	if err != nil {
		s.counters.undecodable.Add(1)
		s.log.Warn("switch sends malformed message", "type", openflow.FrameType(frame), "err", err)
		return nil
	}
	if in, ok := m.(*openflow.PacketIn2); ok {
		return &in.PacketIn
	}
	return m
}
