package simswitch

import "github.com/sdnctl/sdnctl/openflow"

// choose returns the entries that a modify or delete command selects. It refuses the command
// if it selects only flows of the switch's own table.
//
// If the command has a full cookie mask, Open vSwitch finds flows by their cookie in all
// tables. These include its own table, whose flows have cookie 0 and are read only.
func (t *tables) choose(m *mod) ([]uint32, refusal) {
	var chosen []uint32
	strict := m.command == openflow.FlowModifyStrict || m.command == openflow.FlowDeleteStrict
	t.scratch.parse(m.fields) // cannot fail: it succeeded when m was read
	take := func(i uint32, e *entry) {
		if m.about(e.flow, strict, &t.scratch) {
			chosen = append(chosen, i)
		}
	}
	switch {
	case m.cookieMask == ^uint64(0):
		for i, e := range t.withCookie(m.cookie) {
			take(i, e)
		}
	case strict && m.table != openflow.TableAll:
		if i := t.find(m.flow); i != none {
			take(i, &t.entries[i])
		}
	case m.table == openflow.TableAll || t.perTable[uint8(m.table)] > 0:
		for i, e := range t.all() {
			take(i, e)
		}
	}
	if len(chosen) == 0 && m.internal(strict) {
		return nil, notPermitted
	}
	return chosen, accepted
}

// about reports whether m selects a flow.
func (m *mod) about(f *flow, strict bool, by *match) bool {
	if m.table != openflow.TableAll && m.table != f.table() ||
		(f.cookie()^m.cookie)&m.cookieMask != 0 ||
		m.outPort != openflow.PortAny && !outputsTo(f.instructions(), m.outPort) ||
		m.outGroup != openflow.GroupAny && !f.needsGroup(m.outGroup) {
		return false
	}
	if strict {
		return m.priority == f.priority() && string(m.fields) == string(f.fields())
	}
	return by.covers(f.fields())
}

// internal reports whether m selects flows of the switch's own table. They have cookie 0, and
// match fields that no flow-mod of a controller can match.
func (m *mod) internal(strict bool) bool {
	byCookie := m.cookieMask == ^uint64(0) && m.table == openflow.TableAll
	return (m.table == tableInternal || byCookie) && m.cookie&m.cookieMask == 0 &&
		!strict && len(m.fields) == 0 && m.outPort == openflow.PortAny && m.outGroup == openflow.GroupAny
}
