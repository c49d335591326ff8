package topology

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/tidwall/btree"

	"github.com/sdnctl/sdnctl/topology/model"
)

// Domain returns the domain of the names of a network's ports and services.
func (n *Network) Domain() string {
	if n.Spec.DNS.Domain != "" {
		return n.Spec.DNS.Domain
	}
	return model.DefaultDomain(n.Name)
}

// nameIndex has what the names of ports are looked up by. Names of services are in
// serviceIndex.
type nameIndex struct {
	// zones has the networks with DNS by what they are in (the reference of the network or of
	// its router), their domain and their name.
	zones *btree.Map[string, *Network]
	// ranges has the subnets of all networks, by what they are in and their first address.
	ranges *btree.BTreeG[rangeEntry]
	// ports has the ports whose name is not one label in lower case, by network, the name
	// as nameKey writes it, and the name. The others are found by their name.
	ports *btree.Map[string, *Port]
}

// rangeEntry is a subnet in the network itself, or in the router that joins it.
type rangeEntry struct {
	in      string
	span    span
	network *Network
}

func newNameIndex() nameIndex {
	return nameIndex{
		zones: btree.NewMap[string, *Network](treeDegree),
		ranges: newTree(func(a, b rangeEntry) bool {
			if a.in != b.in {
				return a.in < b.in
			}
			return a.span.from.less(b.span.from)
		}),
		ports: btree.NewMap[string, *Port](treeDegree),
	}
}

func (x *nameIndex) fork() nameIndex {
	return nameIndex{x.zones.Copy(), x.ranges.Copy(), x.ports.Copy()}
}

// scopesOf returns what a network is in: itself, and the router that joins it.
func (x *indexes) scopesOf(n *Network) []Ref {
	refs := []Ref{n.Ref()}
	if r, ok := x.routerOf.Get(n.Name); ok {
		refs = append(refs, r.Ref())
	}
	return refs
}

func zoneKey(in, domain string) string { return in + "\x00" + domain + "\x00" }

func (x *nameIndex) putNetwork(in Ref, n *Network) {
	if n.Spec.DNS.Enabled {
		x.zones.Set(zoneKey(in.String(), n.Domain())+n.Name, n)
	}
	for _, s := range n.Spec.Subnets {
		x.ranges.Set(rangeEntry{in.String(), spanOf(s.Prefix), n})
	}
}

func (x *nameIndex) dropNetwork(in Ref, n *Network) {
	x.zones.Delete(zoneKey(in.String(), n.Domain()) + n.Name)
	for _, s := range n.Spec.Subnets {
		e := rangeEntry{in.String(), spanOf(s.Prefix), n}
		if held, ok := x.ranges.Get(e); ok && held.network.Name == n.Name {
			x.ranges.Delete(e)
		}
	}
}

// nameKey returns a name in lower case with its labels in reverse order, so that the names
// below a name follow it.
func nameKey(name string) string {
	name = strings.ToLower(name)
	if strings.IndexByte(name, '.') < 0 {
		return name
	}
	labels := strings.Split(name, ".")
	slices.Reverse(labels)
	return strings.Join(labels, ".")
}

func (x *nameIndex) portKey(p *Port) (key string, ok bool) {
	key = nameKey(p.Name)
	return p.Spec.Network + "\x00" + key + "\x00" + p.Name, key != p.Name || strings.IndexByte(key, '.') >= 0
}

func (x *nameIndex) putPort(p *Port) {
	if key, ok := x.portKey(p); ok {
		x.ports.Set(key, p)
	}
}

func (x *nameIndex) dropPort(p *Port) {
	if key, ok := x.portKey(p); ok {
		x.ports.Delete(key)
	}
}

// Names are the names that ports of a network can look up: those of the ports of all
// networks with DNS that a router joins with theirs, and of the services that they may use.
type Names struct {
	x       *indexes
	network *Network
	in      string // the reference of the router, or of the network that none joins
}

// NamesFor returns the names that ports of a network can look up.
func (s *Snapshot) NamesFor(n *Network) Names {
	return Names{&s.x, n, s.x.domainOf(n.Name)}
}

// HasDomain reports whether a network has a domain, which is in lower case.
func (n Names) HasDomain(domain string) bool {
	for range under(n.x.names.zones, zoneKey(n.in, domain)) {
		return true
	}
	return false
}

