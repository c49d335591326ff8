package pipeline

import "github.com/sdnctl/sdnctl/openflow"

// Digest stands for a set of items. It is the sum of their hashes, so it does not depend on
// their order and can be updated as items are added and removed. Sets with the same digest
// are taken to be equal.
//
// It has two parts because a change reaches a switch in two: meters are sent by themselves,
// and all other items in one bundle.
type Digest struct {
	// Bundled is the sum for flows and groups, Meters the sum for meters, each modulo
	// 1<<64.
	Bundled, Meters uint64
}

// Add adds an item to the digest. The table is a flow's; it is 0 for other items.
func (d *Digest) Add(k ItemKind, t openflow.TableID, s Sum) {
	n := uint64(s)*0x9e3779b97f4a7c15 + uint64(t)
	if k == ItemMeter {
		d.Meters += n
	} else {
		d.Bundled += n
	}
}

// Plus returns the digest of both sets together.
func (d Digest) Plus(e Digest) Digest { return Digest{d.Bundled + e.Bundled, d.Meters + e.Meters} }

// Minus returns the digest without the items of e.
func (d Digest) Minus(e Digest) Digest { return Digest{d.Bundled - e.Bundled, d.Meters - e.Meters} }

// Digest returns the digest of the set's items.
func (s *ItemSet) Digest() Digest {
	var d Digest
	for _, i := range s.items {
		d.Add(i.kind, i.table, i.Sum)
	}
	return d
}

// Digest returns the difference that the delta makes to the digest of the node's items.
func (d *Delta) Digest() Digest { return d.after.Digest().Minus(d.before.Digest()) }
