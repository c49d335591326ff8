package pipeline

import (
	"bytes"
	"encoding/binary"

	"github.com/sdnctl/sdnctl/openflow"
)

// InvalidationRule says why invalidations exist.
const InvalidationRule Rule = "matches no packet; a change of its mask makes Open vSwitch delete cached flows, since this version may keep outdated ones"

// AddInvalidations appends the invalidations of a node whose other items have the digest,
// and returns them: one flow of the highest priority in each of its Entries.
//
// An invalidation compares 16 bits of the packet's mark (NXM_NX_PKT_MARK), which are 0, so
// the cached flow of every packet has these 16 bits in its mask. Another digest selects
// other bits, of which every cached flow lacks at least one. Therefore Open vSwitch deletes
// the cached flows where it would have modified them, and some versions modify the wrong
// one (docs/decisions/0036). One digest in 65,536 selects the bits of the digest before.
func (s *ItemSet) AddInvalidations(node string, d Digest, entries []openflow.TableID) []Item {
	first := len(s.items)
	c := Compiler{out: s, unit: Unit{Kind: UnitNode, Name: node}}
	for _, c.at = range entries {
		c.match = invalidationMatch(c.match[:0], invalidationMask(d))
		c.emit(prioInvalidation, InvalidationRule)
	}
	return s.items[first:]
}

// Entries returns the tables in which packets enter the pipeline of a node.
func (c *Compiler) Entries(v *View, node string) (entries []openflow.TableID) {
	c.view, c.node = v, node
	c.stagesOf(UnitNode)
	for i := range c.stages {
		if s := &c.stages[i]; s.entry != nil && s.entry(c) {
			entries = append(entries, s.ID)
		}
	}
	return entries
}

// policedNode, uplinkedNode and bridgedNode report whether the node has flows of policies,
// whether it has an uplink, and whether it has one of the type bridge.
func (c *Compiler) policedNode() bool  { return c.view.PolicedNode(c.node) }
func (c *Compiler) uplinkedNode() bool { return c.view.Uplinked(c.node) }
func (c *Compiler) bridgedNode() bool  { return c.view.bridged(c.node) }

// invalidationMask selects 16 of 32 bits: of each bit of a hash either the bit or its
// complement. So no mask has all bits of another.
func invalidationMask(d Digest) uint32 {
	hash := uint16((d.Bundled + d.Meters) * 0x9e3779b97f4a7c15 >> 48)
	return uint32(hash)<<16 | uint32(^hash)
}

func invalidationMatch(m openflow.Match, mask uint32) openflow.Match {
	return m.PktMarkMasked(mask, mask)
}

// IsInvalidation reports whether a flow is an invalidation, of any digest.
func IsInvalidation(f *openflow.Flow) bool {
	const maskOff, size = 8, 12 // of an OXM field of 32 bits with a mask
	if f.Priority != prioInvalidation || len(f.Instructions) > 0 || len(f.Match) != size || f.Cookie != CookieOf(f) {
		return false
	}
	mask := binary.BigEndian.Uint32(f.Match[maskOff:])
	return uint16(mask>>16) == ^uint16(mask) && bytes.Equal(f.Match, invalidationMatch(nil, mask))
}

// IsStamp reports whether a rule is that of stamps, or of the invalidations that change
// with them.
func (r Rule) IsStamp() bool { return r == stampRule || r == InvalidationRule }
