package pipeline

import (
	"encoding/binary"

	"github.com/cespare/xxhash/v2"

	"github.com/sdnctl/sdnctl/openflow"
)

// ItemKind says what a switch holds an Item as.
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

// Rule says in words why an item exists. Users read it.
type Rule string

// Sum is a hash of an item's content without a flow's cookie, which is the Sum itself. An
// item that a switch has unchanged since sdnd made it has this Sum, and no other item has.
type Sum uint64

// Item is one compiled item in an ItemSet.
type Item struct {
	Sum Sum
	// off is where the item's message begins in the set, and size its length.
	off  uint32
	size uint16
	// table is a flow's, 0 for other items. rule and unit are indexes into the set. There
	// may be a million items, so an Item is small and has no pointers.
	table openflow.TableID
	kind  ItemKind
	rule  uint16
	unit  uint32
}

// Kind returns what a switch holds the item as.
func (i Item) Kind() ItemKind { return i.kind }

// Table returns the table that a flow is in.
func (i Item) Table() openflow.TableID { return i.table }

// Cookie returns the cookie of a flow.
func (i Item) Cookie() openflow.Cookie { return openflow.Cookie(i.Sum) }

// CookieOf returns the hash of a flow's content without its cookie. A flow that a switch
// has unchanged since sdnd made it has this cookie, and no other flow has.
//
// The hash is of the bytes on the wire. The compiler writes matches in the order, and
// actions in the form, in which Open vSwitch returns them (OVS, lib/nx-match.c), so a flow
// that is read back can be checked without knowing what it should be. A flow that comes
// back in another form is not wrong; it is compared field by field.
func CookieOf(f *openflow.Flow) openflow.Cookie {
	var room [384]byte // enough for flows of ours
	b := append(room[:0], byte(f.Table))
	b = binary.BigEndian.AppendUint16(b, f.Priority)
	b = binary.BigEndian.AppendUint16(b, f.IdleTimeout)
	b = binary.BigEndian.AppendUint16(b, f.HardTimeout)
	b = binary.BigEndian.AppendUint16(b, f.Flags)
	b = binary.BigEndian.AppendUint16(b, uint16(len(f.Match)))
	b = append(append(b, f.Match...), f.Instructions...)
	// Flows made by others have cookie 0.
	return openflow.Cookie(max(xxhash.Sum64(b), 1))
}

// SumOfGroup returns the Sum of a group, which covers its number.
func SumOfGroup(g *openflow.Group) Sum {
	b := binary.BigEndian.AppendUint32([]byte{byte(ItemGroup), byte(g.Type)}, g.ID)
	return Sum(max(xxhash.Sum64(append(b, g.Buckets...)), 1))
}

// SumOfMeter returns the Sum of a meter, which covers its number.
func SumOfMeter(m *openflow.Meter) Sum {
	b := binary.BigEndian.AppendUint16([]byte{byte(ItemMeter)}, uint16(m.Flags))
	b = binary.BigEndian.AppendUint32(b, m.ID)
	return Sum(max(xxhash.Sum64(append(b, m.Bands...)), 1))
}
