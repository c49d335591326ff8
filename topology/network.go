package topology

import (
	"fmt"
	"iter"
)

// Network is a VNI with its subnets.
type Network struct {
	Meta
	Spec NetworkSpec `json:"spec"`
	// VNI is Spec.VNI, or one allocated when that is 0.
	VNI VNI `json:"vni"`
	// GatewayMAC is Spec.GatewayMAC, or derived from the VNI. It is the same
	// on every node.
	GatewayMAC MAC `json:"gatewayMAC"`
}

// Ref returns the object's name in the form kind/name.
func (n *Network) Ref() Ref { return Ref{Kind: KindNetwork, Name: n.Name} }

func (n *Network) spec() Spec { return n.Spec }

func (n *Network) clone() Object {
	c := *n
	return &c
}

func (n *Network) load(l *Loader) error {
	if h, ok := l.x.networksByVNI.Get(n.VNI); ok {
		return fmt.Errorf("%s: VNI %d belongs to %s", n.Ref(), n.VNI, h.Ref())
	}
	l.x.putNetwork(n)
	return nil
}

func (n *Network) drop(x, _ *indexes) { x.dropNetwork(n) }

func (x *indexes) putNetwork(n *Network) {
	x.networks.Set(n.Name, n)
	x.networksByVNI.Set(n.VNI, n)
	x.vnis.add(0, just(small(n.VNI)))
	if n.Spec.Mode == Segmented {
		x.segmented.Set(n.Name, n)
	}
	if n.Spec.HostAccess {
		x.hosts.networks.Set(n.Name, n)
	}
	for _, ref := range x.scopesOf(n) {
		x.names.putNetwork(ref, n)
	}
}

func (x *indexes) dropNetwork(n *Network) {
	for _, ref := range x.scopesOf(n) {
		x.names.dropNetwork(ref, n)
	}
	x.networks.Delete(n.Name)
	x.networksByVNI.Delete(n.VNI)
	x.vnis.remove(0, just(small(n.VNI)))
	x.segmented.Delete(n.Name)
	x.hosts.networks.Delete(n.Name)
	if n.Spec.Mode == Stretched {
		for _, s := range n.Spec.Subnets {
			x.forgetGiven(n.VNI, s.Prefix)
		}
	}
}

// Network returns the network of that name.
func (s *Snapshot) Network(name string) (*Network, bool) { return s.x.networks.Get(name) }

// NetworkByVNI returns the network that has that VNI.
func (s *Snapshot) NetworkByVNI(v VNI) (*Network, bool) { return s.x.networksByVNI.Get(v) }

// Networks returns all networks by name.
func (s *Snapshot) Networks() iter.Seq[*Network] { return all(s.x.networks) }

// NumNetworks returns how many networks there are.
func (s *Snapshot) NumNetworks() int { return s.x.networks.Len() }
