package topology

import (
	"fmt"
	"hash/fnv"

	"github.com/sdnctl/sdnctl/topology/model"
)

// planServices adds the services. The objects that they name must exist, and their
// addresses must be free. Those that have a number go first, so that no other service gets
// it.
func (p *planner) planServices() {
	var fresh []*item
	for _, it := range p.of(model.KindService) {
		switch {
		case it.del || it.same || it.broken:
		case it.before == nil:
			fresh = append(fresh, it)
		default:
			p.placeService(it, it.before.(*Service).ID)
		}
	}
	for _, it := range fresh {
		id, ok := p.x.services.ids.free(MaxServiceID)
		if !ok {
			p.bad(it, Exhausted, "", "all numbers of services are taken", "delete services that are not needed")
			continue
		}
		if p.placeService(it, id) {
			p.x.services.ids.last = id
		}
	}
	for _, it := range p.of(model.KindService) {
		if o, ok := it.after.(*Service); ok && !it.same && !it.broken {
			p.giveNodePorts(it, o)
		}
	}
	p.recheckServices()
}

// giveNodePorts chooses numbers for the node ports that are auto and that have none yet, once all
// that have one hold it.
func (p *planner) giveNodePorts(it *item, o *Service) {
	for _, sp := range o.Spec.Ports {
		if !sp.NodePort.Auto || o.NodePort(sp) != 0 {
			continue
		}
		n, ok := p.freeNodePort(it, o, sp.Protocol, nodePortKey(sp), "spec.ports")
		if !ok {
			return
		}
		if o.NodePorts == nil {
			o.NodePorts = map[string]uint16{}
		}
		o.NodePorts[nodePortKey(sp)] = n
	}
	if o.Spec.HealthCheckNodePort.Auto && o.HealthCheckNodePort == 0 {
		o.HealthCheckNodePort, _ = p.freeNodePort(it, o, model.ProtocolTCP, "healthCheckNodePort", "spec.healthCheckNodePort")
	}
}

// freeNodePort finds a free node port, and gives it to a service. Where the search begins follows
// from the service's name and a key, so that a number which has become free goes to another service
// only by chance: clients may have it still.
func (p *planner) freeNodePort(it *item, o *Service, protocol model.PolicyProtocol, key, field string) (n uint16, ok bool) {
	const size = uint64(model.LastNodePort-model.FirstNodePort) + 1
	h := fnv.New64a()
	h.Write([]byte(o.Name + "\x00" + key))
	from := h.Sum64()
	for i := range size {
		n := model.FirstNodePort + uint16((from%size+i)%size)
		if _, taken := p.x.services.nodePorts.Get(nodePortTaken(protocol, n)); !taken {
			p.x.services.nodePorts.Set(nodePortTaken(protocol, n), o)
			return n, true
		}
	}
	p.bad(it, Exhausted, field, fmt.Sprintf("all node ports of %s are taken", protocol), "delete services with node ports that are not needed")
	return 0, false
}

// keepNodePorts gives a service the numbers that were chosen for its ports before.
func (o *Service) keepNodePorts(before Object) {
	was, ok := before.(*Service)
	if !ok {
		return
	}
	for _, sp := range o.Spec.Ports {
		if n, has := was.NodePorts[nodePortKey(sp)]; has && sp.NodePort.Auto {
			if o.NodePorts == nil {
				o.NodePorts = map[string]uint16{}
			}
			o.NodePorts[nodePortKey(sp)] = n
		}
	}
	if o.Spec.HealthCheckNodePort.Auto {
		o.HealthCheckNodePort = was.HealthCheckNodePort
	}
}

// placeService reports whether the service could be added.
func (p *planner) placeService(it *item, id uint32) bool {
	o := &Service{Meta: p.meta(it), Spec: it.spec.(model.ServiceSpec), ID: id}
	o.keepNodePorts(it.before)
	for held := range o.heldNodePorts() {
		if h, taken := p.x.services.nodePorts.Get(nodePortTaken(held.protocol, held.number)); taken {
			p.bad(it, Conflict, held.field, fmt.Sprintf("%s has the node port %d of %s", h.Ref(), held.number, held.protocol), "give another one, or auto for a free one")
		}
	}
	for field, ref := range o.Spec.References() {
		if p.broken(ref.Kind, ref.Name) {
			it.broken = true
		} else if _, ok := p.x.object(ref); !ok {
			p.bad(it, NotFound, field, fmt.Sprintf("there is no %s %q", ref.Kind, ref.Name), "create it in the same change or before, or check the name")
		}
	}
	if a, h, taken := p.x.services.taken(o); taken {
		p.bad(it, Conflict, "spec.addresses", fmt.Sprintf("%s has %s, too, and ports that may use both", h.Ref(), a), "give another address, or the ports to the other service")
	}
	p.checkServiceUplink(it, o)
	for i, a := range o.Spec.OnUplink() {
		p.checkHolder(it, fmt.Sprintf("spec.uplink.addresses[%d]", i), a, "give another of the uplink's addresses")
	}
	if it.broken {
		return false
	}
	p.x.putService(o)
	it.after = o
	for _, ref := range o.Spec.Scopes() {
		for _, n := range p.networksIn(ref) {
			p.checkServiceAddresses(it, "spec.addresses", n, o)
		}
	}
	return !it.broken
}

