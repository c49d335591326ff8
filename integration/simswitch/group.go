package simswitch

import (
	"maps"
	"slices"

	"github.com/sdnctl/sdnctl/openflow"
)

// group is one group of the group table. It is not written to once it was made.
type group struct {
	typ openflow.GroupType
	// buckets as Open vSwitch shows them, and how many.
	buckets openflow.Buckets
	n       int
	born    int64 // when it was added: ns on the switch's clock
}

// The longest list of buckets that fits into a description, and the longest that
// fits into statistics.
const (
	groupDescLen  = 8
	groupStatsLen = 40
	bucketLen     = 16
	maxBuckets    = (openflow.MaxMessageLen - multipartLen - groupStatsLen) / bucketLen
	maxBucketsLen = openflow.MaxMessageLen - multipartLen - groupDescLen
)

// setGroup puts a group in its place, or takes it away if it is nil.
func (t *tables) setGroup(id uint32, g *group) {
	if g == nil {
		delete(t.groups, id)
	} else {
		t.groups[id] = g
	}
}

func (g *group) value(id uint32) openflow.Group {
	return openflow.Group{ID: id, Type: g.typ, Buckets: g.buckets}
}

// allGroups returns the numbers of all groups, ascending.
func (t *tables) allGroups() []uint32 { return slices.Sorted(maps.Keys(t.groups)) }

// chosenGroups returns the numbers of the groups that a request is about, which may
// be none.
func (t *tables) chosenGroups(id uint32) []uint32 {
	switch {
	case id == openflow.GroupAll:
		return t.allGroups()
	case t.groups[id] != nil:
		return []uint32{id}
	}
	return nil
}

// Groups returns all groups by ascending number. Their buckets must not be written
// to.
func (s *Switch) Groups() []openflow.Group {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]openflow.Group, 0, len(s.tables.groups))
	for _, id := range s.tables.allGroups() {
		all = append(all, s.tables.groups[id].value(id))
	}
	return all
}

// groupDesc adds the description of all groups.
func (c *conn) groupDesc(p *parts) {
	for _, id := range c.s.tables.allGroups() {
		g := c.s.tables.groups[id].value(id)
		p.add(must(g.AppendDesc(nil)))
	}
}

// groupStats adds the counters of one group or, for GroupAll, of all. Those of
// packets are 0.
func (c *conn) groupStats(p *parts, id uint32) {
	t, now := c.s.tables, c.s.age()
	for _, id := range t.chosenGroups(id) {
		g := t.groups[id]
		age := now - g.born
		p.add(mustAppend(nil, &openflow.GroupStats{ID: id, Flows: uint32(t.users[need{group: true, id: id}]),
			DurationSec: uint32(age / 1e9), DurationNsec: uint32(age % 1e9), Buckets: make([]openflow.PacketCounts, g.n)}))
	}
}

// groupFeatures returns what Open vSwitch says of its group table (OpenFlow 1.3.5,
// 7.3.5.10): all four types; weights, liveness and chaining; of each type as many
// groups as there are numbers; the actions output and set_mpls_ttl to set_field.
func groupFeatures() []byte {
	const (
		types, capabilities = 0xf, 0x7
		actions             = 1<<0 | 0x7ff<<15
	)
	b := be.AppendUint32(be.AppendUint32(nil, types), capabilities)
	for range 4 {
		b = be.AppendUint32(b, openflow.GroupMax)
	}
	for range 4 {
		b = be.AppendUint32(b, actions)
	}
	return b
}
