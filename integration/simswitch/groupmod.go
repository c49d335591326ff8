package simswitch

import (
	"github.com/sdnctl/sdnctl/openflow"
)

// Offsets in ofp_group_mod (OpenFlow 1.3.5, 7.3.4.2).
const (
	groupModCommand = 8
	groupModType    = 10
	groupModID      = 12
	groupModBuckets = 16
)

// groupMod is a decoded, valid group-mod.
type groupMod struct {
	command openflow.GroupCommand
	id      uint32
	group   group // the group to add, with born 0
}

// readGroupMod decodes a group-mod, and checks it in the same order as Open vSwitch.
func readGroupMod(msg []byte) (*groupMod, refusal) {
	if len(msg) < groupModBuckets || len(msg)%8 != 0 {
		return nil, badLength
	}
	m := &groupMod{
		command: openflow.GroupCommand(be.Uint16(msg[groupModCommand:])), id: be.Uint32(msg[groupModID:]),
		group: group{typ: openflow.GroupType(msg[groupModType])},
	}
	if why := m.group.read(msg[groupModBuckets:]); why != accepted {
		return nil, why
	}
	switch {
	case m.command == openflow.GroupDelete && m.group.n > 0,
		m.command != openflow.GroupDelete && m.group.typ == openflow.GroupTypeIndirect && m.group.n != 1:
		return nil, groupInvalid
	case m.group.typ > openflow.GroupTypeFastFailover:
		return nil, groupBadType
	}
	switch m.command {
	case openflow.GroupAdd, openflow.GroupModify, openflow.GroupDelete, openflow.GroupAddOrModify:
	default:
		return nil, groupBadCommand
	}
	return m, m.group.check()
}

// read decodes buckets.
func (g *group) read(in []byte) refusal {
	for len(in) > 0 {
		if len(in) < bucketLen {
			return groupBadBucket
		}
		n := int(be.Uint16(in))
		if n < bucketLen || n > len(in) {
			return groupBadBucket
		}
		if n%8 != 0 {
			return badLength
		}
		p := program{table: openflow.TableAll}
		at := len(g.buckets)
		b := append(g.buckets, in[:bucketLen-4]...)
		b, why := p.actions(append(b, 0, 0, 0, 0), in[bucketLen:n])
		if why != accepted {
			return why
		}
		if !knownPort(openflow.PortNo(be.Uint32(in[4:]))) {
			return groupBadWatch
		}
		be.PutUint16(b[at:], uint16(len(b)-at))
		g.buckets, in = b, in[n:]
		g.n++
	}
	switch {
	case g.n > maxBuckets:
		return groupOutOfBuckets
	case len(g.buckets) > maxBucketsLen:
		return badLength
	}
	return accepted
}

// check checks, by the group's type, the buckets' weights and the ports and groups whose
// liveness they watch.
func (g *group) check() refusal {
	for b := range g.buckets.All() {
		watches := b.WatchPort != openflow.PortAny || b.WatchGroup != openflow.GroupAny
		switch g.typ {
		case openflow.GroupTypeAll, openflow.GroupTypeIndirect:
			if b.Weight != 0 {
				return groupInvalid
			}
			if watches {
				return groupWatchUnsupported
			}
		case openflow.GroupTypeFastFailover:
			if b.Weight != 0 || !watches {
				return groupInvalid
			}
		}
	}
	return accepted
}

// apply applies a group-mod, and adds the changes to log.
func (m *groupMod) apply(t *tables, log *journal, by *limits) refusal {
	if m.command == openflow.GroupDelete {
		for _, id := range t.chosenGroups(m.id) {
			n := len(log.flows)
			log.flows = t.removeUsers(need{group: true, id: id}, openflow.RemovedGroupDelete, log.flows)
			for _, c := range log.flows[n:] {
				if c.old.uses(need{group: true, id: id}) > 1 {
					return aborts // 3.1 removes such a flow twice, and aborts then (ofproto_rule_remove__)
				}
			}
			log.groups = append(log.groups, groupChange{id: id, old: t.groups[id], users: len(log.flows) > n})
			t.setGroup(id, nil)
		}
		return accepted
	}
	old := t.groups[m.id]
	switch {
	case old != nil && m.command == openflow.GroupAdd:
		return groupExists
	case old == nil && m.command == openflow.GroupModify:
		return groupUnknown
	case old == nil && by.groups >= 0 && len(t.groups) >= by.groups:
		return groupOutOfGroups
	case m.id > openflow.GroupMax:
		return groupInvalid
	}
	g := m.group
	if g.born = by.now; old != nil {
		g.born = old.born
	}
	log.groups = append(log.groups, groupChange{id: m.id, old: old, new: &g})
	t.setGroup(m.id, &g)
	return accepted
}

// groupMod applies a group-mod outside of a bundle.
func (c *conn) groupMod(msg []byte) refusal {
	if c.role == openflow.RoleSlave {
		return isSlave
	}
	m, why := readGroupMod(msg)
	if why != accepted {
		return why
	}
	return c.modify(m, msg)
}

// forward returns the group-mod as Open vSwitch forwards it. Open vSwitch reports its command
// "add or modify" as "add". 3.1 does so even if it has modified a group, because
// ofproto_group_mod_finish checks for the old group after releasing it.
func (m *groupMod) forward(xid openflow.Xid) []byte {
	f := openflow.GroupMod{Command: m.command, Group: m.group.value(m.id)}
	if m.command == openflow.GroupAddOrModify {
		f.Command = openflow.GroupAdd
	}
	f.SetXid(xid)
	return mustAppend(nil, &f)
}
