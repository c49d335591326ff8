package session

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/sdnctl/sdnctl/openflow"
)

// checkVersion checks the version in the header of a message after the HELLO.
func checkVersion(header []byte) error {
	if v := frameVersion(header); v != openflow.Version {
		return fmt.Errorf("switch sends %v of %v after OpenFlow 1.3 was agreed on (bytes % x)",
			openflow.FrameType(header), versionName(v), header)
	}
	return nil
}

// dispatch handles one message of the switch, and reports whether it was
// requested: a reply that a caller waits for, a monitor's report, or a packet-in within
// the budget of these. It never
// waits for the connection's other direction. An error ends the connection.
func (s *Session) dispatch(frame []byte) (asked bool, err error) {
	s.counters.received(frame)
	switch t := openflow.FrameType(frame); t {
	case openflow.TypeEchoRequest:
		s.answerEcho(frame)
	case openflow.TypeEchoReply:
		return s.calls.deliver(frame), nil // or it is keepalive's, for whom its arrival is enough
	case openflow.TypePortStatus:
		return false, s.portStatus(frame)
	case openflow.TypePacketIn:
		return s.packetIn(frame), nil
	case openflow.TypeFlowRemoved:
		s.events.push(t, frame)
	case openflow.TypeError:
		if s.calls.deliver(frame) {
			return true, nil
		}
		s.events.push(t, frame)
	default:
		if s.calls.deliver(frame) || s.monitored(frame) {
			return true, nil
		}
		if s.forwarded(frame) {
			return false, nil
		}
		if isNicira(frame, openflow.NiciraPacketIn2) {
			return s.packetIn(frame), nil
		}
		s.counters.unmatched.Add(1)
		s.log.Debug("nobody waits for message", "type", t, "xid", frameXid(frame))
		return s.calls.isLate(frame), nil
	}
	return false, nil
}

func (s *Session) portStatus(frame []byte) error {
	m, err := openflow.DecodeMessage(bytes.Clone(frame))
	if err != nil {
		// It is unknown which port changed, so the session's ports are no longer right.
		return fmt.Errorf("switch sends malformed %v: %w", openflow.TypePortStatus, err)
	}
	return s.events.pushPort(m.(*openflow.PortStatus))
}

// readError says why reading ended.
func readError(err error) error {
	switch {
	case errors.Is(err, io.EOF):
		return errSwitchClosed
	case errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("%w in the middle of a message", errSwitchClosed)
	}
	return fmt.Errorf("read: %w", err)
}

var errSwitchClosed = errors.New("switch closed the connection")

// writeError says why writing ended.
func writeError(err error) error {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return errors.New("switch does not read: it took nothing for longer than the write timeout")
	}
	return fmt.Errorf("write: %w", err)
}
