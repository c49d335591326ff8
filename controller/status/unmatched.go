package status

import (
	"slices"

	"github.com/sdnctl/sdnctl/controller/condition"
)

// UpdateUnmatched records the interfaces of a node that claim a port which does not exist.
func (b *Board) UpdateUnmatched(node string, s condition.Unmatched) {
	b.mu.Lock()
	n, ok := b.nodes[node]
	same := ok && n.unmatched.Total == s.Total && slices.Equal(n.unmatched.First, s.First)
	if ok {
		n.unmatched = s
	}
	b.mu.Unlock()
	if ok && !same {
		b.Update(node, func(*Node) {})
	}
}
