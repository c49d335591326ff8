package pipeline

import (
	"encoding/binary"

	"github.com/cespare/xxhash/v2"

	"github.com/sdnctl/sdnctl/openflow"
)

// ItemKind is what a switch keeps an Item as.
type ItemKind uint8

// The kinds of items.
const (
	// ItemFlow is an entry of a flow table. Adding one with the same table, priority
	// and match replaces it.
	ItemFlow ItemKind = iota
	// ItemGroup is an entry of the group table. Flows name it by its number.
	ItemGroup
	// ItemMeter is an entry of the meter table. Flows name it by its number. It is
	// the only kind that an Open vSwitch does not take in a bundle.
	ItemMeter

	numItemKinds = iota
)

// String returns "flow", "group" or "meter".
func (k ItemKind) String() string { return [...]string{"flow", "group", "meter"}[k] }

// Rule says in words why an item exists, for people.
type Rule string

// Sum is a hash of an item's content, all of it but a flow's cookie: a flow has its
// Sum as its cookie. An item of ours that a switch still has as we made it has this
// Sum, and no other item does.
type Sum uint64

// Item is one compiled item in an ItemSet.
type Item struct {
	Sum Sum
	// off is where the item's message begins in the set, and size its length.
	off  uint32
	size uint16
	// table is the flow's, 0 for other items. Rule and unit are indexes in the set.
	// There may be a million items, so each is small and without pointers.
	table openflow.TableID
	kind  ItemKind
	rule  uint16
	unit  uint32
}

// Kind returns what a switch keeps the item as.
func (i Item) Kind() ItemKind { return i.kind }

// Table returns the table that a flow is in.
func (i Item) Table() openflow.TableID { return i.table }

// Cookie returns the cookie of a flow.
func (i Item) Cookie() openflow.Cookie { return openflow.Cookie(i.Sum) }

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

// SumOfGroup is the Sum of a group, its number included.
func SumOfGroup(g *openflow.Group) Sum {
	b := binary.BigEndian.AppendUint32([]byte{byte(ItemGroup), byte(g.Type)}, g.ID)
	return Sum(max(xxhash.Sum64(append(b, g.Buckets...)), 1))
}

// SumOfMeter is the Sum of a meter, its number included.
func SumOfMeter(m *openflow.Meter) Sum {
	b := binary.BigEndian.AppendUint16([]byte{byte(ItemMeter)}, uint16(m.Flags))
	b = binary.BigEndian.AppendUint32(b, m.ID)
	return Sum(max(xxhash.Sum64(append(b, m.Bands...)), 1))
}
