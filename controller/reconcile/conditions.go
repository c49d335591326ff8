package reconcile

import (
	"cmp"
	"iter"
	"maps"

	"github.com/sdnctl/sdnctl/controller/binding"
	"github.com/sdnctl/sdnctl/controller/condition"
	"github.com/sdnctl/sdnctl/controller/ovsdb"
	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/controller/status"
	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// assessPort evaluates a port's conditions again, after a change of the facts that they depend
// on.
func (d *dispatcher) assessPort(name string) {
	var all []condition.Condition
	if p, ok := d.view.Topo.Port(name); ok {
		all = condition.Port(d.portFacts(d.view, p))
	}
	d.f.board.Assess(portRef(name), all)
}

// assessChanges evaluates the conditions of what a commit changes.
func (d *dispatcher) assessChanges(changes []topology.Change, examined []string) {
	touched := map[string]bool{}
	needs := map[string]bool{}
	floating := d.byID.floating > 0
	for _, c := range changes {
		if p, ok := c.Before.(*topology.Port); ok {
			d.byID.count(p, -1)
			needs[p.Spec.Node] = true
			touched[p.Name] = true
		}
		if p, ok := c.After.(*topology.Port); ok {
			d.byID.count(p, +1)
			needs[p.Spec.Node] = true
			touched[p.Name] = true
		}
		if n, ok := c.After.(*topology.Node); ok {
			needs[n.Name] = true
		}
	}
	for _, port := range examined {
		touched[port] = true
	}
	for name := range touched {
		d.assessPort(name)
	}
	d.assessUnmatchedOf(changes)
	if floating != (d.byID.floating > 0) {
		d.needOVSDB(maps.Keys(d.nodes))
	} else {
		d.needOVSDB(maps.Keys(needs))
	}
}

// needOVSDB records which of the nodes need OVSDB to find their ports.
func (d *dispatcher) needOVSDB(nodes iter.Seq[string]) {
	for name := range nodes {
		needs := d.byID.floating > 0 || d.byID.pinned[name] > 0
		d.f.board.NeedOVSDB(name, needs)
	}
}

// portFacts collects the facts of a port. Any goroutine may call it.
func (d *dispatcher) portFacts(v *pipeline.View, p *topology.Port) condition.PortFacts {
	place := v.Place(p.Name)
	facts := condition.PortFacts{
		Name: p.Name, Secure: d.f.secure(), Node: v.Location(p), Bridge: d.f.cfg.Bridge, WantBridge: d.f.cfg.Bridge, Bound: place.OFPort != 0,
		Interface: cmp.Or(place.Interface, p.Spec.Interface), MAC: p.MAC.String(),
	}
	if p.Spec.Interface == "" {
		facts.InterfaceID = p.BindingID()
	}
	if dropped, recent := d.f.drops.Of(p, place); recent {
		facts.Dropped = dropped
	}
	if flooded := d.f.drops.Flooded(p.Name, place); flooded != nil {
		if n, ok := v.Topo.Network(p.Spec.Network); ok {
			flooded.Network = n.Name
			if rate, _, limited := n.Spec.Floods(); limited {
				flooded.Limit, flooded.Most, facts.Flooded = rate, int(model.MaxFloodLimit), flooded
			}
		}
	}
	claims, unbound := d.claims(v.Topo, p)
	n, ok := v.Topo.Node(facts.Node)
	if !facts.Bound {
		facts.Unbound, facts.NoOVSDB = unbound, d.f.board.WithoutOVSDB(p, facts.Node)
		facts.Failed = d.f.failed(v.Topo, claims.Unplugged)
	}

	for _, r := range claims.Conflicts {
		facts.Conflicts = append(facts.Conflicts, condition.Place{Node: r.Node, Interface: r.Interface})
	}
	if len(claims.Candidates) > 0 {
		facts.Candidate = condition.Place{Node: claims.Candidates[0].Node, Interface: claims.Candidates[0].Interface}
	}
	if !ok {
		return facts
	}
	bridge, l, i, known := d.f.facts.Port(n.DatapathID, place.OFPort)
	if !known {
		return facts
	}
	facts.Bridge = cmp.Or(bridge, facts.Bridge)
	if !facts.Bound {
		return facts
	}
	facts.Disabled, facts.LinkDown = l.Disabled, l.Down
	if i != nil && (i.Type == "internal" || i.Type == "tap") && i.MAC != [6]byte{} && topology.MAC(i.MAC) != p.MAC {
		facts.OtherMAC = topology.MAC(i.MAC).String()
	}
	return facts
}

// failed returns the first of the interfaces whose device Open vSwitch cannot open, nil if
// there is none.
func (f *Fabric) failed(topo *topology.Snapshot, unplugged []binding.Place) *condition.Failed {
	for _, at := range unplugged {
		n, ok := topo.Node(at.Node)
		if !ok {
			continue
		}
		if i := f.facts.Interface(n.DatapathID, at.Interface); i != nil && i.Error != "" {
			return &condition.Failed{
				Place: condition.Place{Node: at.Node, Interface: at.Interface},
				Error: i.Error, Target: i.Target, Container: i.ContainerID,
			}
		}
	}
	return nil
}

// Bound returns where a port belongs, and whether it has an interface there.
func (f *Fabric) Bound(name string) (node string, bound bool) {
	v := f.View()
	p, ok := v.Topo.Port(name)
	if !ok {
		return "", false
	}
	return v.Location(p), v.Place(name).OFPort != 0
}

// PortStatus returns where a port's interface is, and the port's conditions.
func (f *Fabric) PortStatus(name string) status.Port {
	v := f.View()
	p, ok := v.Topo.Port(name)
	if !ok {
		return status.Port{Port: name}
	}
	facts := f.d.portFacts(v, p)
	s := status.Port{
		Port: name, Node: facts.Node, Interface: v.Place(name).Interface,
		Candidate: facts.Candidate,
		Bound:     facts.Bound, Conditions: condition.Port(facts),
	}
	s.Dropped, _ = f.drops.Of(p, v.Place(name))
	if d := f.drops.Flooded(name, v.Place(name)); d != nil {
		s.Flooded = d.Packets
	}
	if len(s.Conditions) > 0 {
		s.Message = s.Conditions[0].Message
	}
	f.board.Stamp(portRef(name), s.Conditions)
	return s
}

// claims returns the interfaces that claim a port and, if the port is not bound, the reason.
// Any goroutine may call it.
func (d *dispatcher) claims(topo *topology.Snapshot, p *topology.Port) (c binding.Claims, unbound string) {
	d.bindMu.Lock()
	defer d.bindMu.Unlock()
	return d.bind.Claims(topo, p), d.bind.Why(topo, p)
}

// assessInterface evaluates again the ports that an interface of a node may be.
func (d *dispatcher) assessInterface(n *node, name string, i *ovsdb.Interface) {
	if p, ok := d.view.Topo.PortByInterface(n.name, name); ok {
		d.assessPort(p.Name)
	}
	if i == nil {
		return
	}
	claim := binding.Interface{Name: i.Name, IfaceID: i.IfaceID, ContainerID: i.ContainerID, ContainerIface: i.ContainerIface}
	for _, id := range claim.IDs() {
		if p, ok := d.view.Topo.PortByBindingID(id); ok {
			d.assessPort(p.Name)
		}
	}
}

// assessNumber evaluates again the ports that the interface with an OpenFlow number may be.
func (d *dispatcher) assessNumber(n *node, number openflow.PortNo, name string) {
	all := d.f.facts.Candidates(n.dpid, number, name)
	for _, i := range all {
		d.assessInterface(n, i.Name, i)
	}
	if len(all) == 0 {
		d.assessInterface(n, name, nil)
	}
}
