package reconcile

import (
	"net/netip"

	"github.com/sdnctl/sdnctl/controller/condition"
	"github.com/sdnctl/sdnctl/topology"
)

// SetUpstreams takes which upstream name servers do not answer, and why. The map must not be
// modified afterwards.
func (f *Fabric) SetUpstreams(failing map[netip.Addr]string) { f.post(upstreamsFound(failing)) }

// upstreamsFound: other upstream name servers than before do not answer.
type upstreamsFound map[netip.Addr]string

func (e upstreamsFound) happen(d *dispatcher) {
	was, now := d.f.failingUpstreams(), map[netip.Addr]string(e)
	differs := func(at netip.Addr) bool { return was[at] != now[at] }
	for at := range now {
		if was[at] == "" {
			d.f.log.Warn("an upstream name server does not answer", "server", at.String(), "why", now[at])
		}
	}
	for at := range was {
		if now[at] == "" {
			d.f.log.Info("an upstream name server answers again, or is not asked any more", "server", at.String())
		}
	}
	d.f.upstreams.Store(&now)
	for n := range d.view.Topo.Networks() {
		for _, at := range n.Spec.DNS.Upstream {
			if differs(at) {
				d.assessNetwork(n.Name)
				break
			}
		}
	}
}

// failingUpstreams returns the upstream name servers that do not answer, and why.
func (f *Fabric) failingUpstreams() map[netip.Addr]string {
	if all := f.upstreams.Load(); all != nil {
		return *all
	}
	return nil
}

// upstreamsOf returns what is known of the upstream name servers of a network.
func (f *Fabric) upstreamsOf(n *topology.Network) (all []condition.NameServer) {
	if !n.Spec.DNS.Enabled {
		return nil
	}
	failing := f.failingUpstreams()
	for _, at := range n.Spec.DNS.Upstream {
		all = append(all, condition.NameServer{Address: at.String(), Why: failing[at]})
	}
	return all
}
