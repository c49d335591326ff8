package zonetransfer

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/miekg/dns"

	"github.com/sdnctl/sdnctl/controller/nameserver"
	"github.com/sdnctl/sdnctl/topology"
)

// zone is what other servers can have: the domain of a network, or the names of a range of addresses.
type zone struct {
	topo    *topology.Snapshot
	network *topology.Network
	// of is the range; the zero Prefix for the domain.
	of netip.Prefix
}

// findZone returns the zone of a topology that has a name, in any case. An error says why there is none.
func findZone(topo *topology.Snapshot, name string) (z zone, err error) {
	name = dns.CanonicalName(name)
	z.topo = topo
	domain := strings.TrimSuffix(name, ".")
	take := func(n *topology.Network) error {
		switch {
		case z.network == nil:
			z.network = n
		case topo.NamesFor(z.network).Scope() != topo.NamesFor(n).Scope():
			return fmt.Errorf("networks %s and %s both have names there, and no router joins them, so another server cannot have both: give one of them another domain or other addresses", z.network.Name, n.Name)
		}
		return nil
	}
	if of, ok := nameserver.ReverseRange(name); ok {
		z.of = of
		for n := range reverseNetworks(topo, of) {
			if err := take(n); err != nil {
				return z, err
			}
		}
	} else {
		for n := range topo.Networks() {
			if n.Spec.DNS.Enabled && n.Domain() == domain {
				if err := take(n); err != nil {
					return z, err
				}
			}
		}
	}
	if z.network == nil {
		return z, fmt.Errorf("no network with DNS has names in %s", name)
	}
	return z, nil
}

// reverseNetworks yields the networks with DNS that have addresses in a range, or may use services that
// have. One may come more than once.
func reverseNetworks(topo *topology.Snapshot, of netip.Prefix) func(yield func(*topology.Network) bool) {
	return func(yield func(*topology.Network) bool) {
		for n := range topo.Networks() {
			for _, s := range n.Spec.Subnets {
				if n.Spec.DNS.Enabled && s.Prefix.Overlaps(of) && !yield(n) {
					return
				}
			}
		}
		for o := range topo.Services() {
			for _, a := range o.Spec.Addresses {
				if !of.Contains(a) {
					continue
				}
				for n := range scopeNetworks(topo, o) {
					if n.Spec.DNS.Enabled && !yield(n) {
						return
					}
				}
				break
			}
		}
	}
}

// scopeNetworks yields the networks whose ports may use a service.
func scopeNetworks(topo *topology.Snapshot, o *topology.Service) func(yield func(*topology.Network) bool) {
	return func(yield func(*topology.Network) bool) {
		for _, ref := range o.Spec.Scopes() {
			names := []string{ref.Name}
			if ref.Kind == topology.KindRouter {
				names = nil
				if r, ok := topo.Router(ref.Name); ok {
					names = r.Spec.Networks
				}
			}
			for _, name := range names {
				if n, ok := topo.Network(name); ok && !yield(n) {
					return
				}
			}
		}
	}
}

// records returns all records of the zone, of which the first is its SOA record.
func (z zone) records(servers []string) ([]dns.RR, error) {
	if !z.of.IsValid() {
		return nameserver.Export(z.topo, z.network, servers), nil
	}
	return nameserver.ExportReverse(z.topo, z.network, z.of, servers)
}

// soa returns the SOA record of the zone alone.
func (z zone) soa(name string, servers []string) *dns.SOA {
	return nameserver.ExportSOA(z.topo, dns.CanonicalName(name), servers)
}

// fromPort reports whether an address is one of a port that reaches the machines of nodes with it: sdnd may
// run on one.
func fromPort(topo *topology.Snapshot, a netip.Addr) bool {
	for n := range topo.Networks() {
		if !n.Spec.HostAccess {
			continue
		}
		for _, s := range n.Spec.Subnets {
			if s.Prefix.Contains(a) {
				return true
			}
		}
	}
	return false
}
