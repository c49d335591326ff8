package reconcile

import (
	"time"

	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/topology"
)

// stepTimeout is how long the nodes of one step may keep those of the next
// waiting. A switch that is slow, or gone, delays others no longer.
const stepTimeout = 500 * time.Millisecond

// drainTime is how long packets may be under way to where a port was when
// nobody sends there any more: the old node goes on to receive for that long.
const drainTime = 100 * time.Millisecond

// sequence carries out a change in steps, each begun when the nodes of the one
// before have confirmed theirs. Ports that move need it: where they are now has
// to receive before others send there, and where they were stops receiving last
// (make before break). All else is posted to all nodes at once: what is new
// could not be reached before, and what is deleted will not be after.
type sequence struct {
	d      *dispatcher
	change *change
	steps  []step
	// at is the step that is under way, and waiting how many of its nodes have
	// not confirmed.
	at, waiting int
	// drained is whether there was time for packets under way before the last
	// step.
	drained bool
	timer   *time.Timer
}

// step is what is done at a time, on several nodes.
type step []work

// work is a node's part of a step.
type work struct {
	node  *node
	units []pipeline.Unit
}

// moved are ports that an update moves from one node to another: where they are
// after it, and where they were before, each a set of nodes.
type moved struct{ ports, to, from map[string]bool }

// moves returns what the update moves.
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
			m = moved{map[string]bool{}, map[string]bool{}, map[string]bool{}}
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
	return m
}

// distribute puts marked units into the mailboxes: at once, or in steps.
func (d *dispatcher) distribute(before *pipeline.View, u pipeline.Update, moved moved, m *marking) {
	c := m.change(u)
	var later, last step
	var receivers []*node
	for name, k := range m.nodes {
		n, units := k.node, k.units
		if n == nil {
			continue
		}
		switch {
		case n.peer == nil:
			n.mail.post(before, d.view, nil, true)
		case k.wide:
			c.post(n)
			n.mail.flood(before, d.view)
		case moved.to[name]:
			c.post(n)
			n.mail.post(before, d.view, units, false)
			receivers = append(receivers, n)
		case moved.from[name]:
			c.left.Add(1)
			n.mail.hold(before, d.view, units)
			last = append(last, work{n, units})
		case len(moved.ports) > 0:
			now, held := split(units, moved.ports)
			if len(now) > 0 {
				c.post(n)
				n.mail.post(before, d.view, now, false)
			}
			if len(held) > 0 {
				c.left.Add(1)
				n.mail.hold(before, d.view, held)
				later = append(later, work{n, held})
			}
		default:
			c.post(n)
			n.mail.post(before, d.view, units, false)
		}
		d.f.board.update(name, func(*NodeStatus) {})
	}
	c.settle(spent{}) // for the dispatcher itself, which held it open
	if len(later)+len(last) > 0 {
		s := &sequence{d: d, change: c, steps: []step{later, last}, at: -1}
		s.await(receivers)
	}
}

// split tells the units of the ports from the others.
func split(units []pipeline.Unit, ports map[string]bool) (others, ofPorts []pipeline.Unit) {
	for _, u := range units {
		if u.Kind == pipeline.UnitPort && ports[u.Name] {
			ofPorts = append(ofPorts, u)
		} else {
			others = append(others, u)
		}
	}
	return others, ofPorts
}

// await goes to the next step when the nodes have confirmed the present view,
// or have taken too long.
func (s *sequence) await(nodes []*node) {
	at, f := s.at, s.d.f
	s.waiting = len(nodes)
	if s.waiting == 0 {
		s.next()
		return
	}
	s.timer = time.AfterFunc(stepTimeout, func() { f.tell(stepOver{s, at, true}) })
	for _, n := range nodes {
		// Not in the caller's goroutine, which may be the dispatcher's: it does
		// not take events while it makes one.
		n.mail.whenDone(s.d.view.Seq, func() { f.tellSoon(stepOver{s, at, false}) })
	}
}

// next begins the next step, if there is one.
func (s *sequence) next() {
	if s.timer != nil {
		s.timer.Stop()
	}
	s.at++
	switch {
	case s.at == len(s.steps):
		return
	case s.at == len(s.steps)-1 && !s.drained:
		s.drained = true
		s.at-- // and once more
		f, at := s.d.f, s.at
		s.waiting = 1
		s.timer = time.AfterFunc(drainTime, func() { f.tell(stepOver{s, at, true}) })
		return
	}
	var nodes []*node
	for _, w := range s.steps[s.at] {
		w.node.mail.owe(s.change)
		w.node.mail.release(s.d.view, w.units)
		if w.node.peer != nil {
			nodes = append(nodes, w.node)
		}
		s.d.f.board.update(w.node.name, func(*NodeStatus) {})
	}
	s.await(nodes)
}

// stepOver: a node has confirmed its part of a step, or all had time enough.
type stepOver struct {
	*sequence
	at      int
	timeout bool
}

func (e stepOver) happen(d *dispatcher) {
	s := e.sequence
	if e.at != s.at {
		return // late
	}
	s.waiting--
	if s.waiting == 0 || e.timeout {
		s.next()
	}
}
