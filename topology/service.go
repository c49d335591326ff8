package topology

import (
	"fmt"
	"iter"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/tidwall/btree"

	"github.com/sdnctl/sdnctl/topology/model"
)

// MaxServiceID is the highest number of a service: it has 18 bits.
const MaxServiceID = 1<<18 - 1

// Service is addresses under which clients reach one of several ports.
type Service struct {
	Meta
	Spec model.ServiceSpec `json:"spec"`
	// ID is the service's number in the data path, 1 to MaxServiceID, allocated.
	ID uint32 `json:"id"`
	// NodePorts has the numbers that were chosen for ports whose node port is auto, by
	// nodePortKey; nil if there are none.
	NodePorts map[string]uint16 `json:"nodePorts,omitempty"`
	// HealthCheckNodePort is the number that was chosen if that of the spec is auto, else 0.
	HealthCheckNodePort uint16 `json:"healthCheckNodePort,omitempty"`
}

// nodePortKey is what the number of a port's node port is kept by: its protocol and number at
// the service, as in tcp/80.
func nodePortKey(p model.ServicePort) string {
	return string(p.Protocol) + "/" + strconv.FormatUint(uint64(p.Port), 10)
}

// NodePort returns the number of a port's node port, 0 if it has none.
func (o *Service) NodePort(p model.ServicePort) uint16 {
	if p.NodePort.Auto {
		return o.NodePorts[nodePortKey(p)]
	}
	return p.NodePort.Number
}

// HealthPort returns the number of the node port at which a node says whether it has backends, 0 if
// the service has none.
func (o *Service) HealthPort() uint16 {
	if o.Spec.HealthCheckNodePort.Auto {
		return o.HealthCheckNodePort
	}
	return o.Spec.HealthCheckNodePort.Number
}

// heldNodePort is a port of nodes' addresses that a service has.
type heldNodePort struct {
	field    string // of the spec
	protocol model.PolicyProtocol
	// number is 0 while none has been chosen.
	number uint16
}

// heldNodePorts yields the node ports that the service has or is to have.
func (o *Service) heldNodePorts() iter.Seq[heldNodePort] {
	return func(yield func(heldNodePort) bool) {
		for i, p := range o.Spec.Ports {
			if !p.NodePort.IsZero() && !yield(heldNodePort{fmt.Sprintf("spec.ports[%d].nodePort", i), p.Protocol, o.NodePort(p)}) {
				return
			}
		}
		if !o.Spec.HealthCheckNodePort.IsZero() {
			yield(heldNodePort{"spec.healthCheckNodePort", model.ProtocolTCP, o.HealthPort()})
		}
	}
}

// HeldNodePorts yields the ports of nodes' addresses that the service has, by protocol and number:
// its node ports, and that at which nodes say whether they have backends.
func (o *Service) HeldNodePorts() iter.Seq2[model.PolicyProtocol, uint16] {
	return func(yield func(model.PolicyProtocol, uint16) bool) {
		for h := range o.heldNodePorts() {
			if h.number != 0 && !yield(h.protocol, h.number) {
				return
			}
		}
	}
}

// nodePortTaken is the key of a node port among those of all services: no two have the same
// number of one protocol, since all are at the addresses of the same nodes.
func nodePortTaken(protocol model.PolicyProtocol, number uint16) string {
	return string(protocol) + "/" + strconv.FormatUint(uint64(number), 10)
}

// Ref returns the object's name in the form kind/name.
func (o *Service) Ref() Ref { return Ref{Kind: model.KindService, Name: o.Name} }

func (o *Service) spec() Spec { return o.Spec }

func (o *Service) clone() Object {
	c := *o
	return &c
}

