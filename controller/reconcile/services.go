package reconcile

import (
	"cmp"
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
		all = condition.Service(d.f.serviceFacts(d.view, d.view.Topo, o, pipeline.MaxBackends(o)+1, &d.ways))
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
	if u.MayEnter() && d.otherWays() {
		for o := range d.view.Topo.AllServicesOutside() {
			add(o)
		}
	}
	for _, h := range u.Health {
		touched[h.Service] = true
	}
	linked := func(port string) {
		if p, ok := d.view.Topo.Port(port); ok {
			servicesConcerned(d.view.Topo, p, add)
		}
	}
	for _, c := range u.Places {
		linked(c.Port)
	}
	for _, l := range u.Links {
		linked(l.Port)
	}
	for _, name := range slices.Sorted(maps.Keys(touched)) {
		d.assessService(name)
	}
}

// otherWays notes the nodes at which machines outside reach node ports, and reports whether
// conditions of services depend on what has changed.
func (d *dispatcher) otherWays() bool {
	before := d.ways
	d.ways = d.f.waysIn(d.view)
	return before.differ(d.ways)
}

// assessOutside evaluates the services again that have node ports, if it concerns them that a
// node's uplink has changed.
func (d *dispatcher) assessOutside() {
	if !d.otherWays() {
		return
	}
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
		for s := range topo.HeadlessServicesOfNetwork(name) {
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

// serviceFacts returns what conditions of a service depend on; see View.BackendsOf for enough. The
// ways in are needed of services with node ports.
func (f *Fabric) serviceFacts(v *pipeline.View, topo *topology.Snapshot, o *topology.Service, enough int, in *waysIn) condition.ServiceFacts {
	n := v.BackendsOf(topo, o, enough, f.away)
	facts := condition.ServiceFacts{
		Name: o.Name, Lists: !o.Spec.Backends.Selects(), Max: pipeline.MaxBackends(o), NoGateway: n.NoGateway, Without: n.Without,
		Headless: o.Spec.Headless, NotReady: o.Spec.PublishNotReadyAddresses,
		Selected: n.Selected, Draining: n.Draining, Elsewhere: n.Elsewhere, Unbound: n.Unbound, LinkDown: n.LinkDown, Unnamed: n.Unnamed,
		Unhealthy: n.Unhealthy, Failing: n.Failing, Why: n.Why,
		Unchecked: n.Unchecked, NotChecked: n.NotChecked, Obstacle: obstacle(n.Obstacle, n.Away),
	}
	if o.Spec.Headless {
		facts.Nameless = nameless(topo, o)
	}
	if o.Spec.HasNodePorts() {
		in.facts(v, o, &facts)
	}
	if o.Spec.Uplink != nil {
		uplinkFacts(v, o, &facts)
	}
	return facts
}

// nameless returns the first of the networks whose ports may look a service's name up if none of them
// has DNS, else "".
func nameless(topo *topology.Snapshot, o *topology.Service) (first string) {
	for _, ref := range o.Spec.Scopes() {
		names := []string{ref.Name}
		if ref.Kind == topology.KindRouter {
			names = nil
			if r, ok := topo.Router(ref.Name); ok {
				names = r.Spec.Networks
			}
		}
		for _, name := range names {
			if n, ok := topo.Network(name); ok && n.Spec.DNS.Enabled {
				return ""
			}
			first = cmp.Or(first, name)
		}
	}
	return first
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

// waysIn is what keeps machines outside from node ports, as far as OVSDB has said: the same for all
// services, but for their numbers. The names of nodes are sorted.
type waysIn struct {
	// any says that there is a node with an uplink.
	any bool
	// old are the nodes whose uplink was made before there were node ports, and unreserved those
	// whose kernel gives ports of the range to programs that ask for any.
	old, unreserved []string
	// taken are the ports, as in tcp/30080, at which programs of nodes listen, by node.
	taken []condition.TakenPort
}

// waysIn returns them for a view.
func (f *Fabric) waysIn(v *pipeline.View) (in waysIn) {
	for _, name := range v.EnterableNodes() {
		in.any = true
		n, ok := v.Topo.Node(name)
		if !ok || v.Uplink(name) == 0 {
			continue
		}
		i := f.facts.Interface(n.DatapathID, pipeline.UplinkPort)
		switch {
		case i == nil: // not known
		case i.Joined == nil || i.Joined.NodePorts == "":
			in.old = append(in.old, name)
		default:
			for port := range strings.FieldsSeq(i.Joined.NodePortsTaken) {
				in.taken = append(in.taken, condition.TakenPort{Node: name, Port: port})
			}
			if i.Joined.NodePortsLocal != "" {
				in.unreserved = append(in.unreserved, name)
			}
		}
	}
	return in
}

// differ reports whether anything of them is different.
func (in *waysIn) differ(other waysIn) bool {
	return in.any != other.any || !slices.Equal(in.old, other.old) || !slices.Equal(in.unreserved, other.unreserved) || !slices.Equal(in.taken, other.taken)
}

// facts finds out what of them concerns a service with node ports.
func (in *waysIn) facts(v *pipeline.View, o *topology.Service, out *condition.ServiceFacts) {
	if out.NoEntry = !in.any || !v.ReachedOutside(o); out.NoEntry {
		return
	}
	out.OldEntries, out.Unreserved = in.old, in.unreserved
	if len(in.taken) == 0 {
		return
	}
	own := map[string]bool{}
	for protocol, n := range o.HeldNodePorts() {
		own[fmt.Sprintf("%s/%d", protocol, n)] = true
	}
	for _, t := range in.taken {
		if own[t.Port] {
			out.Taken = append(out.Taken, t)
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
	var in waysIn
	if o.Spec.HasNodePorts() {
		in = f.waysIn(v)
	}
	facts := f.serviceFacts(v, topo, o, 0, &in)
	s := status.Service{Count: facts.Selected, Ready: facts.Ready(), Conditions: condition.Service(facts)}
	for b := range topo.Backends(o) {
		if v.LinkDown(b.Name) {
			if s.LinkDown == nil {
				s.LinkDown = map[string]bool{}
			}
			s.LinkDown[b.Name] = true
		}
	}
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
	if o.Spec.HasNodePorts() {
		for _, node := range v.NodePortNodes(o) {
			e := status.Entry{Node: node, Addresses: v.NodePortAddresses(node)}
			if o.HealthPort() != 0 {
				n := v.ReadyOn(o, node)
				e.LocalEndpoints = &n
			}
			s.Entries = append(s.Entries, e)
		}
	}
	s.UplinkNode = v.ServiceHolder(name)
	f.board.Stamp(serviceRef(name), s.Conditions)
	return s
}
