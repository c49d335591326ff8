package reconcile

import (
	"iter"
	"maps"

	"github.com/sdnctl/sdnctl/controller/condition"
	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/topology"
)

func nodeRef(name string) topology.Ref { return topology.Ref{Kind: topology.KindNode, Name: name} }
func portRef(name string) topology.Ref { return topology.Ref{Kind: topology.KindPort, Name: name} }

// assessNode evaluates a node's conditions anew, and returns its status with
// them. The caller holds the lock.
func (b *board) assessNode(n *boardNode) NodeStatus {
	s := n.snapshot()
	facts := condition.NodeFacts{
		Name: s.Node, Connected: s.Connected, Seen: !s.Since.IsZero(),
		LastError: s.LastError, InSync: s.InSync,
		OVSDB: s.OVSDB, NeedsOVSDB: s.NeedsOVSDB, TunnelPort: s.TunnelPort,
	}
	if s.bridge != nil {
		facts.Standalone = s.bridge.FailMode != "secure"
	}
	s.Conditions = condition.Node(facts)
	b.assess(nodeRef(s.Node), s.Conditions)
	return s
}

// assess notes an object's conditions and sets since when it has each. The
// caller holds the lock.
func (b *board) assess(o topology.Ref, all []condition.Condition) {
	now := b.now()
	b.conditions.Set(o, all, now)
	b.conditions.Stamp(o, all, now)
}

// assessPort evaluates a port's conditions anew, after a change of what they
// follow from.
func (d *dispatcher) assessPort(name string) {
	var all []condition.Condition
	if p, ok := d.view.Topo.Port(name); ok {
		all = condition.Port(d.portFacts(d.view, p))
	}
	d.f.board.mu.Lock()
	defer d.f.board.mu.Unlock()
	d.f.board.assess(portRef(name), all)
}

// assessChanges evaluates what a commit changes.
func (d *dispatcher) assessChanges(changes []topology.Change, looked []string) {
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
	for _, port := range looked {
		touched[port] = true
	}
	for name := range touched {
		d.assessPort(name)
	}
	if floating != (d.byID.floating > 0) {
		d.needOVSDB(maps.Keys(d.nodes))
	} else {
		d.needOVSDB(maps.Keys(needs))
	}
}

// needOVSDB tells the board which of the nodes have need of OVSDB.
func (d *dispatcher) needOVSDB(nodes iter.Seq[string]) {
	for name := range nodes {
		needs := d.byID.floating > 0 || d.byID.pinned[name] > 0
		d.f.board.mu.Lock()
		n, ok := d.f.board.nodes[name]
		same := !ok || n.status.NeedsOVSDB == needs
		d.f.board.mu.Unlock()
		if !same {
			d.f.board.update(name, func(s *NodeStatus) { s.NeedsOVSDB = needs })
		}
	}
}

// byID counts the ports that are bound by external_ids, and so need OVSDB.
type byID struct {
	pinned   map[string]int // by node
	floating int            // those that may be anywhere
}

func (c *byID) count(p *topology.Port, by int) {
	switch {
	case p.Spec.Interface != "":
	case p.Spec.Node == "":
		c.floating += by
	default:
		if c.pinned[p.Spec.Node] += by; c.pinned[p.Spec.Node] == 0 {
			delete(c.pinned, p.Spec.Node)
		}
	}
}

// portFacts gathers what is known of a port. Anyone may call it.
func (d *dispatcher) portFacts(v *pipeline.View, p *topology.Port) condition.PortFacts {
	facts := condition.PortFacts{Name: p.Name, Node: v.Location(p), Bound: v.Place(p.Name).OFPort != 0}
	if p.Spec.Interface == "" {
		facts.InterfaceID = p.BindingID()
	}
	claims, unbound := d.claims(v.Topo, p)
	if !facts.Bound {
		facts.Unbound = unbound
	}
	facts.Interface = v.Place(p.Name).Interface
	for _, r := range claims.Rivals {
		facts.Rivals = append(facts.Rivals, condition.Place{Node: r.Node, Interface: r.Interface})
	}
	if len(claims.Candidates) > 0 {
		facts.Candidate = condition.Place{Node: claims.Candidates[0].Node, Interface: claims.Candidates[0].Interface}
	}
	return facts
}

// PortStatus tells where a port's interface is, and what is wrong with it.
func (f *Fabric) PortStatus(name string) PortStatus {
	v := f.View()
	p, ok := v.Topo.Port(name)
	if !ok {
		return PortStatus{Port: name}
	}
	facts := f.d.portFacts(v, p)
	s := PortStatus{
		Port: name, Node: facts.Node, Interface: facts.Interface,
		Candidate: facts.Candidate,
		Bound:     facts.Bound, Message: facts.Unbound, Conditions: condition.Port(facts),
	}
	f.board.mu.Lock()
	defer f.board.mu.Unlock()
	f.board.conditions.Stamp(portRef(name), s.Conditions, f.board.now())
	return s
}
