// Package drops records which packets switches have dropped because a port may not send them:
// how many, when, and from which address. Conditions of ports are derived from it.
package drops

import (
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/sdnctl/sdnctl/controller/condition"
	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/controller/worker"
	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
)

// Recent is how long after its last dropped packet a port has a condition for that.
const Recent = time.Minute

// Table records the dropped packets of each port since the port is where it is. Make it with
// New. It is safe for concurrent use.
type Table struct {
	now func() time.Time
	log *slog.Logger

	mu     sync.Mutex
	byPort map[string]dropped
	// recent are the ports whose packets were dropped within Recent.
	recent map[string]struct{}
	// noSourcePort has by node, and number of a router or 0, the packets for which no source
	// port was free.
	noSourcePort map[string]map[uint32]noSourcePort
	// flooded are the ports that sent more to all of their network within Recent than it allows.
	flooded map[string]flooded
}

// dropped counts the packets that a port sent and may not send, as its switch reports them.
type dropped struct {
	place pipeline.Place
	// packets is their number since the port is at the place; last is when it was last seen to
	// grow.
	packets uint64
	last    time.Time
	// sender is the sender that was sampled last, nil if none was.
	sender *worker.Sender
}

// New returns an empty Table. It reads the time from now, and logs ports that begin to send
// from an address that is not theirs.
func New(now func() time.Time, log *slog.Logger) *Table {
	return &Table{now: now, log: log, byPort: map[string]dropped{}, recent: map[string]struct{}{}, noSourcePort: map[string]map[uint32]noSourcePort{}, flooded: map[string]flooded{}}
}

// Report records what the switch of a node has dropped, and returns the ports concerned.
func (t *Table) Report(v *pipeline.View, node string, r worker.Dropped) (ports []string) {
	t.keepNoSourcePort(node, r.NoSourcePort)
	concerned := map[openflow.PortNo]bool{}
	for in := range r.Packets {
		concerned[in] = true
	}
	for in := range r.Senders {
		concerned[in] = true
	}
	for p := range v.PortsOn(node) {
		place := v.Place(p.Name)
		if place.Node != node {
			continue
		}
		if concerned[place.OFPort] {
			t.keep(p, place, r)
		}
		if n := r.Flooded[place.OFPort]; n > 0 {
			t.keepFlooded(p, place, n)
		}
		if concerned[place.OFPort] || r.Flooded[place.OFPort] > 0 {
			ports = append(ports, p.Name)
		}
	}
	return ports
}

// keep records what the switch reports of one port.
func (t *Table) keep(p *topology.Port, at pipeline.Place, r worker.Dropped) {
	t.mu.Lock()
	defer t.mu.Unlock()
	x := t.byPort[p.Name]
	if x.place != at {
		x = dropped{place: at}
	}
	if n, ok := r.Packets[at.OFPort]; ok {
		x.packets, x.last = n, t.now()
	}
	if s := worst(r.Senders[at.OFPort], p); s != nil {
		if x.sender == nil || *x.sender != *s {
			t.log.Warn("port sends from another address than its own", "port", p.Name, "node", at.Node,
				"mac", s.MAC.String(), "ip", s.IP.String(), "expected_mac", p.MAC.String(), "expected_ip", expected(p, s.IP))
		}
		x.sender = s
	}
	t.byPort[p.Name] = x
	t.recent[p.Name] = struct{}{}
}

// Forget discards the record of a port that was bound, unbound or moved.
func (t *Table) Forget(port string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.byPort, port)
	delete(t.recent, port)
	delete(t.flooded, port)
}

// Past returns the ports and nodes whose last dropped packet is older than Recent, each once.
func (t *Table) Past() (ports, nodes []string) {
	now := t.now()
	t.mu.Lock()
	defer t.mu.Unlock()
	for port := range t.recent {
		if !t.byPort[port].isRecent(now) {
			ports = append(ports, port)
			delete(t.recent, port)
		}
	}
	ports = append(ports, t.pastFlooded(now)...)
	slices.Sort(ports)
	return slices.Compact(ports), t.pastNoSourcePort(now)
}

// Sum returns the number of ports that sent from another address within Recent, and how many
// packets of theirs were dropped.
func (t *Table) Sum() (ports int, packets uint64) {
	now := t.now()
	t.mu.Lock()
	defer t.mu.Unlock()
	for port := range t.recent {
		if x := t.byPort[port]; x.sender != nil && x.isRecent(now) {
			ports++
			packets += x.packets
		}
	}
	return ports, packets
}

// Of returns the record of a port's dropped packets, nil if none were dropped since the port is
// at that place. recent reports whether the last one was within Recent.
func (t *Table) Of(p *topology.Port, at pipeline.Place) (facts *condition.Dropped, recent bool) {
	t.mu.Lock()
	x, ok := t.byPort[p.Name]
	t.mu.Unlock()
	if !ok || x.place != at {
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
	return facts, x.isRecent(t.now())
}

// isRecent reports whether something was dropped within Recent.
func (x dropped) isRecent(now time.Time) bool { return now.Sub(x.last) <= Recent }
