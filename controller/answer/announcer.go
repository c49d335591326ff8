package answer

import (
	"context"
	"iter"
	"maps"
	"net/netip"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/sdnctl/sdnctl/controller/packetin"
	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

const (
	// announceAgain is how long after the first announcement of an address the second and
	// last one is made (RFC 5227, 2.3).
	announceAgain = 2 * time.Second
	// announceTick is how often announcements are made while some wait, and maxAnnounced to how
	// many ports each time: to 2,000 a second.
	announceTick = 50 * time.Millisecond
	maxAnnounced = 100
	// maxOutputs is how many ports of a node one packet-out has.
	maxOutputs = 32
	// maxReleased is how many addresses are remembered that nobody has any more, and maxMoved
	// how many wait to be announced. The oldest released ones are forgotten; what moves while
	// so many wait is not announced.
	maxReleased = 1 << 16
	maxMoved    = 1 << 12
)

// Announcer tells ports that an address in their network has another MAC than it had, so that
// they do not send to the old one until their caches expire. It sends gratuitous ARP (RFC
// 5227, 3) or unsolicited neighbour advertisements (RFC 4861, 7.2.6) in the name of the port
// that has the address now. It remembers what it has seen since it was made: a restart of
// sdnd announces nothing.
type Announcer struct {
	mu       sync.Mutex // guards what follows
	released map[heldAddress]release
	order    []heldAddress // of released, oldest first; some may be gone, or released again
	releases uint64
	// first are addresses to be announced for the first time, again those for the second, both
	// in the order in which they moved.
	first, again []*moved
	wake         chan struct{}

	dropped *prometheus.CounterVec
}

// heldAddress is an address in a network.
type heldAddress struct {
	network string
	addr    netip.Addr
}

// release says which MAC an address had that was given up. Releases are numbered as they happen.
type release struct {
	mac    topology.MAC
	number uint64
}

// moved is an address that has another MAC, which a port has had since a revision.
type moved struct {
	heldAddress
	port  string
	mac   topology.MAC
	since topology.Revision
	// at is when it is announced again.
	at time.Time
	// sent is the number of ports that the announcement under way has been sent to.
	sent int
}

// NewAnnouncer returns an announcer that remembers nothing.
func NewAnnouncer() *Announcer {
	return &Announcer{released: map[heldAddress]release{}, wake: make(chan struct{}, 1), dropped: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "sdnd_announcements_dropped_total",
		Help: "Addresses that are not announced because of bounds, by reason: so many wait to be announced (waiting), or so many were released that the MAC which this one had is forgotten (forgotten).",
	}, []string{"reason"})}
}

// Dropped returns the counter of addresses that are not announced because of the bounds.
func (a *Announcer) Dropped() prometheus.Collector { return a.dropped }

// Changed takes the changes of a revision. It is quick.
func (a *Announcer) Changed(rev topology.Revision, changes []topology.Change) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, c := range changes {
		if p, ok := c.Before.(*topology.Port); ok && !keepsMACs(c) {
			a.release(p)
		}
	}
	waited := len(a.first)
	for _, c := range changes {
		if p, ok := c.After.(*topology.Port); ok && !keepsMACs(c) {
			a.take(p, rev)
		}
	}
	for len(a.order) > maxReleased {
		if r, ok := a.released[a.order[0]]; ok && r.number == a.releases-uint64(len(a.order)) {
			delete(a.released, a.order[0])
			a.dropped.WithLabelValues("forgotten").Inc()
		}
		a.order = a.order[1:]
	}
	if len(a.first) == waited {
		return
	}
	select {
	case a.wake <- struct{}{}:
	default:
	}
}

// keepsMACs reports whether a change leaves a port its addresses and their MACs.
func keepsMACs(c topology.Change) bool {
	was, _ := c.Before.(*topology.Port)
	is, _ := c.After.(*topology.Port)
	return was != nil && is != nil && was.Spec.Network == is.Spec.Network && maps.Equal(macsOf(was), macsOf(is))
}

// release remembers the addresses that a port gives up.
func (a *Announcer) release(p *topology.Port) {
	for addr, mac := range macsOf(p) {
		h := heldAddress{p.Spec.Network, addr}
		a.released[h] = release{mac, a.releases}
		a.order = append(a.order, h)
		a.releases++
	}
}

// take notes the addresses of a port that had another MAC.
func (a *Announcer) take(p *topology.Port, rev topology.Revision) {
	for addr, mac := range macsOf(p) {
		h := heldAddress{p.Spec.Network, addr}
		had, ok := a.released[h]
		delete(a.released, h)
		switch {
		case !ok || had.mac == mac:
		case len(a.first) >= maxMoved:
			a.dropped.WithLabelValues("waiting").Inc()
		default:
			a.first = append(a.first, &moved{heldAddress: h, port: p.Name, mac: mac, since: rev})
		}
	}
}

