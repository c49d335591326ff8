package reconcile

import (
	"maps"
	"slices"
	"time"

	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/controller/workqueue"
	"github.com/sdnctl/sdnctl/topology"
)

// stepTimeout is how long the nodes of one step may delay the next step. A slow or absent
// switch delays others no longer than that.
const stepTimeout = 500 * time.Millisecond

// drainTime is how long packets may still be on their way to a port's old node after nobody
// sends there any more. The old node continues to receive for that long.
const drainTime = 100 * time.Millisecond

// sequence carries out a change in steps. Each step begins when the nodes of the previous
// one have confirmed theirs. Four kinds of change need steps:
//
//   - Ports that move: the new node must receive before others send there, and the old
//     node stops receiving last (make before break).
//   - Nodes that become senders of a network: the other nodes must admit their packets, and
//     they those of the others, before anybody sends.
//   - Labels of networks: all nodes must know them before ports send with them.
//   - Floating and egress addresses, and addresses of services on uplinks, that move: the old node must fall
//     silent before the new one answers for them.
//
// Everything else goes to all nodes at once: a new port was not reachable before, and a
// deleted one will not be.
type sequence struct {
	d *dispatcher
	// advance is the dispatcher's; see end.
	advance func(pipeline.Update)
	change  *change
	steps   []step
	// done counts the finished steps and turn the waits so far; waiting is the number of nodes
	// that have not confirmed the present step.
	done, turn, waiting int
	timer               *time.Timer
	// lingers are the nodes whose packets stay admitted until the sequence ends.
	lingers []pipeline.LingerChange
}

// step is the work that several nodes do at the same time.
type step struct {
	work []work
	// after is the delay before it.
	after time.Duration
	// announced are the addresses that nodes answer for after it.
	announced announced
}

// work is a node's part of a step.
type work struct {
	node  *node
	units []pipeline.Unit
}

// moved are the ports that an update moves from one node to another, the nodes where they are
// after it, the nodes where they were before, and the floating addresses that go with them.
type moved struct {
	ports, to, from map[string]bool
	// floating, egress and services are the floating and egress addresses, and the services with addresses on
	// uplinks, that leave a node for another, and silent the nodes that they leave.
	floating, egress, services, silent map[string]bool
}

// moves returns the ports that the update moves.
func moves(before, after *pipeline.View, u pipeline.Update) (m moved) {
	look := func(name string) {
		b, ok := before.Topo.Port(name)
		if !ok {
			return
		}
		a, ok := after.Topo.Port(name)
		if !ok {
			return
		}
		was, is := before.Location(b), after.Location(a)
		if was == is || was == "" || is == "" {
			return
		}
		if m.ports == nil {
			m.ports, m.to, m.from = map[string]bool{}, map[string]bool{}, map[string]bool{}
		}
		m.ports[name], m.to[is], m.from[was] = true, true, true
	}
	for _, c := range u.Changes {
		if c.Ref.Kind == topology.KindPort {
			look(c.Ref.Name)
		}
	}
	for _, p := range u.Places {
		look(p.Port)
	}
	for _, f := range pipeline.FloatingMoves(before, after, u) {
		if f.From == "" || f.To == "" {
			continue
		}
		if m.silent == nil {
			m.floating, m.silent = map[string]bool{}, map[string]bool{}
		}
		m.floating[f.Name], m.silent[f.From] = true, true
	}
	leave := func(all []pipeline.FloatingMove) (names map[string]bool) {
		for _, f := range all {
			if f.From == "" || f.To == "" {
				continue
			}
			if names == nil {
				names = map[string]bool{}
			}
			if m.silent == nil {
				m.silent = map[string]bool{}
			}
			names[f.Name] = true
			if after.Reached(f.From) { // else it cannot confirm, and is silent
				m.silent[f.From] = true
			}
		}
		return names
	}
	m.egress = leave(pipeline.EgressMoves(before, after, u))
	m.services = leave(pipeline.ServiceMoves(before, after, u))
	return m
}

// any reports whether anything moves.
func (m moved) any() bool {
	return len(m.ports)+len(m.floating)+len(m.egress)+len(m.services) > 0
}

// lingers returns the nodes that the last ports of a network leave. Packets that they have sent
// may still be on their way.
func (m moved) lingers(before, after *pipeline.View) (all []pipeline.LingerChange) {
	for name := range m.ports {
		p, _ := before.Topo.Port(name)
		node := before.Location(p)
		if domain, leaves := before.Leaving(after, p.Spec.Network, node); leaves {
			all = append(all, pipeline.LingerChange{Domain: domain, Node: node})
		}
	}
	return all
}

