package topology

import (
	"fmt"
	"iter"
	"net/netip"
)

// Node is a machine with an Open vSwitch that we control.
type Node struct {
	Meta
	Spec NodeSpec `json:"spec"`
	// DatapathID is Spec.DatapathID, or DatapathIDFor(Name) when that is 0.
	DatapathID DatapathID `json:"datapathID"`
}

// Ref returns the object's name in the form kind/name.
func (n *Node) Ref() Ref { return Ref{Kind: KindNode, Name: n.Name} }

func (n *Node) spec() Spec { return n.Spec }

func (n *Node) clone() Object {
	c := *n
	return &c
}

func (n *Node) load(l *Loader) error {
	if h, ok := l.x.nodesByDPID.Get(n.DatapathID); ok {
		return fmt.Errorf("%s: datapath id %s belongs to %s", n.Ref(), n.DatapathID, h.Ref())
	}
	l.x.putNode(n)
	return nil
}

func (n *Node) drop(x, _ *indexes) { x.dropNode(n) }

func (x *indexes) putNode(n *Node) {
	x.nodes.Set(n.Name, n)
	x.nodesByDPID.Set(n.DatapathID, n)
	x.hosts.putNode(n)
	for _, a := range n.Spec.UplinkAddresses {
		x.uplinks.holders.hold(a, n.Ref())
	}
	if n.Spec.TunnelIP.IsValid() {
		x.nodesByTunnel.Set(n)
	}
}

func (x *indexes) dropNode(n *Node) {
	x.nodes.Delete(n.Name)
	x.nodesByDPID.Delete(n.DatapathID)
	x.hosts.dropNode(n)
	for _, a := range n.Spec.UplinkAddresses {
		x.uplinks.holders.release(a)
	}
	if n.Spec.TunnelIP.IsValid() {
		x.nodesByTunnel.Delete(n)
	}
}

// Node returns the node of that name.
func (s *Snapshot) Node(name string) (*Node, bool) { return s.x.nodes.Get(name) }

// NodeByDatapath returns the node whose switch has that datapath id.
func (s *Snapshot) NodeByDatapath(d DatapathID) (*Node, bool) { return s.x.nodesByDPID.Get(d) }

// byTunnel is what a node with a tunnel address is found by.
func byTunnel(a netip.Addr) *Node { return &Node{Spec: NodeSpec{TunnelIP: a}} }

// NodesByTunnel returns the nodes whose tunnel address is in a prefix, by that
// address.
func (s *Snapshot) NodesByTunnel(p netip.Prefix) iter.Seq[*Node] {
	return func(yield func(*Node) bool) {
		s.x.nodesByTunnel.Ascend(byTunnel(p.Masked().Addr()), func(n *Node) bool {
			return p.Contains(n.Spec.TunnelIP) && yield(n)
		})
	}
}

// Nodes returns all nodes by name.
func (s *Snapshot) Nodes() iter.Seq[*Node] { return all(s.x.nodes) }

// NumNodes returns how many nodes there are.
func (s *Snapshot) NumNodes() int { return s.x.nodes.Len() }