func (o *Service) load(l *Loader) error {
	o.Spec.Backends.SortEndpoints() // earlier releases stored them as they came
	x := &l.x.services
	if err := x.ids.check(o.Ref(), o.ID, MaxServiceID); err != nil {
		return err
	}
	for _, ref := range o.Spec.References() {
		if _, ok := l.x.object(ref); !ok {
			return fmt.Errorf("%s: there is no %s %q", o.Ref(), ref.Kind, ref.Name)
		}
	}
	if _, h, taken := x.taken(o); taken {
		return fmt.Errorf("%s: %s has one of its addresses", o.Ref(), h.Ref())
	}
	for p := range o.heldNodePorts() {
		if p.number < model.FirstNodePort || p.number > model.LastNodePort {
			return fmt.Errorf("%s: %d is not a node port", o.Ref(), p.number)
		}
		if h, taken := x.nodePorts.Get(nodePortTaken(p.protocol, p.number)); taken {
			return fmt.Errorf("%s: %s has its node port %d", o.Ref(), h.Ref(), p.number)
		}
	}
	for _, a := range o.Spec.OnUplink() {
		if h, taken := l.x.uplinks.holders.of(a); taken {
			return fmt.Errorf("%s: %s belongs to %s", o.Ref(), a, h)
		}
	}
	l.x.putService(o)
	x.ids.loaded(o.ID, o.Created)
	return nil
}

// serviceIndex has all services.
type serviceIndex struct {
	byName *btree.Map[string, *Service]
	ids    serials
	// naming has the services that name an object other than a port, by its reference and
	// their name; using those that have addresses which the ports of a network, or of the
	// networks of a router, may use.
	naming, using *btree.Map[string, *Service]
	// addresses has the service that an address is of, by the reference of a network or
	// router whose ports may use it.
	addresses *btree.Map[string, *Service]
	// named has the services by the reference of a network or router whose ports may use
	// them, and their name as nameKey writes it.
	named *btree.Map[string, *Service]
	// reaching has the services by what finds a backend (the reference of a port that is
	// listed, or an anchor of the selection), by what they reach of it (targetKey), and by
	// their name. It has the selections of members of groups under anyGroup.
	reaching *btree.Map[string, *Service]
	// checking has the services with a health check by what finds a backend, and their name.
	checking *btree.Map[string, *Service]
	// local has those of using whose clients reach only backends on their own node.
	local *btree.Map[string, *Service]
	// headless has the headless services, which using has not, in the same way.
	headless *btree.Map[string, *Service]
	// nodePorts has the services by their node ports (nodePortTaken), outside those that machines
	// outside reach by the reference of the network or router that they name, and their name.
	nodePorts, outside *btree.Map[string, *Service]
	// onUplinks has the services with addresses on an uplink by name.
	onUplinks *btree.Map[string, *Service]
}

func newServiceIndex() serviceIndex {
	return serviceIndex{
		byName:    btree.NewMap[string, *Service](treeDegree),
		ids:       newSerials(),
		naming:    btree.NewMap[string, *Service](treeDegree),
		using:     btree.NewMap[string, *Service](treeDegree),
		addresses: btree.NewMap[string, *Service](treeDegree),
		named:     btree.NewMap[string, *Service](treeDegree),
		reaching:  btree.NewMap[string, *Service](treeDegree),
		checking:  btree.NewMap[string, *Service](treeDegree),
		local:     btree.NewMap[string, *Service](treeDegree),
		headless:  btree.NewMap[string, *Service](treeDegree),
		nodePorts: btree.NewMap[string, *Service](treeDegree),
		outside:   btree.NewMap[string, *Service](treeDegree),
		onUplinks: btree.NewMap[string, *Service](treeDegree),
	}
}

func (x *serviceIndex) fork() serviceIndex {
	return serviceIndex{
		x.byName.Copy(), x.ids.fork(), x.naming.Copy(), x.using.Copy(), x.addresses.Copy(), x.named.Copy(), x.reaching.Copy(), x.checking.Copy(), x.local.Copy(), x.headless.Copy(), x.nodePorts.Copy(), x.outside.Copy(), x.onUplinks.Copy(),
	}
}

