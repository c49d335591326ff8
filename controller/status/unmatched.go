package status

import (
	"slices"

	"github.com/sdnctl/sdnctl/controller/condition"
)

// UpdateUnmatched puts the interfaces without a port on the board.
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
