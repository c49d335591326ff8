package reconcile

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/sdnctl/sdnctl/controller/condition"
	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/controller/status"
	"github.com/sdnctl/sdnctl/topology"
)

func serviceRef(name string) topology.Ref {
	return topology.Ref{Kind: topology.KindService, Name: name}
}

// assessService evaluates a service's conditions again. What that costs does not grow with
// the service, so that many backends that come one by one cost no more each: it looks at no
// more backends than the switches use.
func (d *dispatcher) assessService(name string) {
	var all []condition.Condition
	if o, ok := d.view.Topo.Service(name); ok {
		all = condition.Service(d.f.serviceFacts(d.view, d.view.Topo, o, pipeline.MaxBackends(o)+1))
	}
	d.f.board.Assess(serviceRef(name), all)
}

// assessServices evaluates the services again whose backends, or the networks whose ports may
// use them, an update changes.
func (d *dispatcher) assessServices(before *pipeline.View, u pipeline.Update) {
	if before.Topo.Count(topology.KindService)+d.view.Topo.Count(topology.KindService) == 0 {
		return
	}
	touched := map[string]bool{}
	add := func(o *topology.Service) { touched[o.Name] = true }
	for _, c := range u.Changes {
		if c.Ref.Kind == topology.KindService {
			touched[c.Ref.Name] = true
		}
		for _, x := range []struct {
			v *pipeline.View
			o topology.Object
		}{{before, c.Before}, {d.view, c.After}} {
			servicesConcerned(x.v.Topo, x.o, add)
		}
	}
	if u.MayEnter() {
		for o := range d.view.Topo.AllServicesOutside() {
			add(o)
		}
	}
	for _, h := range u.Health {
		touched[h.Service] = true
	}
	for _, c := range u.Places {
		if p, ok := d.view.Topo.Port(c.Port); ok {
			servicesConcerned(d.view.Topo, p, add)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(touched)) {
		d.assessService(name)
	}
}

// assessOutside evaluates the services again that have node ports.
func (d *dispatcher) assessOutside() {
	for o := range d.view.Topo.AllServicesOutside() {
		d.assessService(o.Name)
	}
}

// servicesConcerned calls add for the services that have an object as a backend, select their
// backends by it, or whose clients it concerns.
func servicesConcerned(topo *topology.Snapshot, o topology.Object, add func(*topology.Service)) {
	ofNetwork := func(name string) {
		for s := range topo.ServicesOfNetwork(name) {
			add(s)
		}
	}
	switch o := o.(type) {
	case *topology.Port:
		for _, s := range topo.ServicesWith(o) {
			add(s)
		}
		for s := range topo.LocalServicesOfNetwork(o.Spec.Network) {
			add(s)
		}
	case *topology.Network:
		ofNetwork(o.Name)
	case *topology.Router:
		for _, n := range o.Spec.Networks {
			ofNetwork(n)
		}
	case *topology.PortGroup:
		for s := range topo.ServicesNaming(o.Ref()) {
			add(s)
		}
	}
}

// serviceFacts returns what conditions of a service depend on; see View.BackendsOf for enough.
func (f *Fabric) serviceFacts(v *pipeline.View, topo *topology.Snapshot, o *topology.Service, enough int) condition.ServiceFacts {
	n := v.BackendsOf(topo, o, enough, f.away)
	facts := condition.ServiceFacts{
		Name: o.Name, Lists: !o.Spec.Backends.Selects(), Max: pipeline.MaxBackends(o), NoGateway: n.NoGateway, Without: n.Without,
		Selected: n.Selected, Draining: n.Draining, Elsewhere: n.Elsewhere, Unbound: n.Unbound, Unnamed: n.Unnamed,
		Unhealthy: n.Unhealthy, Failing: n.Failing, Why: n.Why,
		Unchecked: n.Unchecked, NotChecked: n.NotChecked, Obstacle: obstacle(n.Obstacle, n.Away),
	}
	if o.Spec.HasNodePorts() {
		f.nodePortFacts(v, o, &facts)
	}
	return facts
}

// away reports whether a node's switch is not connected.
func (f *Fabric) away(node string) bool { return f.peerOf(node) == nil }

func obstacle(o pipeline.Obstacle, away string) condition.Obstacle {
	return condition.Obstacle{NamedPort: o.NamedPort, NoFamily: o.NoFamily, NoGateway: o.NoGateway, Away: away}
}

// assessChecked evaluates the services again whose health checks ask ports of a node that has
// come or gone.
func (d *dispatcher) assessChecked(node string) {
	if !d.view.Topo.Checks() {
		return
	}
	touched := map[string]bool{}
	for p := range d.view.PortsOn(node) {
		for o := range d.view.Topo.ServicesChecking(p) {
			touched[o.Name] = true
		}
	}
	for _, name := range slices.Sorted(maps.Keys(touched)) {
		d.assessService(name)
	}
}

// nodePortFacts finds out what keeps machines outside from a service's node ports, as far as OVSDB
// says.
func (f *Fabric) nodePortFacts(v *pipeline.View, o *topology.Service, out *condition.ServiceFacts) {
	nodes := v.NodePortNodes(o)
	out.NoEntry = len(nodes) == 0
	own := map[string]bool{}
	for _, p := range o.Spec.Ports {
		if n := o.NodePort(p); n != 0 {
			own[fmt.Sprintf("%s/%d", p.Protocol, n)] = true
		}
	}
	for _, name := range nodes {
		n, ok := v.Topo.Node(name)
		if !ok || v.Uplink(name) == 0 {
			continue
		}
		i := f.facts.Interface(n.DatapathID, pipeline.UplinkPort)
		switch {
		case i == nil: // not known
		case i.Joined == nil || i.Joined.NodePorts == "":
			out.OldEntries = append(out.OldEntries, name)
		default:
			for port := range strings.FieldsSeq(i.Joined.NodePortsTaken) {
				if own[port] {
					out.Taken = append(out.Taken, condition.TakenPort{Node: name, Port: port})
				}
			}
			if i.Joined.NodePortsLocal != "" {
				out.Unreserved = append(out.Unreserved, name)
			}
		}
	}
}

// ServiceStatus returns how many backends a service of a topology has, and its conditions.
func (f *Fabric) ServiceStatus(topo *topology.Snapshot, name string) status.Service {
	o, ok := topo.Service(name)
	if !ok {
		return status.Service{}
	}
	v := f.View()
	facts := f.serviceFacts(v, topo, o, 0)
	s := status.Service{Count: facts.Selected, Ready: facts.Ready(), Conditions: condition.Service(facts)}
	if o.Spec.HealthCheck != nil {
		s.Health = map[string]status.Health{}
		for b := range topo.Backends(o) {
			known := v.Health(name, b.Name)
			h := status.Health{Healthy: known.Healthy, Why: known.Why}
			if at := v.Location(b.Port); at != "" {
				away := ""
				if f.away(at) {
					away = at
				}
				h.Unchecked, _ = obstacle(v.Obstacle(o, b.Port), away).Text(name, b.Name)
			}
			s.Health[b.Name] = h
		}
	}
	for _, node := range f.View().NodePortNodes(o) {
		s.Entries = append(s.Entries, status.Entry{Node: node, Addresses: f.View().NodePortAddresses(node)})
	}
	f.board.Stamp(serviceRef(name), s.Conditions)
	return s
}
