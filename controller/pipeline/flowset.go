package pipeline

import (
	"encoding/binary"
	"slices"

	"github.com/cespare/xxhash/v2"

	"github.com/sdnctl/sdnctl/openflow"
)

// Rule says in words why a flow exists, for people.
type Rule string

// Entry is one compiled flow in a FlowSet.
type Entry struct {
	// Cookie is the hash of the flow's content.
	Cookie   openflow.Cookie
	off, end uint32
	table    openflow.TableID
	unit     Unit
	rule     Rule
}

// FlowSet holds compiled flows as the messages that install them, one after
// the other in one buffer. The zero FlowSet is empty and ready to use; Reset
// empties it and keeps the memory. It is not safe for concurrent use.
type FlowSet struct {
	buf     []byte
	entries []Entry
}

// Offsets in OFPT_FLOW_MOD (OpenFlow 1.3.5, 7.3.4.1). All from offTable on is
// the flow's content: table, command, timeouts, priority, flags, match and
// instructions. Before it are the header with its xid, and the cookie.
const (
	offCookie = 8
	offTable  = 24
)

// Reset empties the set and keeps its memory.
func (s *FlowSet) Reset() { s.buf, s.entries = s.buf[:0], s.entries[:0] }

// Len returns the number of flows.
func (s *FlowSet) Len() int { return len(s.entries) }

// Entries returns the flows; valid until the set is next changed.
func (s *FlowSet) Entries() []Entry { return s.entries }

// Message returns the OFPT_FLOW_MOD that adds the flow. It points into the
// set: valid until the set is next changed.
func (s *FlowSet) Message(e Entry) []byte { return s.buf[e.off:e.end:e.end] }

// Table returns the table that the flow is in.
func (e Entry) Table() openflow.TableID { return e.table }

// Unit returns what the flow belongs to.
func (e Entry) Unit() Unit { return e.unit }

// Rule returns why the flow exists.
func (e Entry) Rule() Rule { return e.rule }

// Sort orders the flows by cookie.
func (s *FlowSet) Sort() {
	slices.SortFunc(s.entries, func(a, b Entry) int {
		switch {
		case a.Cookie < b.Cookie:
			return -1
		case a.Cookie > b.Cookie:
			return 1
		}
		return 0
	})
}

// add appends a flow and gives it its cookie. Cookie 0 is what flows of other
// makers have, so that a content that hashes to 0 gets 1.
func (s *FlowSet) add(f *openflow.Flow, u Unit, r Rule) {
	off := len(s.buf)
	s.buf = f.AppendAdd(s.buf, 0)
	msg := s.buf[off:]
	cookie := openflow.Cookie(max(xxhash.Sum64(msg[offTable:]), 1))
	binary.BigEndian.PutUint64(msg[offCookie:], uint64(cookie))
	s.entries = append(s.entries, Entry{Cookie: cookie, off: uint32(off), end: uint32(len(s.buf)), table: f.Table, unit: u, rule: r})
}

// keyOf returns the bytes of a flow-mod that say which flow it is about: its
// priority, its table and its match (OpenFlow 1.3.5, 6.4). The compiler writes
// a match in one way only, so bytes decide.
func keyOf(msg []byte) (priority []byte, table byte, match []byte) {
	const offPriority, offMatch = 30, 48
	n := binary.BigEndian.Uint16(msg[offMatch+2:])
	return msg[offPriority : offPriority+2], msg[offTable], msg[offMatch : offMatch+int(n)]
}

// sameKey reports whether two flow-mods are about the same flow, so that adding
// one replaces the other.
func sameKey(a, b []byte) bool {
	pa, ta, ma := keyOf(a)
	pb, tb, mb := keyOf(b)
	return ta == tb && string(pa) == string(pb) && string(ma) == string(mb)
}

// keyHash is equal for flow-mods about the same flow.
func keyHash(msg []byte) uint64 {
	_, table, match := keyOf(msg)
	return xxhash.Sum64(match) ^ uint64(table)
}
