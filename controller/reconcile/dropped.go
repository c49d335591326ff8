package reconcile

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/sdnctl/sdnctl/controller/condition"
	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/controller/worker"
	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
)

// dropsPast is how long after its last dropped packet a port has a condition for
// that.
const dropsPast = time.Minute

// dropped is what a port sent and may not have, as its switch counts it.
type dropped struct {
	place pipeline.Place
	// packets since the port is at the place; last is when they were last seen to
	// grow.
	packets uint64
	last    time.Time
	// sender is the one that was sampled last, if any.
	sender *worker.Sender
}

// drops is what was dropped of which port since it is where it is.
type drops struct {
	mu     sync.Mutex
	byPort map[string]dropped
	// recent are the ports of which something was dropped a moment ago.
	recent map[string]struct{}
}

func (d *drops) get(port string, at pipeline.Place) (dropped, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	x, ok := d.byPort[port]
	return x, ok && x.place == at
}

func (d *drops) set(port string, x dropped) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.byPort[port] = x
	d.recent[port] = struct{}{}
}

// forget is for a port that came, went or moved.
func (d *drops) forget(port string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.byPort, port)
	delete(d.recent, port)
}

// past returns the ports of which nothing was dropped for a while, each once.
func (d *drops) past(now time.Time) (ports []string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for port := range d.recent {
		if !d.byPort[port].recent(now) {
			ports = append(ports, port)
			delete(d.recent, port)
		}
	}
	slices.Sort(ports)
	return ports
}

// sum counts the ports that sent from elsewhere a moment ago, and the packets of
// theirs that were dropped.
func (d *drops) sum(now time.Time) (ports int, packets uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for port := range d.recent {
		if x := d.byPort[port]; x.sender != nil && x.recent(now) {
			ports++
			packets += x.packets
		}
	}
	return ports, packets
}

// recent reports whether something was dropped a moment ago.
func (x dropped) recent(now time.Time) bool { return now.Sub(x.last) <= dropsPast }

// dropsRead: a switch has dropped what ports may not send.
type dropsRead struct {
	peer *peer
	worker.Dropped
}

func (e dropsRead) happen(d *dispatcher) {
	n := d.nodeOf(e.peer.dpid)
	if n == nil || n.peer != e.peer {
		return
	}
	concerned := map[openflow.PortNo]bool{}
	for in := range e.Packets {
		concerned[in] = true
	}
	for in := range e.Senders {
		concerned[in] = true
	}
	for p := range d.view.PortsOn(n.name) {
		place := d.view.Place(p.Name)
		if place.Node != n.name || !concerned[place.OFPort] {
			continue
		}
		e.keep(d, p, place)
		d.assessPort(p.Name)
	}
}

// keep notes what the switch says of one port.
func (e dropsRead) keep(d *dispatcher, p *topology.Port, place pipeline.Place) {
	x, ok := d.f.drops.get(p.Name, place)
	if !ok {
		x = dropped{place: place}
	}
	if n, ok := e.Packets[place.OFPort]; ok {
		x.packets, x.last = n, d.f.cfg.Now()
	}
	if s := worst(e.Senders[place.OFPort], p); s != nil {
		if x.sender == nil || *x.sender != *s {
			d.f.log.Warn("port sends from another address than its own", "port", p.Name, "node", place.Node,
				"mac", s.MAC.String(), "ip", s.IP.String(), "expected_mac", p.MAC.String(), "expected_ip", expected(p, s.IP))
		}
		x.sender = s
	}
	d.f.drops.set(p.Name, x)
}

// worst returns the sender that is most informative: one that is neither the port's nor
// without an address yet, as of a host that asks for one by DHCP.
func worst(all []worker.Sender, p *topology.Port) *worker.Sender {
	rank := func(s worker.Sender) int {
		switch {
		case !p.HasMAC(s.MAC) && s.IP.IsValid():
			return 0
		case !p.HasMAC(s.MAC):
			return 1
		case s.IP.IsValid() && !s.IP.IsUnspecified() && !p.Has(s.IP):
			return 2
		case s.Tagged:
			return 3
		}
		return 4
	}
	if len(all) == 0 {
		return nil
	}
	s := slices.MinFunc(all, func(a, b worker.Sender) int { return cmp.Compare(rank(a), rank(b)) })
	if rank(s) == 4 {
		return nil
	}
	return &s
}

// expected returns the addresses that a port may send from in place of another: those
// of its family or, if it has none of it, all.
func expected(p *topology.Port, instead netip.Addr) string {
	var of, all []string
	for _, a := range p.Addresses {
		all = append(all, a.String())
		if a.BitLen() == instead.BitLen() {
			of = append(of, a.String())
		}
	}
	if len(of) > 0 {
		all = of
	}
	return strings.Join(all, ", ")
}

// droppedFacts returns what is known of packets of a port that were dropped, nil if
// none were, and whether that was a moment ago.
func (f *Fabric) droppedFacts(p *topology.Port, at pipeline.Place) (facts *condition.Dropped, recent bool) {
	x, ok := f.drops.get(p.Name, at)
	if !ok {
		return nil, false
	}
	facts = &condition.Dropped{Packets: x.packets, Last: x.last}
	if x.sender == nil {
		return facts, false
	}
	if mac := x.sender.MAC; !p.HasMAC(mac) {
		facts.MAC, facts.WantMAC = mac.String(), p.MAC.String()
	}
	if ip := x.sender.IP; ip.IsValid() && !ip.IsUnspecified() && !p.Has(ip) {
		facts.IP, facts.WantIP = ip.String(), expected(p, ip)
	}
	facts.Tagged = x.sender.Tagged
	return facts, x.recent(f.cfg.Now())
}
