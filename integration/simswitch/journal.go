package simswitch

import "github.com/sdnctl/sdnctl/openflow"

// modification is a decoded, valid flow-mod or group-mod.
type modification interface {
	// apply applies the message, and adds the changes to log. If it refuses the message, it
	// has changed nothing.
	apply(t *tables, log *journal, by *limits) refusal
}

// limits are the limits of a modification, and its time.
type limits struct {
	flows  int   // greatest number of flows in a table; negative for any number
	groups int   // greatest number of groups; negative for any number
	now    int64 // in ns of the switch's clock
}

// journal has the changes made by modifications, in order, those of flows and those of groups.
type journal struct {
	flows  []change
	groups []groupChange
}

// extent is a position in a journal: the number of changes before it.
type extent struct{ flows, groups int }

func (j *journal) extent() extent { return extent{len(j.flows), len(j.groups)} }

// part returns the changes between two positions.
func (j *journal) part(from, to extent) journal {
	return journal{flows: j.flows[from.flows:to.flows], groups: j.groups[from.groups:to.groups]}
}

// change is one flow that was added, removed or modified.
type change struct {
	event  openflow.FlowEvent
	reason openflow.FlowRemovedReason // why it was removed
	old    entry                      // without a flow if it was added
	flow   *flow                      // nil if it was removed
}

// groupChange is one group that was added, removed or modified.
type groupChange struct {
	id       uint32
	old, new *group // nil if there was or is none
	// users says that the flows that use it were removed, too.
	users bool
}

// undo undoes the changes in log, newest first. It returns false if Open vSwitch 3.1 aborts in
// this case: it restores the flows of a deleted group before the group
// (ofproto_group_mod_revert).
func (t *tables) undo(log *journal) bool {
	survives := true
	for i := len(log.flows) - 1; i >= 0; i-- {
		if c := log.flows[i]; c.flow != nil {
			t.remove(t.find(c.flow))
			if c.old.flow != nil {
				t.add(c.old.flow, c.old.born)
			}
		} else {
			t.add(c.old.flow, c.old.born)
		}
	}
	for i := len(log.groups) - 1; i >= 0; i-- {
		t.setGroup(log.groups[i].id, log.groups[i].old)
		survives = survives && !log.groups[i].users
	}
	return survives
}
