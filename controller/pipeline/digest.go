package pipeline

import "github.com/sdnctl/sdnctl/openflow"

// Digest is of a set of items, by their sums, whatever their order: sets with the
// same digest are taken to be the same. It can be kept as items come and go.
//
// It has two parts because a change reaches a switch in two: meters are sent on
// their own, and all else in one bundle.
type Digest struct {
	// Bundled is of flows and groups, Meters of meters: sums of hashes, modulo 1<<64.
	Bundled, Meters uint64
}

// Add counts an item in. The table is a flow's, and 0 for other items.
func (d *Digest) Add(k ItemKind, t openflow.TableID, s Sum) {
	n := uint64(s)*0x9e3779b97f4a7c15 + uint64(t)
	if k == ItemMeter {
		d.Meters += n
	} else {
		d.Bundled += n
	}
}

// Plus is the digest of both sets together.
func (d Digest) Plus(e Digest) Digest { return Digest{d.Bundled + e.Bundled, d.Meters + e.Meters} }

// Minus is the digest of what is left without the items of e.
func (d Digest) Minus(e Digest) Digest { return Digest{d.Bundled - e.Bundled, d.Meters - e.Meters} }

// Digest is that of the set's items.
func (s *ItemSet) Digest() Digest {
	var d Digest
	for _, i := range s.items {
		d.Add(i.kind, i.table, i.Sum)
	}
	return d
}

// Digest is by how much the digest of the node's items is greater after the delta.
func (d *Delta) Digest() Digest { return d.after.Digest().Minus(d.before.Digest()) }
