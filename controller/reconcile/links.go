package reconcile

import (
	"slices"
	"strings"
	"time"

	"github.com/sdnctl/sdnctl/controller/facts"
	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology/store"
)

// linkSettles is for how long the link of a port's interface must have been up after it went down
// until it counts as up. That it went down counts at once. So a link that flaps stays down, and
// changes flows at most twice in that time.
const linkSettles = time.Second

// fallenLinks are the ports whose link is down in the View, and that sdnd has seen go down.
type fallenLinks struct {
	// at is when the link of a port went down last. settles is when it counts as up again, for those
	// whose link is up.
	at, settles map[string]time.Time
	// timer fires when the first of those settles, or before; nil if none does.
	timer *time.Timer
}

func newFallenLinks() fallenLinks {
	return fallenLinks{at: map[string]time.Time{}, settles: map[string]time.Time{}}
}

// linkOf reports whether the link of a port of a node's switch is up; known is false while the switch is
// not connected, or the port has no number.
func (d *dispatcher) linkOf(node string, number openflow.PortNo) (up, known bool) {
	n := d.nodes[node]
	if n == nil || n.peer == nil || number == 0 {
		return false, false
	}
	return n.peer.links[number].Carries(), true
}

// linkWent records that the link of a port of a node's switch, given by its number, went down or came up.
func (d *dispatcher) linkWent(node string, number openflow.PortNo, up bool) {
	var changes []pipeline.LinkChange
	for _, port := range d.bind.PortsAt(node, uint32(number)) {
		if !up {
			d.fallen.at[port] = d.f.cfg.Now()
		}
		changes = d.linkFound(changes, port, up)
	}
	d.linksChanged(changes)
}

// linksKnown records the links of all ports on a node whose switch has connected.
func (d *dispatcher) linksKnown(node string) {
	var changes []pipeline.LinkChange
	for port, number := range d.bind.PortsOn(node) {
		if up, known := d.linkOf(node, openflow.PortNo(number)); known {
			changes = d.linkFound(changes, port, up)
		}
	}
	d.linksChanged(changes)
}

// linkFound records the state of the link of a port, and adds it to the changes if it counts at once.
func (d *dispatcher) linkFound(changes []pipeline.LinkChange, port string, up bool) []pipeline.LinkChange {
	now, down := d.f.cfg.Now(), d.view.LinkDown(port)
	switch {
	case !up:
		delete(d.fallen.settles, port)
		if down {
			return changes
		}
		d.fallen.at[port] = now
	case !down:
		return changes
	default:
		if settles := d.fallen.at[port].Add(linkSettles); now.Before(settles) {
			d.settleAt(port, settles)
			return changes
		}
		d.forgetLink(port)
	}
	return append(changes, pipeline.LinkChange{Port: port, Down: !up})
}

// linksOf returns the links of ports that get other places, as far as they are known and differ from what
// the View will have. A new interface whose link is up counts at once. So does the link of a new interface
// that comes up later.
func (d *dispatcher) linksOf(places []pipeline.PlaceChange) (changes []pipeline.LinkChange) {
	for _, c := range places {
		up, known := d.linkOf(c.After.Node, c.After.OFPort)
		if c.Before.Node == c.After.Node && c.Before.Interface == c.After.Interface {
			if known {
				changes = d.linkFound(changes, c.Port, up)
			}
			continue
		}
		if d.forgetLink(c.Port); known && !up {
			changes = append(changes, pipeline.LinkChange{Port: c.Port, Down: true})
		}
	}
	return changes
}

// settleAt waits for the link of a port to settle.
func (d *dispatcher) settleAt(port string, at time.Time) {
	if d.fallen.settles[port] = at; d.fallen.timer == nil {
		d.awaitSettled(at)
	}
}

func (d *dispatcher) awaitSettled(at time.Time) {
	d.fallen.timer = time.AfterFunc(at.Sub(d.f.cfg.Now()), func() { d.f.post(linksSettled{}) })
}

// linksSettled says that links may have been up for long enough.
type linksSettled struct{}

func (linksSettled) happen(d *dispatcher) {
	d.fallen.timer = nil
	now := d.f.cfg.Now()
	var changes []pipeline.LinkChange
	var next time.Time
	for port, at := range d.fallen.settles {
		if now.Before(at) {
			if next.IsZero() || at.Before(next) {
				next = at
			}
			continue
		}
		delete(d.fallen.settles, port)
		// If the node is away, what is found when it is back counts.
		if place := d.view.Place(port); place.Node != "" {
			if up, known := d.linkOf(place.Node, place.OFPort); known {
				changes = d.linkFound(changes, port, up)
			}
		}
	}
	if !next.IsZero() {
		d.awaitSettled(next)
	}
	d.linksChanged(changes)
}

// forgetLink forgets when the link of a port went down.
func (d *dispatcher) forgetLink(port string) {
	delete(d.fallen.at, port)
	delete(d.fallen.settles, port)
}

// linksChanged puts the state of links into the View.
func (d *dispatcher) linksChanged(changes []pipeline.LinkChange) {
	if len(changes) == 0 {
		return
	}
	slices.SortFunc(changes, func(a, b pipeline.LinkChange) int { return strings.Compare(a.Port, b.Port) })
	for _, c := range changes {
		if p, ok := d.view.Topo.Port(c.Port); ok && len(d.view.Topo.ServicesWith(p)) > 0 && len(changes) <= maxNamed {
			d.f.log.Info("the link of a backend's interface has changed", "port", c.Port, "down", c.Down)
		}
	}
	d.advance(pipeline.Update{Links: changes})
}

// saveBindings saves where an update puts ports, and whether their links are down, for the next start. It
// saves the port number only with a name that may be a truncated one.
func (d *dispatcher) saveBindings(before *pipeline.View, u pipeline.Update) {
	save := func(port string, at pipeline.Place) {
		d.f.saver.put(store.Binding{
			Port: port, Node: at.Node, Interface: at.Interface, OFPort: uint32(at.OFPort),
			LinkDown: d.view.LinkDown(port), Gone: at.Node == "",
		})
	}
	for _, c := range u.Places {
		moved := c.Before.Node != c.After.Node || c.Before.Interface != c.After.Interface
		if moved || len(c.After.Interface) >= facts.MaxPortName && c.After.OFPort != 0 && c.After.OFPort != c.Before.OFPort {
			save(c.Port, c.After)
		}
	}
	for _, l := range u.Links {
		if at := d.view.Place(l.Port); at.Node != "" && before.LinkDown(l.Port) != d.view.LinkDown(l.Port) {
			save(l.Port, at)
		}
	}
}

// rememberedLinks returns which links were down when bindings were saved.
func rememberedLinks(saved []store.Binding) (all []pipeline.LinkChange) {
	for _, b := range saved {
		if b.LinkDown {
			all = append(all, pipeline.LinkChange{Port: b.Port, Down: true})
		}
	}
	return all
}
