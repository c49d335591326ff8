package simswitch

import "iter"

// entry is a flow in a table. A free entry has no flow.
type entry struct {
	*flow
	born int64 // when it was added, in ns of the switch's clock
	// The next entries in the same bucket by key and by cookie; none is the end.
	nextKey, nextCookie uint32
}

const none = ^uint32(0)

// tables are all flow tables of a switch, its group table and its meter table. The flows are
// entries in one slice, with two hash tables of indices into it. An entry takes 24 bytes and
// its share of the hash tables.
type tables struct {
	entries  []entry
	free     uint32 // first free entry, chained by nextKey
	n        int
	byKey    []uint32
	byCookie []uint32
	perTable map[uint8]int
	scratch  match

	groups map[uint32]*group
	meters map[uint32]*meter
	// users counts how many times flows use each group and meter.
	users map[need]int
}

func newTables() *tables {
	t := &tables{}
	t.clear()
	return t
}

func (t *tables) clear() {
	for i := range t.entries {
		if f := t.entries[i].flow; f != nil {
			f.installed.Add(-1)
		}
	}
	*t = tables{free: none, perTable: make(map[uint8]int),
		groups: make(map[uint32]*group), meters: make(map[uint32]*meter), users: make(map[need]int)}
}

// spread returns a hash of a cookie, which may be a small number.
func spread(cookie uint64) uint64 { return (cookie ^ cookie>>29) * 0x9e3779b97f4a7c15 >> 7 }

// find returns the index of the entry with the flow's key, or none.
func (t *tables) find(f *flow) uint32 {
	if len(t.byKey) == 0 {
		return none
	}
	i := t.byKey[f.key&uint64(len(t.byKey)-1)]
	for i != none && !t.entries[i].sameKey(f) {
		i = t.entries[i].nextKey
	}
	return i
}

// withCookie yields the entries with a cookie. The caller may remove the yielded entry.
func (t *tables) withCookie(cookie uint64) iter.Seq2[uint32, *entry] {
	return func(yield func(uint32, *entry) bool) {
		if len(t.byCookie) == 0 {
			return
		}
		for i := t.byCookie[spread(cookie)&uint64(len(t.byCookie)-1)]; i != none; {
			e := &t.entries[i]
			next := e.nextCookie
			if e.cookie() == cookie && !yield(i, e) {
				return
			}
			i = next
		}
	}
}

// all yields all entries. The caller may remove the yielded entry.
func (t *tables) all() iter.Seq2[uint32, *entry] {
	return func(yield func(uint32, *entry) bool) {
		for i := range t.entries {
			if e := &t.entries[i]; e.flow != nil && !yield(uint32(i), e) {
				return
			}
		}
	}
}

// add adds a flow. There must be no flow with its key.
func (t *tables) add(f *flow, born int64) {
	if t.n == len(t.byKey) {
		t.grow()
	}
	i := t.free
	if i != none {
		t.free = t.entries[i].nextKey
	} else {
		i = uint32(len(t.entries))
		t.entries = append(t.entries, entry{})
	}
	t.entries[i] = entry{flow: f, born: born}
	t.link(i)
	t.n++
	t.perTable[uint8(f.table())]++
	for _, n := range f.needs {
		t.users[n]++
	}
	f.installed.Add(1)
}

func (t *tables) link(i uint32) {
	e := &t.entries[i]
	k, c := &t.byKey[e.key&uint64(len(t.byKey)-1)], &t.byCookie[spread(e.cookie())&uint64(len(t.byCookie)-1)]
	e.nextKey, *k = *k, i
	e.nextCookie, *c = *c, i
}

// remove removes an entry, and returns its former content.
func (t *tables) remove(i uint32) entry {
	e := t.entries[i]
	p := &t.byKey[e.key&uint64(len(t.byKey)-1)]
	for *p != i {
		p = &t.entries[*p].nextKey
	}
	*p = e.nextKey
	p = &t.byCookie[spread(e.cookie())&uint64(len(t.byCookie)-1)]
	for *p != i {
		p = &t.entries[*p].nextCookie
	}
	*p = e.nextCookie
	t.entries[i] = entry{nextKey: t.free}
	t.free = i
	t.n--
	t.perTable[uint8(e.table())]--
	for _, n := range e.needs {
		if t.users[n]--; t.users[n] == 0 {
			delete(t.users, n)
		}
	}
	e.installed.Add(-1)
	return e
}

// grow doubles the hash tables.
func (t *tables) grow() {
	n := max(16, 2*len(t.byKey))
	t.byKey, t.byCookie = fill(n), fill(n)
	for i := range t.entries {
		if t.entries[i].flow != nil {
			t.link(uint32(i))
		}
	}
}

// fill returns n empty buckets.
func fill(n int) []uint32 {
	b := make([]uint32, n)
	for i := range b {
		b[i] = none
	}
	return b
}