// Port returns the port that has a name, in lower case, in a domain.
func (n Names) Port(name, domain string) (*Port, bool) {
	if p, ok := n.x.ports.Get(name); ok && n.has(p.Spec.Network, domain) {
		return p, true
	}
	if n.x.names.ports.Len() == 0 {
		return nil, false
	}
	key := nameKey(name) + "\x00"
	for network := range under(n.x.names.zones, zoneKey(n.in, domain)) {
		for p := range under(n.x.names.ports, network.Name+"\x00"+key) {
			return p, true
		}
	}
	return nil, false
}

// has reports whether a network that ports can look up names of has a domain.
func (n Names) has(network, domain string) bool {
	_, ok := n.x.names.zones.Get(zoneKey(n.in, domain) + network)
	return ok
}

// Service returns the service that has a name, in lower case, in a domain: ports of the
// network may use it, and so may those of a network with the domain.
func (n Names) Service(name, domain string) (*Service, bool) {
	key := nameKey(name) + "\x00"
	for o := range n.services(key) {
		if n.serves(o, domain) {
			return o, true
		}
	}
	return nil, false
}

// services yields the services that ports of the network may use whose keys begin with key.
func (n Names) services(key string) func(yield func(*Service) bool) {
	return func(yield func(*Service) bool) {
		for _, ref := range n.x.scopesOf(n.network) {
			for o := range under(n.x.services.named, refKey(ref)+key) {
				if !yield(o) {
					return
				}
			}
		}
	}
}

// serves reports whether ports of a network with a domain may use a service.
func (n Names) serves(o *Service, domain string) bool {
	for _, ref := range o.Spec.Scopes() {
		if ref.Kind == KindRouter && ref.String() == n.in || ref.Kind == KindNetwork && n.has(ref.Name, domain) {
			return true
		}
	}
	return false
}

// Scope returns the routing domain of those who look up names.
func (n Names) Scope() string { return n.in }

// Reach reports whether a port is in the routing domain of those who look up names.
func (n Names) Reach(p *Port) bool { return n.x.domainOf(p.Spec.Network) == n.in }

// Backend returns the backend of a service that has a name, in lower case, and is in the routing
// domain of those who look it up.
func (n Names) Backend(o *Service, name string) (b Backend, ok bool) {
	p, ok := n.x.ports.Get(name)
	if !ok {
		return b, false
	}
	return n.backend(o, p)
}

// BackendAt returns the backend of a service that has an address in the routing domain of those
// who look it up.
func (n Names) BackendAt(o *Service, a netip.Addr) (b Backend, ok bool) {
	if !a.IsValid() {
		return b, false
	}
	at := numberOf(a)
	in := n.networkOf(at)
	if in == nil {
		return b, false
	}
	p, ok := n.x.holder(in.VNI, just(at))
	if !ok {
		return b, false
	}
	return n.backend(o, p)
}

func (n Names) backend(o *Service, p *Port) (b Backend, ok bool) {
	if !n.Reach(p) {
		return b, false
	}
	return n.x.backendOf(o, p)
}

// HasBelow reports whether any name in a domain is below a name: the latter exists then,
// without an address (RFC 8020).
func (n Names) HasBelow(name, domain string) bool {
	key := nameKey(name) + "."
	for o := range n.services(key) {
		if n.serves(o, domain) {
			return true
		}
	}
	if n.x.names.ports.Len()+n.x.records.byName.Len() == 0 {
		return false
	}
	for network := range under(n.x.names.zones, zoneKey(n.in, domain)) {
		for range under(n.x.names.ports, network.Name+"\x00"+key) {
			return true
		}
		for range under(n.x.records.named, network.Name+"\x00"+key) {
			return true
		}
	}
	return false
}

// networkOf returns the network of the routing domain with an address in its subnets, nil if none has.
func (n Names) networkOf(at number) (in *Network) {
	n.x.names.ranges.Descend(rangeEntry{in: n.in, span: just(at)}, func(e rangeEntry) bool {
		if e.in == n.in && e.span.has(at) {
			in = e.network
		}
		return false
	})
	return in
}

// NameOf returns the name of an address with its domain; "" for one without. known reports
// whether the address is of a subnet, or a service, that ports of the network reach: of any
// other, someone else knows the name.
func (n Names) NameOf(a netip.Addr) (name string, known bool) {
	at := numberOf(a)
	if in := n.networkOf(at); in != nil {
		p, ok := n.x.holder(in.VNI, just(at))
		if !ok || !in.Spec.DNS.Enabled {
			return "", true
		}
		return strings.ToLower(p.Name) + "." + in.Domain(), true
	}
	for _, ref := range n.x.scopesOf(n.network) {
		if o, ok := n.x.services.addresses.Get(refKey(ref) + a.String()); ok {
			return strings.ToLower(o.Name) + "." + n.network.Domain(), true
		}
	}
	return "", false
}