// networksIn returns the network that a reference names, or those of the router.
func (p *planner) networksIn(ref Ref) []string {
	if ref.Kind == KindNetwork {
		return []string{ref.Name}
	}
	if r, ok := p.x.routers.Get(ref.Name); ok {
		return r.Spec.Networks
	}
	return nil
}

// recheckServices checks the services of networks that have changed, or that another router
// joins now, again.
func (p *planner) recheckServices() {
	if p.x.services.byName.Len() == 0 {
		return
	}
	check := func(it *item, field, network string) {
		for o := range p.x.servicesOfNetwork(network) {
			if own, ok := p.items[o.Ref()]; !ok || own.same {
				p.checkServiceAddresses(it, field, network, o)
			}
		}
	}
	for _, it := range p.of(KindNetwork) {
		if !it.del && !it.same && !it.broken {
			check(it, "spec.subnets", it.ref.Name)
		}
	}
	for _, it := range p.of(KindUplink) {
		if it.del || it.same || it.broken {
			continue
		}
		for o := range under(p.x.services.naming, refKey(it.ref)) {
			if own, ok := p.items[o.Ref()]; !ok || own.same {
				p.checkServiceUplink(it, o)
			}
		}
	}
	for _, it := range p.of(KindRouter) {
		if it.del || it.same || it.broken {
			continue
		}
		for _, n := range it.spec.(RouterSpec).Networks {
			check(it, "spec.networks", n)
		}
	}
}

// checkServiceAddresses reports a problem for the item if a service has an address in a
// subnet of a network whose ports may use it: they would look for it on their own link.
func (p *planner) checkServiceAddresses(it *item, field, network string, o *Service) {
	n, ok := p.x.networks.Get(network)
	if !ok || p.broken(KindNetwork, network) {
		return
	}
	for _, s := range n.Spec.Subnets {
		for _, a := range o.Spec.Reached() {
			if s.Prefix.Contains(a) {
				p.bad(it, Conflict, field, fmt.Sprintf("%s of %s is in subnet %s of network %q, whose ports may use the service", a, o.Ref(), s.Prefix, network), "give services addresses that no subnet of these networks has")
				return
			}
		}
	}
}

// checkServiceUplink checks that an uplink lends a service its addresses there; it reports problems for
// an item.
func (p *planner) checkServiceUplink(it *item, o *Service) {
	if o.Spec.Uplink == nil {
		return
	}
	u, ok := p.x.uplinks.byName.Get(o.Spec.Uplink.Name)
	if !ok {
		return
	}
	field := func(of string) string {
		if it.ref.Kind != KindService {
			return "spec"
		}
		return of
	}
	if u.Spec.Type != model.UplinkBridge {
		p.bad(it, Conflict, field("spec.uplink.name"), fmt.Sprintf("%s is of the type %s, which has no addresses outside for %s", u.Ref(), u.Spec.Type, o.Ref()), "name an uplink of the type bridge; by one of the type host machines outside reach node ports")
		return
	}
	for i, a := range o.Spec.OnUplink() {
		if !u.Spec.Lends(a) {
			p.bad(it, Conflict, field(fmt.Sprintf("spec.uplink.addresses[%d]", i)), fmt.Sprintf("%s of %s is none of the addresses of %s", a, o.Ref(), u.Ref()), fmt.Sprintf("choose one of those that 'sdnctl uplink show %s' lists", u.Name))
		}
	}
}

// servicesThatName adds the services that name an object to its users.
func (p *planner) servicesThatName(ref Ref, u *users) {
	in := p.x.services.naming
	if ref.Kind == KindPort {
		in = p.x.services.reaching
	}
	seen := map[string]bool{} // by several of its ports
	for o := range under(in, refKey(ref)) {
		if seen[o.Name] {
			continue
		}
		seen[o.Name] = true
		// One that is planned in these ops reports that itself.
		if own, ok := p.items[o.Ref()]; !ok || own.same {
			u.add(o.Ref())
		}
	}
}

// usersOfRouter names the services that name a router.
func (p *planner) usersOfRouter(it *item) *users {
	u := &users{}
	p.servicesThatName(it.ref, u)
	return u
}
