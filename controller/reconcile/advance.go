package reconcile

import (
	"maps"
	"slices"

	"github.com/sdnctl/sdnctl/controller/binding"
	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/controller/workqueue"
	"github.com/sdnctl/sdnctl/openflow"
)

// advance makes the next View, puts the affected units into the queues, and only then publishes
// the View. A reader who sees a port bound, and asks which nodes have yet to confirm, must not
// get the answer "none" because the work is not in the queues yet.
func (d *dispatcher) advance(u pipeline.Update) {
	before := d.view
	u.Now = d.f.cfg.Now()
	d.view = before.Next(u)
	moved := moves(before, d.view, u)
	if lingers := moved.lingers(before, d.view); len(lingers) > 0 {
		u.Lingers = lingers
		d.view = before.Next(u)
	}
	d.f.view.Store(d.view)
	m := marking{d: d, limit: workqueue.MaxMarked(d.view), nodes: map[string]*marked{}}
	if moved.any() {
		m.limit = 1 << 30 // moves are done in steps, for which every unit is listed
	}
	pipeline.Affected(before, d.view, u, m.mark)
	d.distribute(before, u, moved, &m, d.advance)
	d.zonesMarked(&m)
	d.announceChanges(before, u)
	d.egressChanged(before, u)
	d.servicesMoved(before, u)
	d.assessNetworks(before, u)
	d.assessRouters(before, u)
	d.assessServices(before, u)
	d.assessFloating(before, u)
	d.saveBindings(before, u)
	d.saveHealth(before, u)
	d.saveLeaving(u)
	d.saveJoins(before)
	d.saveLocals(u)
	d.f.view.Store(d.view)
}

// places changes the table of bindings, and puts the result into the View together with the
// changes of the node's own ports.
func (d *dispatcher) places(change func(*binding.Table) binding.Outcome, own pipeline.Update) {
	d.bindMu.Lock()
	bound := change(d.bind)
	d.bindMu.Unlock()
	if places := placeChanges(bound.Changes); len(places) > 0 || len(own.Tunnels)+len(own.Uplinks)+len(own.Hosts) > 0 {
		own.Places, own.Links = places, d.linksOf(places)
		d.advance(own)
		d.recordPlaces(places)
	}
	for _, port := range bound.Examined {
		d.assessPort(port)
	}
}

// maxNamed is the largest number of ports of one event that are logged with their names. With
// more of them only the number is logged, and the names at level debug.
const maxNamed = 32

// recordPlaces counts and logs ports that were bound, unbound or moved.
func (d *dispatcher) recordPlaces(changes []pipeline.PlaceChange) {
	say := d.f.log.Info
	if len(changes) > maxNamed {
		d.f.log.Info("many ports came, went or moved", "ports", len(changes))
		say = d.f.log.Debug
	}
	for _, c := range changes {
		was, is := c.Before, c.After
		d.f.board.CountBound(was, is)
		d.f.drops.Forget(c.Port)
		switch {
		case is.OFPort == 0 && was.OFPort == 0:
			continue // the remembered place of the port has changed
		case is.OFPort == 0:
			say("port unbound", "port", c.Port, "node", was.Node, "interface", was.Interface)
		case was.OFPort == 0:
			say("port bound", "port", c.Port, "node", is.Node, "interface", is.Interface)
		case was.Node != is.Node || was.Interface != is.Interface:
			say("port moved", "port", c.Port, "node", is.Node, "interface", is.Interface, "from_node", was.Node, "from_interface", was.Interface)
		default:
			continue // only its number has changed
		}
		d.f.board.Changed(portRef(c.Port))
	}
}

func placeChanges(changes []binding.Change) []pipeline.PlaceChange {
	out := make([]pipeline.PlaceChange, len(changes))
	for i, c := range changes {
		out[i] = pipeline.PlaceChange{Port: c.Port, Before: placeOf(c.Before), After: placeOf(c.After)}
	}
	return out
}

func placeOf(p binding.Place) pipeline.Place {
	return pipeline.Place{Node: p.Node, Interface: p.Interface, OFPort: openflow.PortNo(p.OFPort)}
}

// nodesReturned: Config.ReturnGrace has passed since the start.
type nodesReturned struct{}

func (nodesReturned) happen(d *dispatcher) {
	d.places(func(t *binding.Table) binding.Outcome { return t.NodesReturned(d.view.Topo) }, pipeline.Update{})
	d.returned = true
	d.absences(slices.Sorted(maps.Keys(d.nodes)))
}
