package pipeline

import (
	"encoding/binary"

	"github.com/sdnctl/sdnctl/openflow"
)

// TableStamp holds the digest of all other items; no packet gets here.
const TableStamp openflow.TableID = 100

func stampStage() stage {
	return stage{
		Table: Table{TableStamp, "stamp", "digest of all other items; no packet gets here", "–", "–"},
	}
}

// stampRule is the rule of the stamp.
const stampRule Rule = "holds the digest of all other items, which shows whether others changed any while sdnd was away"

// Stamp is a flow in which a switch itself holds the digest of all other items that sdnd
// gave it. It is the only flow of TableStamp, which no packet reaches. Its write_metadata
// instruction holds the digest: that of flows and groups in the value, that of meters
// inverted in the mask. A change and the stamp that is valid after it are sent in one
// atomic bundle, so the two agree even if sdnd stops at any moment; but meters are sent
// before and after it. See docs/decisions/0018.
func (c *Compiler) stamp(d Digest) {
	c.match = c.match[:0]
	c.instr = c.instr[:0].WriteMetadata(d.Bundled, ^d.Meters)
	c.emit(prioDefault, stampRule)
}

// AddStamp appends the stamp of a node whose other items have the digest, and
// returns it. A stamp of the zero Digest says nothing about the other items.
func (s *ItemSet) AddStamp(node string, d Digest) Item {
	c := Compiler{out: s, at: TableStamp, unit: Unit{Kind: UnitNode, Name: node}}
	c.stamp(d)
	return s.items[len(s.items)-1]
}

// StampOf returns the digest that a flow holds, and whether the flow is a stamp
// at all.
func StampOf(f *openflow.Flow) (Digest, bool) {
	const valueOff, maskOff, size = 8, 16, 24 // of OFPIT_WRITE_METADATA (OpenFlow 1.3.5, 7.2.4)
	if f.Table != TableStamp || len(f.Instructions) != size || f.Cookie != CookieOf(f) {
		return Digest{}, false
	}
	d := Digest{binary.BigEndian.Uint64(f.Instructions[valueOff:]), ^binary.BigEndian.Uint64(f.Instructions[maskOff:])}
	var want ItemSet
	return d, want.AddStamp("", d).Cookie() == f.Cookie
}
