package session

import (
	"context"
	"errors"
	"fmt"

	"github.com/sdnctl/sdnctl/openflow"
)

// ErrForwardUnsupported is wrapped by the error of WatchGroups if the switch cannot
// report changes of groups and meters over OpenFlow 1.3. Open vSwitch can since
// 2.7.
var ErrForwardUnsupported = errors.New("switch cannot report changes of its groups and meters: that needs Open vSwitch 2.7 or later")

// WatchGroups makes the switch report when another connection changes a group or
// a meter, from before WatchGroups returns. A change puts a value into the
// channel; to find out what has changed, read the groups and meters. Every call
// returns the same channel, which is never closed.
//
// This session's own changes are not reported. A FlowMonitor reports the flows
// that are deleted with a group or meter.
func (s *Session) WatchGroups(ctx context.Context) (<-chan struct{}, error) {
	const both = openflow.AsyncGroupMods | openflow.AsyncMeterMods
	_, err := s.Do(ctx, &openflow.SetAsyncConfig{Properties: []openflow.AsyncProperty{
		{Kind: openflow.AsyncRequestForwardMaster, Mask: both},
		{Kind: openflow.AsyncRequestForwardSlave, Mask: both},
	}})
	switch {
	case unsupported(err):
		return nil, fmt.Errorf("watch groups: %w: %w", ErrForwardUnsupported, err)
	case err != nil:
		return nil, fmt.Errorf("watch groups: %w", err)
	}
	return s.groups, nil
}

// forwarded reports whether a message says that another connection has changed a
// group or a meter, and signals the change if so.
func (s *Session) forwarded(frame []byte) bool {
	if !isONF(frame, openflow.ONFRequestForward) {
		return false
	}
	select {
	case s.groups <- struct{}{}:
	default:
	}
	return true
}
