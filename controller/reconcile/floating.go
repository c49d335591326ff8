package reconcile

import (
	"maps"
	"slices"
	"time"

	"github.com/sdnctl/sdnctl/controller/condition"
	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/controller/status"
	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
)

func floatingRef(name string) topology.Ref {
	return topology.Ref{Kind: topology.KindFloatingIP, Name: name}
}

// announceFloating announces a floating address on its node.
func (d *dispatcher) announceFloating(name string, then event) {
	if o, ok := d.view.Topo.FloatingIP(name); ok {
		if at := d.view.FloatingOf(o); at.Works() {
			d.announceAt(at.Node, at.Out, then, o.Spec.Address)
		}
	}
}

// announceChanges announces the floating addresses that an update puts on a node at once. Those that
// leave another node first are announced by the sequence.
func (d *dispatcher) announceChanges(before *pipeline.View, u pipeline.Update) {
	var names []string
	for _, m := range pipeline.FloatingMoves(before, d.view, u) {
		if m.From == "" {
			names = append(names, m.Name)
		}
	}
	for _, l := range u.Uplinks {
		names = slices.AppendSeq(names, d.view.FloatingOn(l.Node))
	}
	d.announce(announced{floating: names})
	d.flushStale(before, u)
}

// flushStale has streams of UDP go on to the new port of a floating address that stays on its node,
// once the node has confirmed the flows.
func (d *dispatcher) flushStale(before *pipeline.View, u pipeline.Update) {
	for name := range u.FloatingIn(before, d.view) {
		was, ok := before.Topo.FloatingIP(name)
		is, still := d.view.Topo.FloatingIP(name)
		if !ok || !still {
			continue
		}
		at := d.view.FloatingOf(is)
		stale := at.StaleUDP(before.FloatingOf(was))
		n := d.nodes[at.Node]
		if len(stale) == 0 || n == nil || n.peer == nil {
			continue
		}
		f, e := d.f, staleUDP{at.Node, stale}
		n.queue.WhenDone(d.view.Seq, func() {
			e.happen(d)
			time.AfterFunc(revalidated, func() { f.post(e) })
		})
	}
}

// revalidated is after how long Open vSwitch forwards by no cached flow of before a change any more:
// it looks through them every 500 ms at most (max-revalidator).
const revalidated = time.Second

// staleUDP: entries of the connection tracker have to go. A cached flow of before the change may have
// made them again after they went once.
type staleUDP struct {
	node  string
	stale []*openflow.CTFlush
}

func (e staleUDP) happen(d *dispatcher) {
	for _, m := range e.stale {
		d.f.CTFlush(e.node, m)
	}
}

// assessFloatingIP evaluates the conditions of a floating address again.
func (d *dispatcher) assessFloatingIP(name string) {
	var all []condition.Condition
	if o, ok := d.view.Topo.FloatingIP(name); ok {
		all = condition.FloatingIP(d.f.floatingFacts(d.view, o))
	}
	d.f.board.Assess(floatingRef(name), all)
}

// assessFloating evaluates the floating addresses again whose place or way an update changes.
func (d *dispatcher) assessFloating(before *pipeline.View, u pipeline.Update) {
	if before.Topo.Count(topology.KindFloatingIP)+d.view.Topo.Count(topology.KindFloatingIP) == 0 {
		return
	}
	touched := u.FloatingIn(before, d.view)
	for _, l := range u.Uplinks {
		for name := range d.view.FloatingOn(l.Node) {
			touched[name] = true
		}
	}
	for _, c := range u.Changes {
		for _, x := range []struct {
			v *pipeline.View
			o topology.Object
		}{{before, c.Before}, {d.view, c.After}} {
			for _, ref := range waysOf(x.o) {
				for f := range x.v.Topo.FloatingIPsNaming(ref) {
					touched[f.Name] = true
				}
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(touched)) {
		d.assessFloatingIP(name)
	}
}

// waysOf returns the uplink by which an object has packets leave.
func waysOf(o topology.Object) []topology.Ref {
	switch o := o.(type) {
	case *topology.Uplink:
		return []topology.Ref{o.Ref()}
	case *topology.Router:
		if e := o.Spec.Egress; e != nil {
			return []topology.Ref{{Kind: topology.KindUplink, Name: e.Uplink}}
		}
	}
	return nil
}

func (f *Fabric) floatingFacts(v *pipeline.View, o *topology.FloatingIP) condition.FloatingFacts {
	at := v.FloatingOf(o)
	facts := condition.FloatingFacts{
		Name: o.Name, Address: o.Spec.Address.String(), Uplink: o.Spec.Uplink, Ports: o.Spec.Ports(),
		Node: at.Node, Leaves: at.Router != nil, HasBridge: at.Out != 0, Elsewhere: at.Elsewhere,
	}
	if n, ok := v.Topo.Node(at.Node); ok && at.Out != 0 {
		_, _, i, known := f.facts.Port(n.DatapathID, at.Out)
		facts.Severed = known && i != nil && i.NoPeer
	}
	if at.Uplink != nil {
		facts.Bridge = at.Uplink.Spec.Bridge
	}
	if at.Port != nil {
		facts.Port, facts.Network = at.Port.Name, at.Port.Spec.Network
		if r, ok := v.Topo.RouterOf(facts.Network); ok {
			facts.Router = r.Name
		}
	}
	return facts
}

// FloatingIPStatus returns where a floating address of a topology is, and its conditions.
func (f *Fabric) FloatingIPStatus(topo *topology.Snapshot, name string) status.FloatingIP {
	o, ok := topo.FloatingIP(name)
	if !ok {
		return status.FloatingIP{}
	}
	v := f.View()
	s := status.FloatingIP{Node: v.FloatingNode(name), Conditions: condition.FloatingIP(f.floatingFacts(v, o))}
	f.board.Stamp(floatingRef(name), s.Conditions)
	return s
}
