package reconcile

import (
	"fmt"
	"maps"
	"slices"

	"github.com/sdnctl/sdnctl/controller/condition"
	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/topology"
)

func routerRef(name string) topology.Ref {
	return topology.Ref{Kind: topology.KindRouter, Name: name}
}

// assessRouter evaluates the conditions of a router again.
func (d *dispatcher) assessRouter(name string) {
	var all []condition.Condition
	if r, ok := d.view.Topo.Router(name); ok {
		all = condition.Router(routerFacts(d.view, r))
	}
	d.f.board.Assess(routerRef(name), all)
}

// assessRouters evaluates the routers again whose next hops an update changes.
func (d *dispatcher) assessRouters(before *pipeline.View, u pipeline.Update) {
	for _, name := range slices.Sorted(maps.Keys(u.RoutersIn(before, d.view))) {
		d.assessRouter(name)
	}
}

func routerFacts(v *pipeline.View, r *topology.Router) condition.RouterFacts {
	facts := condition.RouterFacts{Name: r.Name}
	for _, route := range r.Spec.Routes {
		f := condition.RouteFacts{To: route.To.String()}
		for _, h := range v.HopsOf(r, route) {
			switch {
			case h.Works():
				f.Works++
			case h.Port == nil:
				f.Free = append(f.Free, fmt.Sprintf("%s in network %s", h.Address, h.Network.Name))
			default:
				f.Unplugged = append(f.Unplugged, h.Port.Name)
			}
			if h.Port != nil && h.Restricted {
				f.Restricted = append(f.Restricted, h.Port.Name)
			}
		}
		facts.Routes = append(facts.Routes, f)
	}
	return facts
}

// RouterConditions returns the conditions of a router of a topology.
func (f *Fabric) RouterConditions(topo *topology.Snapshot, name string) []condition.Condition {
	r, ok := topo.Router(name)
	if !ok {
		return nil
	}
	all := condition.Router(routerFacts(f.View(), r))
	f.board.Stamp(routerRef(name), all)
	return all
}
