package simswitch

import (
	"maps"
	"slices"

	"github.com/sdnctl/sdnctl/openflow"
)

// group is one group of the group table. It is immutable.
type group struct {
	typ openflow.GroupType
	// buckets are encoded as Open vSwitch shows them; count is their number.
	buckets openflow.Buckets
	n       int
	born    int64 // when it was added, in ns of the switch's clock
}

// The limits of buckets, in bytes in a description and in number in statistics, so that one
// message has room for a group.
const (
	groupDescLen  = 8
	groupStatsLen = 40
	bucketLen     = 16
	maxBuckets    = (openflow.MaxMessageLen - multipartLen - groupStatsLen) / bucketLen
	maxBucketsLen = openflow.MaxMessageLen - multipartLen - groupDescLen
)

// setGroup sets a group, or removes it if g is nil.
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

// chosenGroups returns the numbers of the groups that a request selects.
func (t *tables) chosenGroups(id uint32) []uint32 {
	switch {
	case id == openflow.GroupAll:
		return t.allGroups()
	case t.groups[id] != nil:
		return []uint32{id}
	}
	return nil
}

// Groups returns all groups by ascending number. The caller must not modify their buckets.
func (s *Switch) Groups() []openflow.Group {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]openflow.Group, 0, len(s.tables.groups))
	for _, id := range s.tables.allGroups() {
		all = append(all, s.tables.groups[id].value(id))
	}
	return all
}

// groupDesc adds the descriptions of all groups to a reply.
func (c *conn) groupDesc(p *parts) {
	for _, id := range c.s.tables.allGroups() {
		g := c.s.tables.groups[id].value(id)
		p.add(must(g.AppendDesc(nil)))
	}
}

// groupStats adds the counters of one group, or for GroupAll of all groups, to a reply. Those
// of packets are 0.
func (c *conn) groupStats(p *parts, id uint32) {
	t, now := c.s.tables, c.s.age()
	for _, id := range t.chosenGroups(id) {
		g := t.groups[id]
		age := now - g.born
		p.add(mustAppend(nil, &openflow.GroupStats{ID: id, Flows: uint32(t.users[need{group: true, id: id}]),
			DurationSec: uint32(age / 1e9), DurationNsec: uint32(age % 1e9), Buckets: make([]openflow.PacketCounts, g.n)}))
	}
}

// groupFeatures returns Open vSwitch's group features (OpenFlow 1.3.5, 7.3.5.10): all four
// types; weights, liveness and chaining; for each type as many groups as there are numbers;
// the actions output and set_mpls_ttl to set_field.
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
