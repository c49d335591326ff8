package simswitch

import "github.com/sdnctl/sdnctl/openflow"

// modification is a message that was read and found to be in order: a flow-mod or
// a group-mod.
type modification interface {
	// apply does what the message says, and notes in log what changed. When it
	// refuses nothing was done.
	apply(t *tables, log *journal, by *limits) refusal
}

// limits is what a modification depends on beyond the tables.
type limits struct {
	flows  int   // how many a table takes; negative is any number
	groups int   // how many there may be; negative is any number
	now    int64 // ns on the switch's clock
}

// journal is what modifications have changed, in order: those of flows and those
// of groups.
type journal struct {
	flows  []change
	groups []groupChange
}

// extent is how much there is in a journal.
type extent struct{ flows, groups int }

func (j *journal) extent() extent { return extent{len(j.flows), len(j.groups)} }

// part returns what is in j from one extent on to another.
func (j *journal) part(from, to extent) journal {
	return journal{flows: j.flows[from.flows:to.flows], groups: j.groups[from.groups:to.groups]}
}

// change is one flow that came, went or changed.
type change struct {
	event  openflow.FlowEvent
	reason openflow.FlowRemovedReason // why it went
	old    entry                      // had no flow if it came
	flow   *flow                      // nil if it went
}

// groupChange is one group that came, went or changed.
type groupChange struct {
	id       uint32
	old, new *group // nil: there was or is none
	// users says that flows went with it.
	users bool
}

// undo takes back what log says, from its end. It reports false if Open vSwitch 3.1
// aborts there: it puts back the flows of a group that was deleted before it puts
// back the group (ofproto_group_mod_revert).
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
