package simswitch

import (
	"context"
	"time"
)

// Faults are what a switch does wrong on request. The zero Faults is none.
type Faults struct {
	// DropAfter closes each connection after so many messages,
	// the HELLO among them; 0 never.
	DropAfter int
	// ReplyDelay is how long all that the switch says waits before it is sent.
	ReplyDelay time.Duration
	// StopReading takes nothing more from connections, nor answers.
	StopReading bool
	// ReadRate is how many bytes a second are read; 0 as many as there are.
	ReadRate int
	// RefuseFlows answers every new flow with OFPFMFC_TABLE_FULL.
	RefuseFlows bool
	// RefuseGroups answers every new group with OFPGMFC_OUT_OF_GROUPS.
	RefuseGroups bool
	// RefuseMeters answers every new meter with OFPMMFC_OUT_OF_METERS, as Open
	// vSwitch does whose datapath has no meters.
	RefuseMeters bool
}

// SetFaults replaces the faults, for connections that are there too.
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

// limits returns what modifications depend on now.
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

// meterLimit is how many meters there may be; negative is any number.
func (s *Switch) meterLimit() int {
	if s.faults.RefuseMeters {
		return 0
	}
	return -1
}
