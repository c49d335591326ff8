package reconcile

import (
	"maps"
	"slices"

	"github.com/sdnctl/sdnctl/controller/condition"
	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// servicesMoved announces the addresses of services on uplinks that an update puts on a node at once, and
// finds out which nodes are away once there are such services. Those that leave another node first are
// announced by the sequence.
func (d *dispatcher) servicesMoved(before *pipeline.View, u pipeline.Update) {
	concerned := u.ServicesOnUplinksIn(before, d.view)
	if len(concerned) == 0 {
		return
	}
	names := map[string]bool{}
	for _, m := range pipeline.ServiceMoves(before, d.view, u) {
		if m.From == "" {
			names[m.Name] = true
		}
	}
	for _, c := range u.Changes { // it may have other addresses on the same node
		was, _ := c.Before.(*topology.Service)
		is, _ := c.After.(*topology.Service)
		if is != nil && (was == nil || !slices.Equal(was.Spec.OnUplink(), is.Spec.OnUplink())) && before.ServiceHolder(is.Name) == d.view.ServiceHolder(is.Name) {
			names[is.Name] = true
		}
	}
	for _, l := range u.Uplinks {
		for _, name := range d.view.ServicesHeldBy(l.Node) {
			names[name] = true
		}
	}
	d.announce(announced{services: slices.Sorted(maps.Keys(names))})
	for _, name := range slices.Sorted(maps.Keys(concerned)) {
		d.assessService(name)
	}
	if !before.HasServicesOnUplinks() {
		d.absences(slices.Sorted(maps.Keys(d.nodes)))
	}
}

// announceService announces the addresses of a service on an uplink, on the node that answers for them.
func (d *dispatcher) announceService(name string, then event) {
	o, ok := d.view.Topo.Service(name)
	if !ok || o.Spec.Uplink == nil {
		return
	}
	at := d.view.ServiceHolder(name)
	u, known := d.view.Topo.Uplink(o.Spec.Uplink.Name)
	if !known {
		return
	}
	if out := d.view.Bridge(at, u.Spec.Bridge); out != 0 {
		d.announceAt(at, out, then, o.Spec.OnUplink()...)
	}
}

// uplinkFacts finds out what keeps machines outside from a service's addresses on an uplink.
func uplinkFacts(v *pipeline.View, o *topology.Service, out *condition.ServiceFacts) {
	out.Uplink = o.Spec.Uplink.Name
	if u, ok := v.Topo.Uplink(out.Uplink); ok {
		out.Bridge = u.Spec.Bridge
	}
	if out.Holder = v.ServiceHolder(o.Name); out.Holder != "" {
		return
	}
	for _, n := range v.ExposedNodes(out.Uplink) {
		unfit := condition.EgressNode{Name: n.Node, Reached: n.Reached, Bridge: n.Bridge, Addressed: n.Serves(o)}
		for _, f := range model.Families() {
			if o.Spec.OnUplinkBy(f) && !n.Has(f) && unfit.Lacks == "" {
				unfit.Lacks = f.String()
			}
		}
		out.Unfit = append(out.Unfit, unfit)
	}
}
