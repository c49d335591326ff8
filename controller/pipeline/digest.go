package pipeline

import "github.com/sdnctl/sdnctl/openflow"

// Digest is of a set of flows, by their cookies, whatever their order: sets with
// the same digest are taken to be the same. Cookies are hashes of what the flows
// say, so their sum is as good as one; it can be kept as flows come and go.
type Digest uint64

// Add counts a flow in.
func (d *Digest) Add(t openflow.TableID, c openflow.Cookie) {
	*d += Digest(uint64(c)*0x9e3779b97f4a7c15 + uint64(t))
}

// Digest is that of the set's flows.
func (s *FlowSet) Digest() Digest {
	var d Digest
	for _, e := range s.entries {
		d.Add(e.table, e.Cookie)
	}
	return d
}

// Digest is by how much the digest of the node's flows is greater after the
// delta, modulo 1<<64.
func (d *Delta) Digest() Digest { return d.after.Digest() - d.before.Digest() }
