package session

import (
	"context"
	"errors"
	"fmt"

	"github.com/sdnctl/sdnctl/openflow"
)

// ErrForwardUnsupported is wrapped by what WatchGroups returns if the switch cannot
// tell of changes of groups and meters over OpenFlow 1.3. Open vSwitch can since
// 2.7.
var ErrForwardUnsupported = errors.New("switch cannot report changes of its groups and meters: that needs Open vSwitch 2.7 or later")

// WatchGroups has the switch tell when another connection changes a group or a
// meter, from before WatchGroups returns. The channel then has a value; it is never
// closed. What was changed is known from reading groups and meters. It is the same
// channel however often WatchGroups is called.
//
// What this session does is not told. The flows that go with a group or meter that
// is deleted are a FlowMonitor's to report.
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

// forwarded notes a message that tells of a change of a group or a meter by
// another, and says whether the message is one.
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
