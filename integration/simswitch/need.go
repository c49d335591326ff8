package simswitch

import "github.com/sdnctl/sdnctl/openflow"

// need is a group or a meter that a flow uses.
type need struct {
	group bool // else a meter
	id    uint32
}

// lacks returns the refusal of a flow that needs a missing group or meter. Open vSwitch checks
// that when it adds the flow, not when it decodes the message.
func (t *tables) lacks(needs []need) refusal {
	for _, n := range needs {
		switch {
		case n.group && t.groups[n.id] == nil:
			return actionBadOutGroup
		case !n.group && t.meters[n.id] == nil:
			return meterInvalid
		}
	}
	return accepted
}

// needsGroup reports whether a flow sends packets to a group.
func (f *flow) needsGroup(id uint32) bool {
	return f.uses(need{group: true, id: id}) > 0
}

// uses returns how many times a flow uses a group or a meter.
func (f *flow) uses(n need) int {
	times := 0
	for _, have := range f.needs {
		if have == n {
			times++
		}
	}
	return times
}

// removeUsers removes the flows that use a group or a meter, and appends them to log. It
// iterates over all flows if there are such flows; otherwise it costs nothing.
func (t *tables) removeUsers(n need, reason openflow.FlowRemovedReason, log []change) []change {
	if t.users[n] == 0 {
		return log
	}
	for i, e := range t.all() {
		if e.uses(n) > 0 {
			log = append(log, change{event: openflow.FlowDeleted, reason: reason, old: t.remove(i)})
		}
	}
	return log
}
