package session

import (
	"bytes"
	"encoding/binary"
	"time"

	"github.com/sdnctl/sdnctl/openflow"
)

// monitored handles a message for the session's monitor, in the reader's
// goroutine, and reports whether it was one. It never waits.
func (s *Session) monitored(frame []byte) bool {
	m := s.monitor.Load()
	if m == nil {
		return false
	}
	switch {
	case openflow.IsFlowUpdates(frame):
		if !onlyOwn(frame) {
			m.push(frame, time.Now())
		}
	case isONF(frame, openflow.ONFFlowMonitorPaused):
		m.pause()
	case isONF(frame, openflow.ONFFlowMonitorResumed):
		m.resume()
	default:
		return false
	}
	return true
}

// onlyOwn reports whether a message contains nothing but the notice of this
// session's own changes.
func onlyOwn(frame []byte) bool {
	const at = openflow.HeaderLen + 8 + openflow.ExperimenterBodyLen
	return len(frame) == at+openflow.FlowAbbrevLen && openflow.FlowEvent(binary.BigEndian.Uint16(frame[at+2:])) == openflow.FlowAbbrev
}

// isONF says whether a message is the ONF's experimenter message of a type.
func isONF(frame []byte, typ uint32) bool {
	return isExperimenter(frame, openflow.ExperimenterONF, typ)
}

// isNicira reports whether a frame is a message of Nicira's of a type.
func isNicira(frame []byte, typ uint32) bool {
	return isExperimenter(frame, openflow.ExperimenterNicira, typ)
}

func isExperimenter(frame []byte, vendor, typ uint32) bool {
	return openflow.FrameType(frame) == openflow.TypeExperimenter && len(frame) >= openflow.HeaderLen+8 &&
		binary.BigEndian.Uint32(frame[openflow.HeaderLen:]) == vendor && binary.BigEndian.Uint32(frame[openflow.HeaderLen+4:]) == typ
}

// push queues a copy of a message of reports. It leaves out messages during a
// pause, because they may be about own changes.
func (m *FlowMonitor) push(frame []byte, at time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case m.paused:
		m.missed = true
		return
	case m.lost:
		return // the caller is to read all anyhow, and order would be lost too
	case m.queued+len(frame)+frameCost > MonitorQueue:
		m.lost = true
	default:
		m.queue = append(m.queue, monitorFrame{bytes.Clone(frame), at})
		m.queued += len(frame) + frameCost
	}
	m.signal()
}

// pause notes that reports are missing from here on.
func (m *FlowMonitor) pause() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.paused, m.missed, m.lost = true, false, true
	m.signal()
}

// resume notes that reports are complete again. If no report came during the
// pause, the flows have not changed since it began, and need not be read again.
func (m *FlowMonitor) resume() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.missed || !m.paused {
		m.lost = true
		m.signal()
	}
	m.paused, m.missed = false, false
}

// signal is called with mu held.
func (m *FlowMonitor) signal() {
	select {
	case m.wake <- struct{}{}:
	default:
	}
}
