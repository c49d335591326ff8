package simswitch

import "github.com/sdnctl/sdnctl/openflow"

// need is a group or a meter that a flow uses.
type need struct {
	group bool // or a meter
	id    uint32
}

// lacks returns why what needs all of these must not go into a table: Open vSwitch
// asks when it does, not when it reads the message.
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

// uses counts how often a flow uses a group or a meter.
func (f *flow) uses(n need) int {
	times := 0
	for _, have := range f.needs {
		if have == n {
			times++
		}
	}
	return times
}

// removeUsers removes the flows that use a group or a meter, and appends them to
// log. A group in use costs a look at all flows, others nothing.
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