// macsOf returns the addresses of a port with their MACs. Ranges are left out: nobody knows
// which addresses of them are in use.
func macsOf(p *topology.Port) map[netip.Addr]topology.MAC {
	all := make(map[netip.Addr]topology.MAC, len(p.Addresses)+len(p.Spec.Addresses))
	for _, addr := range p.Addresses {
		all[addr] = p.MAC
	}
	for _, further := range p.Spec.Addresses {
		if r, ok := further.Range(); ok && r.IsSingleIP() {
			all[r.Addr()] = p.MAC
			if !further.MAC.IsZero() {
				all[r.Addr()] = further.MAC
			}
		}
	}
	return all
}

// Run announces until ctx ends, and returns nil then.
func (a *Announcer) Run(ctx context.Context, to packetin.Switches) error {
	t := time.NewTimer(0)
	defer t.Stop()
	last := time.Now()
	for {
		var tick <-chan time.Time
		if at, ok := a.next(last.Add(announceTick)); ok {
			t.Reset(time.Until(at))
			tick = t.C
		}
		select {
		case <-ctx.Done():
			return nil
		case <-a.wake:
		case last = <-tick:
			a.announce(to, last)
		}
	}
}

// next returns when the next announcement is made, at the earliest at a time; ok is false if
// none waits.
func (a *Announcer) next(earliest time.Time) (at time.Time, ok bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case len(a.first) > 0:
		return earliest, true
	case len(a.again) == 0:
		return at, false
	case a.again[0].at.After(earliest):
		return a.again[0].at, true
	}
	return earliest, true
}

// announce makes the announcements that are due, to so many ports at once as the rate allows.
func (a *Announcer) announce(to packetin.Switches, now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	v, room := to.View(), maxAnnounced
	for len(a.again) > 0 && !a.again[0].at.After(now) {
		if !a.again[0].tell(v, to, &room) {
			return
		}
		a.again = a.again[1:]
	}
	for len(a.first) > 0 && v.Topo.Revision() >= a.first[0].since {
		m := a.first[0]
		if !m.tell(v, to, &room) {
			return
		}
		a.first = a.first[1:]
		m.sent, m.at = 0, now.Add(announceAgain)
		a.again = append(a.again, m)
	}
}

// tell announces an address to the ports that have yet to get it, to at most room of them, which
// it lowers, and reports whether all have it now. An address that the port no longer has is
// not announced.
func (m *moved) tell(v *pipeline.View, to packetin.Switches, room *int) bool {
	p, ok := v.Topo.Port(m.port)
	if !ok || p.Spec.Network != m.network || macsOf(p)[m.addr] != m.mac {
		return true
	}
	frame := pipeline.Announcement(m.mac, m.addr)
	outputs := map[string]openflow.Actions{}
	send := func(node string) {
		to.PacketOut(node, openflow.NewPacketOut(frame, outputs[node])) // ports of a switch that is away ask when it is back
		delete(outputs, node)
	}
	seen := 0
	for neighbour := range neighboursOf(v, p, model.FamilyOf(m.addr)) {
		if seen++; seen <= m.sent {
			continue
		}
		if *room == 0 {
			break
		}
		*room--
		m.sent++
		at := v.Place(neighbour.Name)
		outputs[at.Node] = outputs[at.Node].Output(at.OFPort)
		if len(outputs[at.Node]) >= maxOutputs*len(openflow.Actions(nil).Output(at.OFPort)) {
			send(at.Node)
		}
	}
	for node := range outputs {
		send(node)
	}
	return m.sent >= seen
}

// neighboursOf iterates over the ports that may have an address of a port in their caches:
// those of its network that have an address of the family and an interface. In a segmented
// network they are on the port's node, since what is on other nodes is routed.
func neighboursOf(v *pipeline.View, p *topology.Port, f topology.Family) iter.Seq[*topology.Port] {
	return func(yield func(*topology.Port) bool) {
		n, ok := v.Topo.Network(p.Spec.Network)
		if !ok {
			return
		}
		ports := v.Topo.PortsOfNetwork(n.Name)
		if n.Spec.Mode == topology.Segmented {
			ports = v.Topo.PortsOfNetworkOnNode(n.Name, p.Spec.Node)
		}
		for o := range ports {
			if _, ok := o.Address(f); !ok || o.Name == p.Name || v.Place(o.Name).OFPort == 0 {
				continue
			}
			if !yield(o) {
				return
			}
		}
	}
}
