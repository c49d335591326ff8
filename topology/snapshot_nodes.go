package topology

import (
	"iter"
	"net/netip"

	"github.com/tidwall/btree"
)

// all returns the values of a tree in the order of their keys.
func all[K interface{ ~string }, V any](m *btree.Map[K, V]) iter.Seq[V] {
	return func(yield func(V) bool) {
		m.Scan(func(_ K, v V) bool { return yield(v) })
	}
}

// Node returns the node of that name.
func (s *Snapshot) Node(name string) (*Node, bool) { return s.x.nodes.Get(name) }

// NodeByDatapath returns the node whose switch has that datapath id.
func (s *Snapshot) NodeByDatapath(d DatapathID) (*Node, bool) { return s.x.nodesByDPID.Get(d) }

// NodesByTunnel returns the nodes whose tunnel address is in an IPv4 prefix, by
// that address.
func (s *Snapshot) NodesByTunnel(p netip.Prefix) iter.Seq[*Node] {
	return func(yield func(*Node) bool) {
		s.x.nodesByTunnel.Ascend(u32(p.Masked().Addr()), func(_ uint32, n *Node) bool {
			return p.Contains(n.Spec.TunnelIP) && yield(n)
		})
	}
}

// Nodes returns all nodes by name.
func (s *Snapshot) Nodes() iter.Seq[*Node] { return all(s.x.nodes) }

// NumNodes returns how many nodes there are.
func (s *Snapshot) NumNodes() int { return s.x.nodes.Len() }

// Router returns the router of that name.
func (s *Snapshot) Router(name string) (*Router, bool) { return s.x.routers.Get(name) }

// RouterOf returns the router that a network is joined to.
func (s *Snapshot) RouterOf(network string) (*Router, bool) { return s.x.routerOf.Get(network) }

// Routers returns all routers by name.
func (s *Snapshot) Routers() iter.Seq[*Router] { return all(s.x.routers) }

// NumRouters returns how many routers there are.
func (s *Snapshot) NumRouters() int { return s.x.routers.Len() }