// keys calls f for each key under which an index has the service.
func (x *serviceIndex) keys(o *Service, f func(in *btree.Map[string, *Service], key string)) {
	f(x.byName, o.Name)
	if o.Spec.Uplink != nil {
		f(x.onUplinks, o.Name)
	}
	for _, ref := range o.Spec.References() {
		if ref.Kind != KindPort {
			f(x.naming, refKey(ref)+o.Name)
		}
	}
	for _, ref := range o.Spec.Scopes() {
		if o.Spec.Headless {
			f(x.headless, refKey(ref)+o.Name)
		} else {
			f(x.using, refKey(ref)+o.Name)
		}
		if o.Spec.InternalTrafficPolicy == model.TrafficLocal {
			f(x.local, refKey(ref)+o.Name)
		}
		if o.Spec.Exposed() {
			f(x.outside, refKey(ref)+o.Name)
		}
		f(x.named, refKey(ref)+nameKey(o.Name)+"\x00"+o.Name)
		for _, a := range o.Spec.Reached() {
			f(x.addresses, refKey(ref)+a.String())
		}
	}
	for protocol, n := range o.HeldNodePorts() {
		f(x.nodePorts, nodePortTaken(protocol, n))
	}
	checked := func(by string) {
		if o.Spec.HealthCheck != nil {
			f(x.checking, by+o.Name)
		}
	}
	for _, e := range o.Spec.Backends.Endpoints {
		port := refKey(Ref{Kind: KindPort, Name: e.Port})
		for _, p := range o.Spec.Ports {
			f(x.reaching, port+targetKey(p.Protocol, e.Called(p).String())+o.Name)
		}
		checked(port)
	}
	if !o.Spec.Backends.Selects() {
		return
	}
	anchors := anchorsOf(&o.Spec.Backends.PolicySelection)
	if o.Spec.Backends.PortGroup != "" {
		anchors = []string{anyGroup}
	}
	for _, a := range anchors {
		for _, p := range o.Spec.Ports {
			f(x.reaching, a+targetKey(p.Protocol, p.TargetPort.String())+o.Name)
		}
		checked(a)
	}
}

// targetKey is of services that reach a port of their backends by its number or name.
func targetKey(protocol model.PolicyProtocol, target string) string {
	return string(protocol) + "/" + target + "\x00"
}

func refKey(r Ref) string { return r.String() + "\x00" }

func (x *serviceIndex) put(o *Service) {
	x.ids.add(o.ID)
	x.keys(o, func(in *btree.Map[string, *Service], key string) { in.Set(key, o) })
}

// putService adds a service to all indexes.
func (x *indexes) putService(o *Service) {
	x.services.put(o)
	for _, a := range o.Spec.OnUplink() {
		x.uplinks.holders.hold(a, o.Ref())
	}
}

func (o *Service) drop(all, _ *indexes) {
	x := &all.services
	for _, a := range o.Spec.OnUplink() {
		all.uplinks.holders.release(a)
	}
	x.ids.remove(o.ID)
	x.keys(o, func(in *btree.Map[string, *Service], key string) { in.Delete(key) })
}

// taken returns an address of the service that another service has for the same network
// or router, and that service.
func (x *serviceIndex) taken(o *Service) (a netip.Addr, by *Service, taken bool) {
	for _, ref := range o.Spec.Scopes() {
		for _, a := range o.Spec.Reached() {
			if h, ok := x.addresses.Get(refKey(ref) + a.String()); ok {
				return a, h, true
			}
		}
	}
	return a, nil, false
}

// servicesOfNetwork returns the services with addresses that ports of a network may use, each once.
func (x *indexes) servicesOfNetwork(network string) iter.Seq[*Service] {
	return x.servicesFor(x.services.using, network)
}

// servicesFor is servicesOfNetwork for the services of one index.
func (x *indexes) servicesFor(in *btree.Map[string, *Service], network string) iter.Seq[*Service] {
	return func(yield func(*Service) bool) {
		if in.Len() == 0 {
			return
		}
		own := refKey(Ref{Kind: KindNetwork, Name: network})
		for o := range under(in, own) {
			if !yield(o) {
				return
			}
		}
		r, ok := x.routerOf.Get(network)
		if !ok {
			return
		}
		for o := range under(in, refKey(r.Ref())) {
			if _, named := in.Get(own + o.Name); !named && !yield(o) {
				return
			}
		}
	}
}

