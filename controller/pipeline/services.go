package pipeline

import (
	"cmp"
	"iter"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// scope is a network or router whose ports may use a service.
type scope struct {
	topology.Ref
	index int
	// domain is the routing domain that backends must be in.
	domain domain
	// outside says that the clients are machines outside, not ports.
	outside bool
}

// scopesOf returns the networks and routers whose ports can use a service: only networks
// with gateways. Headless services have no flows, and so none.
func (v *View) scopesOf(o *topology.Service) (all []scope) {
	if o.Spec.Headless {
		return nil
	}
	i := 0
	for _, ref := range o.Spec.Scopes() {
		s := scope{Ref: ref, index: i, domain: ref.String()}
		i++
		if ref.Kind == topology.KindNetwork {
			n, ok := v.Topo.Network(ref.Name)
			if !ok || !v.Topo.Served(n) {
				continue
			}
			s.domain = v.domainOf(ref.Name)
		}
		all = append(all, s)
	}
	return all
}

// scopeOn reports whether the node has ports that may use a service of the scope.
func (v *View) scopeOn(s scope, node string) bool {
	if s.outside {
		return v.EntryNode(node)
	}
	if s.Kind == topology.KindNetwork {
		return v.HasPorts(s.Name, node)
	}
	r, ok := v.Topo.Router(s.Name)
	return ok && slices.ContainsFunc(r.Spec.Networks, func(n string) bool { return v.HasPorts(n, node) })
}

// match appends, to the match of packets in a network, that the sender's port is in the
// scope. Registers precede the metadata in a match, so a network's metadata is appended
// last.
func (s scope) match(topo *topology.Snapshot, m openflow.Match, state func(openflow.Match) openflow.Match) openflow.Match {
	if s.outside {
		m = m.RegMasked(regFlags, flagEntered, flagEntered)
	}
	if s.Kind == topology.KindNetwork {
		n, _ := topo.Network(s.Name)
		return state(m).Metadata(metadata(n))
	}
	r, _ := topo.Router(s.Name)
	return state(m.Reg(regRouter, r.ID))
}

// prioScopeOutside is how much higher the priorities of clients outside are than those of ports.
const prioScopeOutside = 80

// priority is higher for networks than for routers: a service that names the network of a
// port comes before one with the same address that names its router.
func (s scope) priority(of uint16) uint16 {
	if s.outside {
		return of + prioScopeOutside
	}
	if s.Kind == topology.KindNetwork {
		return of + prioScopeNetwork
	}
	return of
}

// nodesInScope yields the nodes that have ports of the scope, each once.
func (v *View) nodesInScope(s scope) iter.Seq[string] {
	if s.Kind == topology.KindNetwork {
		return seconds(v.byNetwork, s.Name)
	}
	r, ok := v.Topo.Router(s.Name)
	if !ok || len(r.Spec.Networks) == 0 {
		return func(func(string) bool) {}
	}
	return v.nodesWithPortsOf(r.Spec.Networks[0])
}

// nodesUsing yields the nodes that have ports which may use a service, each once.
func (v *View) nodesUsing(o *topology.Service) iter.Seq[string] {
	return func(yield func(string) bool) {
		seen := map[string]bool{}
		for _, s := range v.scopesOf(o) {
			for node := range v.nodesInScope(s) {
				if seen[node] {
					continue
				}
				if seen[node] = true; !yield(node) {
					return
				}
			}
		}
	}
}

// ServedNode reports whether the node has ports that may use services, or machines outside use
// services by it.
func (v *View) ServedNode(node string) bool {
	if v.Topo.Count(model.KindService) == 0 {
		return false
	}
	for n := range seconds(v.byNode, node) {
		if _, ok := v.servicesZone(n); ok {
			return true
		}
	}
	return v.EntryNode(node)
}

// servicesZone returns the zone of connections that ports of a network begin; ok is false
// if they use no services.
func (v *View) servicesZone(network string) (topology.Zone, bool) {
	if v.Topo.Count(model.KindService) == 0 {
		return 0, false
	}
	n, ok := v.Topo.Network(network)
	if !ok || !v.Topo.Served(n) {
		return 0, false
	}
	of, ok := v.Topo.Numbering(n.Ref().String())
	return of.Services, ok && of.Services != 0
}

// servicesOn returns the services that ports of the node may use, or machines outside by the
// node, by name.
func (v *View) servicesOn(node string) []*topology.Service {
	if v.Topo.Count(model.KindService) == 0 {
		return nil
	}
	found := map[string]*topology.Service{}
	for n := range seconds(v.byNode, node) {
		if _, ok := v.servicesZone(n); ok {
			for o := range v.Topo.ServicesOfNetwork(n) {
				found[o.Name] = o
			}
		}
	}
	for _, o := range v.servicesEntered(node) {
		found[o.Name] = o
	}
	return slices.SortedFunc(maps.Values(found), func(a, b *topology.Service) int { return cmp.Compare(a.Name, b.Name) })
}

// serviceUnits yields the units of some services and of their backends, each once.
func (v *View) serviceUnits(services []*topology.Service) iter.Seq[unit] {
	return func(yield func(unit) bool) {
		seen := map[Unit]bool{}
		for _, o := range services {
			if !yield(unit{Unit: Unit{Kind: UnitService, Name: o.Name}, service: o}) {
				return
			}
			for b := range v.Topo.Backends(o) {
				for u := range backendUnits(o, b) {
					if seen[u.Unit] {
						continue
					}
					if seen[u.Unit] = true; !yield(u) {
						return
					}
				}
			}
		}
	}
}

// backendUnits yields the units of a backend that a service needs.
func backendUnits(o *topology.Service, b topology.Backend) iter.Seq[unit] {
	return func(yield func(unit) bool) {
		if affine(o) && !yield(unit{Unit: Unit{Kind: UnitBackend, Name: b.Name}, backend: b.Port}) {
			return
		}
		for _, p := range o.Spec.Ports {
			e := endpoint{p.Protocol, b.Target(p)}
			if e.port != 0 && !yield(unit{Unit: Unit{Kind: UnitBackend, Name: b.Name, Part: e.String()}, backend: b.Port, endpoint: e}) {
				return
			}
		}
	}
}

// endpoint is a protocol and a port of it, at a backend.
type endpoint struct {
	protocol model.PolicyProtocol
	port     uint16
}

// String returns it as tcp/8080.
func (e endpoint) String() string {
	return string(e.protocol) + "/" + strconv.FormatUint(uint64(e.port), 10)
}

// parseEndpoint reads what String returns; what has another form is the zero endpoint.
func parseEndpoint(text string) endpoint {
	protocol, number, _ := strings.Cut(text, "/")
	n, err := strconv.ParseUint(number, 10, 16)
	if err != nil {
		return endpoint{}
	}
	return endpoint{model.PolicyProtocol(protocol), uint16(n)}
}

// answers reports whether a port, as far as is known, has an interface where it should be,
// so that it can be a backend. A port whose node is away keeps the one that it had.
func (v *View) answers(p *topology.Port) bool {
	at := v.Location(p)
	return at != "" && v.Place(p.Name).Node == at
}

// Backends counts the backends of a service by what becomes of new connections to them.
type Backends struct {
	// Selected is how many there are. The others get no new connections: Draining because
	// they are draining, Elsewhere because they are in another routing domain than all ports
	// that may use the service, Unbound because they have no interface, LinkDown because its link
	// is down, Unnamed because they have none of the ports by whose names the service calls them,
	// Unhealthy because they do not pass its health check.
	Selected, Draining, Elsewhere, Unbound, LinkDown, Unnamed, Unhealthy int
	// Failing is the first of the unhealthy by name that can be checked, and Why why it is.
	Failing, Why string
	// Unchecked is how many of the unhealthy cannot be checked; NotChecked is the first of
	// them by name, and Obstacle why, or Away the node that it is on and that is away.
	Unchecked  int
	NotChecked string
	Obstacle   Obstacle
	Away       string
	// NoGateway are the networks that the service names and whose ports cannot use it,
	// because the network has no gateway; sorted.
	NoGateway []string
	// Without are the nodes with ports that may use the service and reach only backends on
	// their own node, but have none there that gets new connections; sorted.
	Without []string
}

// called reports whether a backend has any port by which a service calls it.
func called(o *topology.Service, b topology.Backend) bool {
	return slices.ContainsFunc(o.Spec.Ports, func(p model.ServicePort) bool { return b.Target(p) != 0 })
}

// Listed reports whether the name of a headless service has the addresses of a backend of it, in
// whatever routing domain that is.
func (v *View) Listed(o *topology.Service, b topology.Backend) bool {
	switch {
	case b.Endpoint.State != model.EndpointReady:
		return false
	case o.Spec.PublishNotReadyAddresses:
		return true
	}
	return v.answers(b.Port) && called(o, b) && v.serves(o, b.Name)
}

// clientsOf returns the routing domains of those that can use a service, or look its name up if
// it is headless. One may be there twice.
func (v *View) clientsOf(o *topology.Service) (all []domain) {
	for _, s := range v.scopesOf(o) {
		all = append(all, s.domain)
	}
	if o.Spec.Headless {
		for _, ref := range o.Spec.Scopes() {
			if ref.Kind == topology.KindNetwork {
				all = append(all, v.domainOf(ref.Name))
			} else {
				all = append(all, ref.String())
			}
		}
	}
	return all
}

// Usable is how many backends get new connections.
func (n Backends) Usable() int {
	return n.Selected - n.Draining - n.Elsewhere - n.Unbound - n.LinkDown - n.Unnamed - n.Unhealthy
}

// BackendsOf counts the backends of a service of a topology, which may be newer than the
// view's. Where ports are is as the view has it. It counts no further once so many get new
// connections, unless it has to know on which nodes they are; enough is 0 if it is to count
// all. Backends are not checked on nodes that are away; nil if that is not known.
func (v *View) BackendsOf(topo *topology.Snapshot, o *topology.Service, enough int, away func(node string) bool) (n Backends) {
	newer := *v
	newer.Topo, v = topo, &newer
	domains := v.clientsOf(o)
	var at map[string]bool
	if local(o) {
		at = map[string]bool{}
	}
	for b := range v.Topo.Backends(o) {
		if enough > 0 && n.Usable() >= enough && !local(o) {
			break
		}
		n.Selected++
		switch {
		case b.Endpoint.State != model.EndpointReady:
			n.Draining++
		case !slices.Contains(domains, v.domainOf(b.Spec.Network)):
			n.Elsewhere++
		case !v.answers(b.Port):
			n.Unbound++
		case v.LinkDown(b.Name):
			n.LinkDown++
		case !called(o, b):
			n.Unnamed++
		case !v.passes(o, b.Name):
			n.unhealthy(v, o, b.Port, away)
		case local(o):
			at[v.Location(b.Port)] = true
		}
	}
	if local(o) {
		for node := range v.nodesUsing(o) {
			if !at[node] {
				n.Without = append(n.Without, node)
			}
		}
		slices.Sort(n.Without)
	}
	for _, name := range o.Spec.Networks {
		if x, ok := v.Topo.Network(name); ok && !o.Spec.Headless && !v.Topo.Served(x) {
			n.NoGateway = append(n.NoGateway, name)
		}
	}
	slices.Sort(n.NoGateway)
	return n
}

// unhealthy counts a backend that does not pass the health check.
func (n *Backends) unhealthy(v *View, o *topology.Service, p *topology.Port, away func(node string) bool) {
	n.Unhealthy++
	obstacle, node := v.Obstacle(o, p), ""
	if at := v.Location(p); away != nil && away(at) {
		node = at
	}
	if obstacle != (Obstacle{}) || node != "" {
		if n.Unchecked++; n.Unchecked == 1 {
			n.NotChecked, n.Obstacle, n.Away = p.Name, obstacle, node
		}
	} else if n.Unhealthy-n.Unchecked == 1 {
		n.Failing, n.Why = p.Name, v.Health(o.Name, p.Name).Why
	}
}

// reaches reports whether a service that is used on the node reaches a port by an endpoint.
func (v *View) reaches(p *topology.Port, e endpoint, node string) bool {
	for o := range v.Topo.ServicesReaching(p, e.protocol, e.port) {
		if v.usedOn(o, p, node) {
			return true
		}
	}
	return false
}

// local reports whether clients of a service reach only backends on their own node.
func local(o *topology.Service) bool { return o.Spec.InternalTrafficPolicy == model.TrafficLocal }

// usedOn reports whether ports of the node may use a service, or machines outside by the node,
// and reach a port that is a backend of it.
func (v *View) usedOn(o *topology.Service, p *topology.Port, node string) bool {
	d := v.domainOf(p.Spec.Network)
	if s, ok := v.outsideOf(o); ok && s.domain == d && v.scopeOn(s, node) && !(externalLocal(o) && v.Location(p) != node) {
		return true
	}
	if local(o) && v.Location(p) != node {
		return false
	}
	return slices.ContainsFunc(v.scopesOf(o), func(s scope) bool { return s.domain == d && v.scopeOn(s, node) })
}

// protocolNumbers holds the IANA numbers of the protocols that services have.
var protocolNumbers = map[model.PolicyProtocol]uint8{model.ProtocolTCP: protoTCP, model.ProtocolUDP: protoUDP}

// toPort appends the protocol of an endpoint and its destination port.
func toPort(m openflow.Match, e endpoint) openflow.Match {
	m = m.IPProto(protocolNumbers[e.protocol])
	if e.protocol == model.ProtocolTCP {
		return m.TCPDst(e.port)
	}
	return m.UDPDst(e.port)
}

// setTarget appends actions that load an address and a port into the registers by which a
// backend is found.
func setTarget(a openflow.Actions, ip netip.Addr, port uint16) openflow.Actions {
	a = a.SetReg(regTargetPort, uint32(port))
	for i, word := range words(ip) {
		a = a.SetReg(regTarget+i, word)
	}
	return a
}

// words splits an address into the 32-bit words that registers hold.
func words(ip netip.Addr) (all []uint32) {
	b := ip.AsSlice()
	for i := 0; i < len(b); i += 4 {
		all = append(all, uint32(b[i])<<24|uint32(b[i+1])<<16|uint32(b[i+2])<<8|uint32(b[i+3]))
	}
	return all
}
