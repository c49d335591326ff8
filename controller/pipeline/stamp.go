package pipeline

import (
	"encoding/binary"

	"github.com/sdnctl/sdnctl/openflow"
)

// TableStamp holds the digest of all other flows; no packet gets here.
const TableStamp openflow.TableID = 100

func stampStage() stage {
	return stage{
		Table: Table{TableStamp, "stamp", "digest of all other flows; no packet gets here", "–", "–"},
	}
}

// stampRule says why the stamp exists.
const stampRule Rule = "holds the digest of all other flows, which tells whether others changed any while sdnd was away"

// Stamp is a flow in which a switch itself keeps the digest of all other flows
// that sdnd gave it. It is the only flow of TableStamp, which no packet reaches,
// and its write_metadata instruction holds the digest. A change and the stamp
// that is true after it go in one atomic bundle, so the two agree whatever
// happens to sdnd. See docs/decisions/0018.
func (c *Compiler) stamp(d Digest) {
	c.match = c.match[:0]
	c.instr = c.instr[:0].WriteMetadata(uint64(d), ^uint64(0))
	c.emit(prioDefault, stampRule)
}

// AddStamp appends the stamp of a node whose other flows have the digest, and
// returns it. A stamp of the digest 0 says nothing about the other flows.
func (s *FlowSet) AddStamp(node string, d Digest) Entry {
	c := Compiler{out: s, at: TableStamp, unit: Unit{Kind: UnitNode, Name: node}}
	c.stamp(d)
	return s.entries[len(s.entries)-1]
}

// StampOf returns the digest that a flow holds, and whether the flow is a stamp
// at all.
func StampOf(f *openflow.Flow) (Digest, bool) {
	const valueOff, size = 8, 24 // of OFPIT_WRITE_METADATA (OpenFlow 1.3.5, 7.2.4)
	if f.Table != TableStamp || len(f.Instructions) != size || f.Cookie != CookieOf(f) {
		return 0, false
	}
	d := Digest(binary.BigEndian.Uint64(f.Instructions[valueOff:]))
	var want FlowSet
	return d, want.AddStamp("", d).Cookie == f.Cookie
}

// IsStamp reports whether a rule is that of stamps.
func (r Rule) IsStamp() bool { return r == stampRule }