// served reports whether ports of a network may use a service: the network has gateways, to
// which they send packets for a service.
func (x *indexes) served(n *Network) bool {
	if _, joined := x.routerOf.Get(n.Name); !joined && n.Spec.Mode != Segmented {
		return false
	}
	for range x.servicesOfNetwork(n.Name) {
		return true
	}
	return false
}

// Service returns the service of that name.
func (s *Snapshot) Service(name string) (*Service, bool) { return s.x.services.byName.Get(name) }

// Services returns all services by name.
func (s *Snapshot) Services() iter.Seq[*Service] { return all(s.x.services.byName) }

// ServicesOfNetwork returns the services with addresses that ports of a network may use, each
// once: first those that name the network, then those that name its router.
func (s *Snapshot) ServicesOfNetwork(network string) iter.Seq[*Service] {
	return s.x.servicesOfNetwork(network)
}

// LocalServicesOfNetwork is ServicesOfNetwork for those whose clients reach only backends on
// their own node.
func (s *Snapshot) LocalServicesOfNetwork(network string) iter.Seq[*Service] {
	return s.x.servicesFor(s.x.services.local, network)
}

// HeadlessServicesOfNetwork is ServicesOfNetwork for headless services, whose names ports of
// the network may look up.
func (s *Snapshot) HeadlessServicesOfNetwork(network string) iter.Seq[*Service] {
	return s.x.servicesFor(s.x.services.headless, network)
}

// Served reports whether ports of a network use services: some service names the network or
// its router, and the network has gateways, to which they send packets for a service.
func (s *Snapshot) Served(n *Network) bool { return s.x.served(n) }

