package pipeline

import (
	"maps"
	"slices"

	"github.com/sdnctl/sdnctl/topology"
)

// service marks the nodes with ports that may use a service, and what these ports need to
// use any service.
func (a *affected) service(c topology.Change) {
	was, _ := c.Before.(*topology.Service)
	is, _ := c.After.(*topology.Service)
	if was != nil && is != nil && was.ID == is.ID && topology.SameSpec(was.Spec, is.Spec) {
		return
	}
	networks := map[string]bool{}
	for _, x := range []struct {
		v *View
		o *topology.Service
	}{{a.before, was}, {a.after, is}} {
		if x.o == nil {
			continue
		}
		a.serviceOf(x.v, x.o)
		for _, ref := range x.o.Spec.Scopes() {
			for n := range x.v.networksIn(ref.String()) {
				networks[n] = true
			}
			if ref.Kind == topology.KindNetwork {
				networks[ref.Name] = true
			}
		}
	}
	for _, n := range slices.Sorted(maps.Keys(networks)) {
		a.served(n)
	}
}

// serviceOf marks a service and its backends on the nodes that have ports which may use it.
func (a *affected) serviceOf(v *View, o *topology.Service) {
	for node := range v.nodesServing(o) {
		a.services(v, node, []*topology.Service{o})
	}
	if o.Spec.HealthCheck != nil {
		for b := range v.Topo.Backends(o) {
			a.checked(v, o, b.Port)
		}
	}
}

func (a *affected) services(v *View, node string, services []*topology.Service) {
	for u := range v.serviceUnits(services) {
		a.mark(node, u.Unit)
	}
}

// servicesAt marks, on a node, the services that ports of a network may use in either view.
func (a *affected) servicesAt(network, node string) {
	for _, v := range []*View{a.before, a.after} {
		if _, ok := v.servicesZone(network); ok {
			a.services(v, node, slices.Collect(v.Topo.ServicesOfNetwork(network)))
		}
	}
	a.servedNode(node)
}

// served marks the flows that a network has only while its ports may use services, if that
// changed. Many services that change together cost that once.
func (a *affected) served(network string) {
	if a.servedSeen[network] {
		return
	}
	a.servedSeen[network] = true
	was, _ := a.before.servicesZone(network)
	is, _ := a.after.servicesZone(network)
	if was == is {
		return
	}
	for node := range a.nodesOf(network) {
		a.allOf(network, node)
		a.servedNode(node)
	}
}

// servedNode marks the flows that a node has only while its ports may use services, if that
// changed.
func (a *affected) servedNode(node string) {
	if a.before.ServedNode(node) != a.after.ServedNode(node) {
		a.mark(node, Unit{Kind: UnitNode, Name: node})
		a.mark(node, policiesOf(node))
	}
}

// backend marks the services that have a port as a backend in a view, on all nodes that use
// them.
func (a *affected) backend(v *View, p *topology.Port) {
	a.backendOf(v, p, v.Topo.ServicesWith(p))
}

// reselected marks the services that select a port of which only labels have changed, and
// did not before, or the other way round: everywhere.
func (a *affected) reselected(c topology.Change) {
	was, is := c.Before.(*topology.Port), c.After.(*topology.Port)
	before, after := a.before.Topo.ServicesWith(was), a.after.Topo.ServicesWith(is)
	a.backendOf(a.before, was, servicesWithout(before, after))
	a.backendOf(a.after, is, servicesWithout(after, before))
}

// servicesWithout returns the services that are not among others, by name.
func servicesWithout(all, others []*topology.Service) []*topology.Service {
	return slices.DeleteFunc(slices.Clone(all), func(o *topology.Service) bool {
		return slices.ContainsFunc(others, func(other *topology.Service) bool { return other.Name == o.Name })
	})
}

func (a *affected) backendOf(v *View, p *topology.Port, services []*topology.Service) {
	for _, o := range services {
		a.checked(v, o, p)
		for node := range v.nodesServing(o) {
			a.mark(node, Unit{Kind: UnitService, Name: o.Name})
			for u := range backendUnits(o, topology.Backend{Port: p, Endpoint: o.EndpointOf(p)}) {
				a.mark(node, u.Unit)
			}
		}
	}
}

// watched marks the services that have a port as a backend on the port's own node, where
// their groups watch its interface.
func (a *affected) watched(node string, p *topology.Port) {
	for _, o := range a.after.Topo.ServicesWith(p) {
		a.mark(node, Unit{Kind: UnitService, Name: o.Name})
		if affine(o) {
			a.mark(node, Unit{Kind: UnitBackend, Name: p.Name})
		}
	}
}

// portGroup marks the services whose backends are the members of a port group.
func (a *affected) portGroup(c topology.Change) {
	for _, v := range []*View{a.before, a.after} {
		for o := range v.Topo.ServicesNaming(c.Ref) {
			a.serviceOf(v, o)
		}
	}
}
