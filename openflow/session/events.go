package session

import (
	"bytes"
	"fmt"
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

// Events returns the channel of unsolicited messages. It is closed when Run
// returns. Messages from the handshake come first.
//
// The consumer may be slow. Then the changes of a port are merged into one with
// the port's newest description, so the consumer always gets the newest.
// Packet-ins are dropped beyond Config.PacketInQueue (or 1 MiB), flow-removed
// messages and errors beyond 1024; Stats counts them. Changes of ports come before
// the others.
func (s *Session) Events() <-chan Event { return s.events.out }

// eventQueue holds events until they are taken.
type eventQueue struct {
	out  chan Event
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
		out:          make(chan Event),
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

// deliverEvents moves events from the queue to the channel until the connection
// has ended.
func (s *Session) deliverEvents() {
	q := s.events
	for {
		port, frame := q.pop()
		var e Event
		switch {
		case port != nil:
			e = port
		case frame != nil:
			m, err := openflow.DecodeMessage(frame)
			if err != nil {
				s.counters.undecodable.Add(1)
				s.log.Warn("switch sends malformed message", "type", openflow.FrameType(frame), "err", err)
				continue
			}
			if e = m; isNicira(frame, openflow.NiciraPacketIn2) {
				e = &m.(*openflow.PacketIn2).PacketIn
			}
		default:
			select {
			case <-q.wake:
				continue
			case <-s.dead:
				return
			}
		}
		select {
		case q.out <- e:
		case <-s.dead:
			return
		}
	}
}