// ServicesWith returns the services that may have a port as a backend, by name.
func (s *Snapshot) ServicesWith(p *Port) []*Service {
	found := map[string]*Service{}
	for o := range s.x.servicesWith(s.x.services.reaching, p, "") {
		found[o.Name] = o
	}
	out := make([]*Service, 0, len(found))
	for _, o := range found {
		out = append(out, o)
	}
	slices.SortFunc(out, func(a, b *Service) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// ServicesReaching yields the services that may have a port as a backend, and reach it by a
// protocol and number. A service may come more than once.
func (s *Snapshot) ServicesReaching(p *Port, protocol model.PolicyProtocol, number uint16) iter.Seq[*Service] {
	return func(yield func(*Service) bool) {
		targets := []string{model.TargetPort{Number: number}.String()}
		for name, is := range p.Spec.NamedPorts {
			if is.Protocol == protocol && is.First == number {
				targets = append(targets, name)
			}
		}
		for _, t := range targets {
			for o := range s.x.servicesWith(s.x.services.reaching, p, targetKey(protocol, t)) {
				if !yield(o) {
					return
				}
			}
		}
	}
}

// ServicesChecking yields the services that have a port as a backend and a health check. A
// service may come more than once.
func (s *Snapshot) ServicesChecking(p *Port) iter.Seq[*Service] {
	return s.x.servicesWith(s.x.services.checking, p, "")
}

// Checks reports whether any service has a health check, as far as it has backends at all.
func (s *Snapshot) Checks() bool { return s.x.services.checking.Len() > 0 }

// servicesWith yields the services of an index that may have a port as a backend and reach
// it by a target, in any way for "". A service may come more than once.
func (x *indexes) servicesWith(in *btree.Map[string, *Service], p *Port, target string) iter.Seq[*Service] {
	return func(yield func(*Service) bool) {
		if in.Len() == 0 {
			return
		}
		for o := range under(in, refKey(p.Ref())+target) {
			if !yield(o) {
				return
			}
		}
		anchors := []string{anyAnchor, anyGroup, networkAnchor(p.Spec.Network)}
		for k, v := range p.Labels {
			anchors = append(anchors, labelAnchor(k, v))
		}
		for _, a := range anchors {
			for o := range under(in, a+target) {
				if x.selects(&o.Spec.Backends.PolicySelection, p) && !yield(o) {
					return
				}
			}
		}
	}
}

// ServicesOutside returns the services that machines outside reach and that name a network or router, by
// name.
func (s *Snapshot) ServicesOutside(r Ref) iter.Seq[*Service] {
	return under(s.x.services.outside, refKey(r))
}

// AllServicesOutside returns all services that machines outside reach, by what they name and their name.
func (s *Snapshot) AllServicesOutside() iter.Seq[*Service] { return all(s.x.services.outside) }

// ServicesOnUplinks returns the services with addresses on an uplink, by name.
func (s *Snapshot) ServicesOnUplinks() iter.Seq[*Service] { return all(s.x.services.onUplinks) }

// ScopesOutside returns the networks and routers that services name which machines outside reach, each once. It
// looks at one service of each.
func (s *Snapshot) ScopesOutside() iter.Seq[Ref] {
	return func(yield func(Ref) bool) {
		for from := ""; ; {
			key := ""
			s.x.services.outside.Ascend(from, func(k string, _ *Service) bool { key = k; return false })
			ref, _, ok := strings.Cut(key, "\x00")
			if kind, name, _ := strings.Cut(ref, "/"); !ok || !yield(Ref{Kind: Kind(kind), Name: name}) {
				return
			}
			from = ref + "\x01" // behind all keys of the reference
		}
	}
}

// ServiceAtNodePort returns the service that has a node port, or a port at which nodes say whether
// they have backends of it.
func (s *Snapshot) ServiceAtNodePort(protocol model.PolicyProtocol, number uint16) (*Service, bool) {
	return s.x.services.nodePorts.Get(nodePortTaken(protocol, number))
}

// ServicesNaming returns the services that name a network, router or port group, by name.
func (s *Snapshot) ServicesNaming(r Ref) iter.Seq[*Service] {
	return under(s.x.services.naming, refKey(r))
}

// Backend is a port that serves a service.
type Backend struct {
	*Port
	// Endpoint has the service's port numbers there, and whether it is draining.
	Endpoint model.ServiceEndpoint
}

// Target returns the number that a port of the service has at the backend; 0 if the service
// names a port that the backend has not.
func (b Backend) Target(p model.ServicePort) uint16 { return b.Endpoint.Target(p, b.Spec.NamedPorts) }

// Backends returns the backends of a service by name, in any routing domain.
func (s *Snapshot) Backends(o *Service) iter.Seq[Backend] {
	return func(yield func(Backend) bool) {
		if o.Spec.Backends.Selects() {
			for p := range s.x.selected(&o.Spec.Backends.PolicySelection) {
				if !yield(Backend{p, model.ServiceEndpoint{Port: p.Name, State: model.EndpointReady}}) {
					return
				}
			}
			return
		}
		for _, e := range o.Spec.Backends.Endpoints {
			if p, ok := s.x.ports.Get(e.Port); ok && !yield(Backend{p, e}) {
				return
			}
		}
	}
}

// BackendOf returns a port as a backend of a service; ok is false if it is none.
func (s *Snapshot) BackendOf(o *Service, p *Port) (b Backend, ok bool) {
	return s.x.backendOf(o, p)
}

func (x *indexes) backendOf(o *Service, p *Port) (b Backend, ok bool) {
	if o.Spec.Backends.Selects() {
		return Backend{p, o.EndpointOf(p)}, x.selects(&o.Spec.Backends.PolicySelection, p)
	}
	e, ok := o.Spec.Backends.Endpoint(p.Name)
	return Backend{p, e}, ok
}

// EndpointOf returns the settings of a service for one of its backends.
func (o *Service) EndpointOf(p *Port) model.ServiceEndpoint {
	if e, ok := o.Spec.Backends.Endpoint(p.Name); ok {
		return e
	}
	return model.ServiceEndpoint{Port: p.Name, State: model.EndpointReady}
}
