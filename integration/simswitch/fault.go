package simswitch

import (
	"context"
	"time"
)

// Faults are faults that a switch simulates. The zero Faults has none.
type Faults struct {
	// DropAfter is the number of messages, including HELLO, after which the switch closes
	// each connection; 0 for never.
	DropAfter int
	// ReplyDelay is the delay of all messages that the switch sends.
	ReplyDelay time.Duration
	// StopReading makes the switch stop reading from connections, and so answering.
	StopReading bool
	// ReadRate is the limit of bytes read per second; 0 for none.
	ReadRate int
	// RefuseFlows refuses every new flow with OFPFMFC_TABLE_FULL.
	RefuseFlows bool
	// RefuseGroups refuses every new group with OFPGMFC_OUT_OF_GROUPS.
	RefuseGroups bool
	// RefuseMeters refuses every new meter with OFPMMFC_OUT_OF_METERS, as an Open
	// vSwitch does whose datapath has no meters.
	RefuseMeters bool
}

// SetFaults replaces the faults, also for existing connections.
func (s *Switch) SetFaults(f Faults) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = f
	close(s.faultsChanged)
	s.faultsChanged = make(chan struct{})
}

// Faults returns the faults.
func (s *Switch) Faults() Faults {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.faults
}

// awaitFaults waits until the faults are no longer f.
func (s *Switch) awaitFaults(ctx context.Context, f Faults) error {
	for {
		s.mu.Lock()
		changed, now := s.faultsChanged, s.faults
		s.mu.Unlock()
		if now != f {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// limits returns the present limits of modifications.
func (s *Switch) limits() limits {
	l := limits{flows: -1, groups: -1, now: s.age()}
	switch {
	case s.faults.RefuseFlows:
		l.flows = 0
	case s.cfg.TableLimit > 0:
		l.flows = s.cfg.TableLimit
	}
	if s.faults.RefuseGroups {
		l.groups = 0
	}
	return l
}

// meterLimit returns the greatest number of meters; negative for any number.
func (s *Switch) meterLimit() int {
	if s.faults.RefuseMeters {
		return 0
	}
	return -1
}
