package pipeline

import (
	"iter"
	"slices"

	"github.com/sdnctl/sdnctl/openflow"
)

// ItemSet holds compiled items as the messages that install them, one after
// the other in one buffer. The zero ItemSet is empty and ready to use; Reset
// empties it and keeps the memory. It is not safe for concurrent use.
type ItemSet struct {
	buf   []byte
	items []Item
	units []Unit // of which there are items, in the order compiled
	rules []Rule // a few
	bare  bool   // messages are not kept
}

// Reset empties the set and keeps its memory.
func (s *ItemSet) Reset() {
	s.buf, s.items, s.units, s.rules, s.bare = s.buf[:0], s.items[:0], s.units[:0], s.rules[:0], false
}

// ResetBare does what Reset does, and from then on the set keeps no messages. Sums suffice
// to compare a switch, and take an eighth of the memory. n is about how many items there
// will be.
func (s *ItemSet) ResetBare(n int) {
	s.Reset()
	s.bare = true
	s.items = slices.Grow(s.items, n)
}

// Len returns the number of items.
func (s *ItemSet) Len() int { return len(s.items) }

// Items returns the items; valid until the set is next changed.
func (s *ItemSet) Items() []Item { return s.items }

// Count returns how many items of each kind there are.
func (s *ItemSet) Count() (c Counts) {
	for _, i := range s.items {
		c.Add(i.kind, 1)
	}
	return c
}

// Message returns the message that adds the item: OFPT_FLOW_MOD, OFPT_GROUP_MOD or
// OFPT_METER_MOD; nothing if the set keeps none. It points into the set: valid
// until the set is next changed.
func (s *ItemSet) Message(i Item) []byte {
	end := i.off + uint32(i.size)
	return s.buf[i.off:end:end]
}

// Unit returns the unit that one of the items belongs to.
func (s *ItemSet) Unit(i Item) Unit { return s.units[i.unit] }

// UnitsOf yields the units of some of the items, each once. A unit may have been added to the
// set in several places: a node's is there first, and again with its stamp.
func (s *ItemSet) UnitsOf(items []Item) iter.Seq[Unit] {
	return func(yield func(Unit) bool) {
		places, units := make([]bool, len(s.units)), map[Unit]bool{}
		for _, i := range items {
			u := s.units[i.unit]
			if places[i.unit] || units[u] {
				continue
			}
			places[i.unit], units[u] = true, true
			if !yield(u) {
				return
			}
		}
	}
}

// Rules returns the rules of the items, each once; valid until the set is next changed.
func (s *ItemSet) Rules() []Rule { return s.rules }

// Rule returns the rule of one of the items.
func (s *ItemSet) Rule(i Item) Rule { return s.rules[i.rule] }

// Sort orders the items by their sums.
func (s *ItemSet) Sort() {
	SortBySum(s.items, func(i *Item) Sum { return i.Sum }, nil)
}

// addFlow gives a flow its cookie and appends it.
func (s *ItemSet) addFlow(f *openflow.Flow, u Unit, r Rule) {
	f.Cookie = CookieOf(f)
	off := len(s.buf)
	if !s.bare {
		s.buf = f.AppendAdd(s.buf, 0)
	}
	s.note(Item{Sum: Sum(f.Cookie), kind: ItemFlow, table: f.Table}, off, u, r)
}

// addGroup appends a group.
func (s *ItemSet) addGroup(g *openflow.Group, u Unit, r Rule) {
	off := len(s.buf)
	if !s.bare {
		s.buf = g.AppendPut(s.buf, 0)
	}
	s.note(Item{Sum: SumOfGroup(g), kind: ItemGroup}, off, u, r)
}

// addMeter appends a meter.
func (s *ItemSet) addMeter(m *openflow.Meter, u Unit, r Rule) {
	off := len(s.buf)
	if !s.bare {
		s.buf = m.AppendMod(s.buf, 0, openflow.MeterAdd)
	}
	s.note(Item{Sum: SumOfMeter(m), kind: ItemMeter}, off, u, r)
}

// note appends an item whose message, if the set keeps messages, begins at off.
func (s *ItemSet) note(i Item, off int, u Unit, r Rule) {
	if n := len(s.units); n == 0 || s.units[n-1] != u {
		s.units = append(s.units, u)
	}
	rule := slices.Index(s.rules, r)
	if rule < 0 {
		rule = len(s.rules)
		s.rules = append(s.rules, r)
	}
	i.off, i.size = uint32(off), uint16(len(s.buf)-off)
	i.rule, i.unit = uint16(rule), uint32(len(s.units)-1)
	s.items = append(s.items, i)
}

// Counts is how many items of each kind there are.
type Counts [numItemKinds]int

// Add counts n more items of a kind.
func (c *Counts) Add(k ItemKind, n int) { c[k] += n }

// Flows returns how many flows there are.
func (c Counts) Flows() int { return c[ItemFlow] }

// Groups returns how many groups there are.
func (c Counts) Groups() int { return c[ItemGroup] }

// Meters returns how many meters there are.
func (c Counts) Meters() int { return c[ItemMeter] }

// Plus returns the sums kind by kind.
func (c Counts) Plus(d Counts) Counts {
	for k, n := range d {
		c[k] += n
	}
	return c
}

// Minus returns the differences kind by kind.
func (c Counts) Minus(d Counts) Counts {
	for k, n := range d {
		c[k] -= n
	}
	return c
}

// Total returns how many items of all kinds there are.
func (c Counts) Total() (n int) {
	for _, k := range c {
		n += k
	}
	return n
}