// distribute puts marked units into the queues, at once or in steps. If a change is needed
// after the last step, it calls advance with it.
func (d *dispatcher) distribute(before *pipeline.View, u pipeline.Update, moved moved, m *marking, advance func(pipeline.Update)) {
	c := m.change(u)
	s := &sequence{d: d, change: c, advance: advance}
	if len(moved.ports) > 0 {
		s.lingers = u.Lingers
	}
	var later, last []work
	var receivers []*node
	for name, k := range m.nodes {
		n := k.node
		if n == nil {
			continue
		}
		switch {
		case n.peer == nil:
			n.queue.Compare(d.view)
		case k.wide:
			c.post(n)
			n.queue.PostMany(before, d.view)
		default:
			now, held, left := d.split(name, k.units, moved)
			if len(now) > 0 || len(held)+len(left) == 0 {
				c.post(n)
				n.queue.Post(before, d.view, now)
				if moved.to[name] || moved.silent[name] || d.view.HasGrown() || d.view.HasLabels() {
					receivers = append(receivers, n)
				}
			}
			for _, h := range []struct {
				units []pipeline.Unit
				step  *[]work
			}{{held, &later}, {left, &last}} {
				if len(h.units) > 0 {
					c.left.Add(1)
					n.queue.Hold(before, d.view, h.units)
					*h.step = append(*h.step, work{n, h.units})
				}
			}
		}
		d.f.board.Progressed(name)
	}
	c.Settle(workqueue.Cost{}) // the dispatcher's own share
	if len(later) > 0 {
		s.steps = append(s.steps, step{work: later, announced: announced{slices.Sorted(maps.Keys(moved.floating)), slices.Sorted(maps.Keys(moved.egress)), slices.Sorted(maps.Keys(moved.services))}})
	}
	if len(last) > 0 || len(s.lingers) > 0 {
		s.steps = append(s.steps, step{work: last, after: drainTime})
	}
	if len(s.steps) > 0 {
		s.await(receivers)
	}
}

// split divides a node's units into those to do now, those to do when others receive, and those
// to do when nobody sends to the node any more.
func (d *dispatcher) split(name string, units []pipeline.Unit, m moved) (now, later, last []pipeline.Unit) {
	grown := d.view.HasGrown()
	if !grown && !m.any() && !d.view.HasLabels() {
		return units, nil, nil
	}
	for _, u := range units {
		switch {
		case u.Kind == pipeline.UnitFloating && m.floating[u.Name]:
			if d.view.FloatingNode(u.Name) == name {
				later = append(later, u)
			} else {
				now = append(now, u)
			}
		case u.Kind == pipeline.UnitEgress && m.egress[u.Name]:
			if d.view.EgressHolder(u.Name) == name {
				later = append(later, u)
			} else {
				now = append(now, u)
			}
		case u.Kind == pipeline.UnitService && m.services[u.Name]:
			if d.view.ServiceHolder(u.Name) == name {
				later = append(later, u)
			} else {
				now = append(now, u)
			}
		case m.from[name] && !m.to[name] && !d.view.Receives(u, name):
			last = append(last, u)
		case grown && d.view.SendsFor(u, name), d.view.SendsLabels(u),
			!m.to[name] && u.Kind == pipeline.UnitPort && m.ports[u.Name]:
			later = append(later, u)
		default:
			now = append(now, u)
		}
	}
	return now, later, last
}

// await begins the next step when the nodes have confirmed the present view, or after
// stepTimeout.
func (s *sequence) await(nodes []*node) {
	s.turn++
	turn, f := s.turn, s.d.f
	s.waiting = len(nodes)
	if s.waiting == 0 {
		s.next()
		return
	}
	s.timer = time.AfterFunc(stepTimeout, func() { f.post(stepOver{s, turn, true}) })
	for _, n := range nodes {
		// Not in the caller's goroutine: it may be the dispatcher's, which takes no events
		// while it handles one.
		n.queue.WhenDone(s.d.view.Seq, func() { f.postSoon(stepOver{s, turn, false}) })
	}
}

// next begins the next step, if there is one, once its delay has passed.
func (s *sequence) next() {
	if s.timer != nil {
		s.timer.Stop()
	}
	if s.done > 0 {
		s.d.announce(s.steps[s.done-1].announced)
		s.steps[s.done-1].announced = announced{}
	}
	if s.done == len(s.steps) {
		s.end()
		return
	}
	step := &s.steps[s.done]
	if wait := step.after; wait > 0 {
		step.after = 0 // the next call begins it
		s.turn++
		turn, f := s.turn, s.d.f
		s.timer = time.AfterFunc(wait, func() { f.post(stepOver{s, turn, true}) })
		return
	}
	s.done++
	var nodes []*node
	for _, w := range step.work {
		w.node.queue.Charge(s.change)
		if !w.node.queue.Release(s.d.view, w.units) {
			w.node.queue.Discharge(s.change) // later changes have replaced this work
		}
		if w.node.peer != nil {
			nodes = append(nodes, w.node)
		}
		s.d.f.board.Progressed(w.node.name)
	}
	s.await(nodes)
}

// end stops admitting the packets of the lingering nodes.
func (s *sequence) end() {
	if len(s.lingers) == 0 {
		return
	}
	for i := range s.lingers {
		s.lingers[i].Over = true
	}
	s.advance(pipeline.Update{Lingers: s.lingers})
}

// stepOver: a node has confirmed its part of a step, or the time for the step has passed.
type stepOver struct {
	*sequence
	turn    int
	timeout bool
}

func (e stepOver) happen(d *dispatcher) {
	s := e.sequence
	if e.turn != s.turn {
		return // of an earlier wait
	}
	s.waiting--
	if s.waiting == 0 || e.timeout {
		s.next()
	}
}
