package pipeline

import (
	"encoding/binary"
	"iter"
	"slices"

	"github.com/cespare/xxhash/v2"

	"github.com/sdnctl/sdnctl/openflow"
)

// Rule says in words why a flow exists, for people.
type Rule string

// Entry is one compiled flow in a FlowSet.
type Entry struct {
	// Cookie is the hash of the flow's content.
	Cookie openflow.Cookie
	// off is where the flow's message begins in the set, and size its length.
	off  uint32
	size uint16
	// table and rule are the flow's; rule and unit are indexes in the set. There
	// may be a million entries, so each is small and without pointers.
	table openflow.TableID
	rule  uint16
	unit  uint32
}

// FlowSet holds compiled flows as the messages that install them, one after
// the other in one buffer. The zero FlowSet is empty and ready to use; Reset
// empties it and keeps the memory. It is not safe for concurrent use.
type FlowSet struct {
	buf     []byte
	entries []Entry
	units   []Unit // of which there are flows, in the order compiled
	rules   []Rule // a few
	bare    bool   // messages are not kept
}

// CookieOf returns the hash of a flow's content: all of it but the cookie. A
// flow of ours that a switch still has as we made it has this cookie, and no
// other flow does.
//
// It is taken of the bytes as they are on the wire. The compiler writes matches
// in the order, and actions in the form, in which Open vSwitch gives them back
// (OVS, lib/nx-match.c), so that what it has can be checked without knowing what
// it should have. A flow that comes back in another form is not wrong for that,
// only to be looked at more closely.
func CookieOf(f *openflow.Flow) openflow.Cookie {
	var room [384]byte // enough for flows of ours
	b := append(room[:0], byte(f.Table))
	b = binary.BigEndian.AppendUint16(b, f.Priority)
	b = binary.BigEndian.AppendUint16(b, f.IdleTimeout)
	b = binary.BigEndian.AppendUint16(b, f.HardTimeout)
	b = binary.BigEndian.AppendUint16(b, f.Flags)
	b = binary.BigEndian.AppendUint16(b, uint16(len(f.Match)))
	b = append(append(b, f.Match...), f.Instructions...)
	// Cookie 0 is what flows of other makers have.
	return openflow.Cookie(max(xxhash.Sum64(b), 1))
}

// Reset empties the set and keeps its memory.
func (s *FlowSet) Reset() {
	s.buf, s.entries, s.units, s.rules, s.bare = s.buf[:0], s.entries[:0], s.units[:0], s.rules[:0], false
}

// ResetBare is Reset, and from now on the set keeps no messages: to compare a
// switch, cookies will do, which take an eighth of the memory. There will be
// about n flows.
func (s *FlowSet) ResetBare(n int) {
	s.Reset()
	s.bare = true
	s.entries = slices.Grow(s.entries, n)
}

// Len returns the number of flows.
func (s *FlowSet) Len() int { return len(s.entries) }

// Entries returns the flows; valid until the set is next changed.
func (s *FlowSet) Entries() []Entry { return s.entries }

// Message returns the OFPT_FLOW_MOD that adds the flow; nothing if the set keeps
// none. It points into the set: valid until the set is next changed.
func (s *FlowSet) Message(e Entry) []byte {
	end := e.off + uint32(e.size)
	return s.buf[e.off:end:end]
}

// Table returns the table that the flow is in.
func (e Entry) Table() openflow.TableID { return e.table }

// Unit returns what one of the flows belongs to.
func (s *FlowSet) Unit(e Entry) Unit { return s.units[e.unit] }

// UnitsOf yields what some of the flows belong to, each once.
func (s *FlowSet) UnitsOf(entries []Entry) iter.Seq[Unit] {
	return func(yield func(Unit) bool) {
		seen := make([]bool, len(s.units))
		for _, e := range entries {
			if seen[e.unit] {
				continue
			}
			seen[e.unit] = true
			if !yield(s.units[e.unit]) {
				return
			}
		}
	}
}

// Rules returns why flows exist, each reason once; valid until the set is next
// changed.
func (s *FlowSet) Rules() []Rule { return s.rules }

// Rule returns why one of the flows exists.
func (s *FlowSet) Rule(e Entry) Rule { return s.rules[e.rule] }

// Sort orders the flows by cookie.
func (s *FlowSet) Sort() {
	SortByCookie(s.entries, func(e *Entry) openflow.Cookie { return e.Cookie }, nil)
}

// add gives a flow its cookie and appends it.
func (s *FlowSet) add(f *openflow.Flow, u Unit, r Rule) {
	f.Cookie = CookieOf(f)
	off := len(s.buf)
	if !s.bare {
		s.buf = f.AppendAdd(s.buf, 0)
	}
	if n := len(s.units); n == 0 || s.units[n-1] != u {
		s.units = append(s.units, u)
	}
	rule := slices.Index(s.rules, r)
	if rule < 0 {
		rule = len(s.rules)
		s.rules = append(s.rules, r)
	}
	s.entries = append(s.entries, Entry{
		Cookie: f.Cookie, off: uint32(off), size: uint16(len(s.buf) - off),
		table: f.Table, rule: uint16(rule), unit: uint32(len(s.units) - 1),
	})
}

// KeyOf returns what tells the flow of a flow-mod of ours apart from others: its
// table, its priority and its match, which points into the message (OpenFlow
// 1.3.5, 6.4 and 7.3.4.1). The compiler writes a match in one way only, so bytes
// decide.
func KeyOf(msg []byte) (openflow.TableID, uint16, openflow.Match) {
	const table, priority, match, fields = 24, 30, 48, 52
	end := match + int(binary.BigEndian.Uint16(msg[match+2:]))
	return openflow.TableID(msg[table]), binary.BigEndian.Uint16(msg[priority:]), msg[fields:end:end]
}

// sameKey reports whether two flow-mods are about the same flow, so that adding
// one replaces the other.
func sameKey(a, b []byte) bool {
	ta, pa, ma := KeyOf(a)
	tb, pb, mb := KeyOf(b)
	return ta == tb && pa == pb && string(ma) == string(mb)
}

// keyHash is equal for flow-mods about the same flow.
func keyHash(msg []byte) uint64 {
	table, _, match := KeyOf(msg)
	return xxhash.Sum64(match) ^ uint64(table)
}
