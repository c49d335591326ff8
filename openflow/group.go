package openflow

import (
	"fmt"
	"iter"
)

// GroupType says which buckets of a group process a packet (OpenFlow 1.3.5,
// 5.6.1, ofp_group_type).
type GroupType uint8

// Group types.
const (
	GroupTypeAll          GroupType = 0 // every bucket, each a copy
	GroupTypeSelect       GroupType = 1 // one bucket, chosen by the switch in proportion to the weights
	GroupTypeIndirect     GroupType = 2 // its only bucket
	GroupTypeFastFailover GroupType = 3 // the first bucket that is alive
)

// String returns the type as ovs-ofctl shows it.
func (t GroupType) String() string {
	names := [...]string{"all", "select", "indirect", "ff"}
	if int(t) < len(names) {
		return names[t]
	}
	return fmt.Sprintf("type_%d", uint8(t))
}

// Group numbers (OpenFlow 1.3.5, 7.3.4.2, ofp_group).
const (
	GroupMax uint32 = 0xffffff00 // the highest number of a group
	GroupAll uint32 = 0xfffffffc // all groups, in deletions and requests
	GroupAny uint32 = 0xffffffff // wildcard in requests; no group in flow-mods and buckets
)

// Buckets is a list of buckets as they are on the wire (OpenFlow 1.3.5, 7.3.4.2,
// ofp_bucket).
type Buckets []byte

// Bucket is one bucket of a group.
type Bucket struct {
	// Weight is its share in a GroupTypeSelect; Open vSwitch refuses any but 0 in
	// groups of other types.
	Weight uint16
	// WatchPort and WatchGroup say whose liveness is the bucket's: PortAny and
	// GroupAny are nobody's. Each bucket of a GroupTypeFastFailover must watch
	// something, and in GroupTypeAll and GroupTypeIndirect none may.
	WatchPort  PortNo
	WatchGroup uint32
	// Actions are executed as an action set: each kind once, in the order of
	// OpenFlow 1.3.5, 5.10, whatever theirs here.
	Actions Actions
}

// bucketLen is the length of ofp_bucket up to its actions.
const bucketLen = 16

// Add appends a bucket and returns the longer list, as append does.
func (l Buckets) Add(b Bucket) Buckets {
	l = be.AppendUint16(l, uint16(bucketLen+len(b.Actions)))
	l = be.AppendUint16(l, b.Weight)
	l = be.AppendUint32(l, uint32(b.WatchPort))
	l = be.AppendUint32(l, b.WatchGroup)
	return append(append(l, 0, 0, 0, 0), b.Actions...)
}

// All yields the buckets, whose actions alias the list. It ends at the first
// that is malformed.
func (l Buckets) All() iter.Seq[Bucket] {
	return func(yield func(Bucket) bool) {
		for r := (reader{b: l}); len(r.b) > 0; {
			if b := r.bucket(); r.err != nil || !yield(b) {
				return
			}
		}
	}
}

// check reports whether l is a list of well-formed buckets.
func (l Buckets) check() error {
	r := reader{b: l}
	for i := 0; len(r.b) > 0; i++ {
		if r.bucket(); r.err != nil {
			return fmt.Errorf("bucket %d: %w", i, r.err)
		}
	}
	return nil
}

func (r *reader) bucket() (b Bucket) {
	n := int(r.u16("length"))
	if r.err == nil && (n < bucketLen || n%8 != 0) {
		r.fail("length", ErrBadLength)
	}
	b.Weight = r.u16("weight")
	b.WatchPort = PortNo(r.u32("watch_port"))
	b.WatchGroup = r.u32("watch_group")
	r.skip(4, "padding")
	b.Actions = r.take(n-bucketLen, "actions")
	r.fail("actions", b.Actions.check())
	return b
}

// buckets takes all that is left.
func (r *reader) buckets() Buckets {
	l := Buckets(r.rest())
	r.fail("buckets", l.check())
	return l
}

// Group is one entry of the group table as a value (OpenFlow 1.3.5, 5.6). A Group
// is not modified once it was made; copies share Buckets.
type Group struct {
	ID      uint32 // 0..GroupMax
	Type    GroupType
	Buckets Buckets
}

// GroupCommand is what a GROUP_MOD does (OpenFlow 1.3.5, 7.3.4.2,
// ofp_group_mod_command).
type GroupCommand uint16

// Commands of GROUP_MOD.
const (
	GroupAdd    GroupCommand = 0
	GroupModify GroupCommand = 1
	// GroupDelete also deletes the flows that use the group. A group that does not
	// exist is no error.
	GroupDelete GroupCommand = 2
	// GroupAddOrModify is an extension of Open vSwitch (2.6 and later, all versions
	// of OpenFlow: OFPGC11_ADD_OR_MOD).
	GroupAddOrModify GroupCommand = 0x8000
)

// String returns the command as ovs-ofctl shows it.
func (c GroupCommand) String() string {
	switch c {
	case GroupAdd:
		return "ADD"
	case GroupModify:
		return "MOD"
	case GroupDelete:
		return "DEL"
	case GroupAddOrModify:
		return "ADD_OR_MOD"
	}
	return fmt.Sprintf("command_%d", uint16(c))
}

// GroupMod is a GROUP_MOD message (OpenFlow 1.3.5, 7.3.4.2).
type GroupMod struct {
	Header
	Command GroupCommand
	Group
}

// groupModLen is the length of ofp_group_mod up to its buckets.
const groupModLen = HeaderLen + 8

// Type returns TypeGroupMod.
func (m *GroupMod) Type() MessageType { return TypeGroupMod }

// AppendBinary appends the whole message.
func (m *GroupMod) AppendBinary(b []byte) ([]byte, error) {
	if n := groupModLen + len(m.Buckets); n > MaxMessageLen {
		return b, fmt.Errorf("group_mod: %d bytes: %w", n, ErrTooLong)
	}
	return m.appendMod(b, m.Header.ID, m.Command), nil
}

func (m *GroupMod) decode(r *reader) {
	m.Command = GroupCommand(r.u16("command"))
	m.Group.Type = GroupType(r.u8("type"))
	r.skip(1, "padding")
	m.Group.ID = r.u32("group_id")
	m.Buckets = r.buckets()
}

// AppendPut appends a whole GROUP_MOD message that adds the group, or replaces the
// one with the same ID (GroupAddOrModify). It panics if the message would be longer
// than MaxMessageLen.
func (g *Group) AppendPut(b []byte, xid Xid) []byte { return g.appendMod(b, xid, GroupAddOrModify) }

// AppendGroupDelete appends a whole GROUP_MOD message that deletes a group, or all
// for GroupAll, and the flows that use it.
func AppendGroupDelete(b []byte, xid Xid, id uint32) []byte {
	return (&Group{ID: id}).appendMod(b, xid, GroupDelete)
}

func (g *Group) appendMod(b []byte, xid Xid, cmd GroupCommand) []byte {
	n := groupModLen + len(g.Buckets)
	if n > MaxMessageLen {
		panic("openflow: group is longer than a message can be")
	}
	b = append(b, Version, byte(TypeGroupMod), byte(n>>8), byte(n))
	b = be.AppendUint32(b, xid)
	b = append(be.AppendUint16(b, uint16(cmd)), byte(g.Type), 0)
	return append(be.AppendUint32(b, g.ID), g.Buckets...)
}

// DecodeGroupMod decodes one whole GROUP_MOD message, header included. The buckets
// alias b.
func DecodeGroupMod(b []byte) (*GroupMod, error) { return decodeAs[*GroupMod](b) }
