package answer

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/sdnctl/sdnctl/controller/packetin"
	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// When tunnels are probed.
const (
	tunnelTick = 100 * time.Millisecond
	// tunnelEvery is how often a node probes one of its peers, in turn. maxTunnelProbes is how
	// many pairs are begun in a tick: with more than 200 nodes each one probes less often.
	tunnelEvery     = 2 * time.Second
	maxTunnelProbes = 10
	// A probe without an answer is sent again after tunnelPatience, up to tunnelTries times. A pair is
	// taken for failing after tunnelRounds such failures in a row, tunnelAgain apart.
	tunnelPatience = time.Second
	tunnelTries    = 3
	tunnelRounds   = 2
	tunnelAgain    = 3 * time.Second
	// maxTunnelSuspects is of how many pairs it is remembered that they fail.
	maxTunnelSuspects = 1024
)

// Layout of a probe's payload: tunnelMagic, and the number by which it is recognised. The rest is
// zeros.
const (
	tunnelMagic   = "sdnp"
	tunnelMinimum = 46 // the least that a frame of Ethernet carries (IEEE 802.3, 3.2.7)
)

// TunnelProber finds out whether packets pass the tunnels between nodes that have ports of the
// same networks: small ones, and such as the largest that ports may send. It has the switch of one
// node send probes, which that of the other one sends to sdnd.
type TunnelProber struct {
	mu sync.Mutex
	// waiting has the probes under way by their numbers.
	waiting map[uint64]*tunnelProbe

	// All below belongs to Run.
	nodes    map[string]*tunnelNode
	order    []string // the nodes, by name
	turn     int      // index of the node that is looked at next
	running  map[pipeline.TunnelPath]*tunnelProbe
	suspects map[pipeline.TunnelPath]*tunnelSuspect
	changed  bool
}

// tunnelNode is a node with its last peer, and when it probes the next one.
type tunnelNode struct {
	last string
	next time.Time
}

// tunnelProbe is two packets under way, a small one and a large one.
type tunnelProbe struct {
	of      pipeline.TunnelPath
	network string
	size    int // of the large one: the MTU of the network
	number  uint64
	sent    time.Time
	tries   int
	// small and large say which has arrived; the prober's mutex guards them.
	small, large bool
}

// tunnelSuspect is a tunnel that failed when it was last probed.
type tunnelSuspect struct {
	rounds   int
	next     time.Time
	found    pipeline.TunnelFault
	reported bool
}

// NewTunnelProber returns a prober that knows of no tunnel.
func NewTunnelProber() *TunnelProber {
	return &TunnelProber{
		waiting: map[uint64]*tunnelProbe{}, nodes: map[string]*tunnelNode{},
		running: map[pipeline.TunnelPath]*tunnelProbe{}, suspects: map[pipeline.TunnelPath]*tunnelSuspect{},
	}
}

// Cause brings what arrives to the prober.
func (p *TunnelProber) Cause() packetin.Cause {
	return packetin.Cause{
		Name: "tunnel-probe", Table: pipeline.TableTunnelProbe, Answer: p.arrived, Deadline: tunnelPatience,
		PerPort: packetin.Budget{Packets: 128, Bytes: 32 << 10}, Total: packetin.Budget{Packets: 8192, Bytes: 2 << 20},
	}
}

// Run probes until ctx ends, and returns nil then. It asks settled whether a node's switch is
// connected and has all its flows, and calls report with all tunnels that fail whenever these differ.
func (p *TunnelProber) Run(ctx context.Context, to packetin.Switches, settled func(node string) bool, report func(map[pipeline.TunnelPath]pipeline.TunnelFault)) error {
	t := time.NewTicker(tunnelTick)
	defer t.Stop()
	var seen *topology.Snapshot
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-t.C:
		}
		now, v := time.Now(), to.View()
		if v.Topo != seen {
			seen = v.Topo
			p.declare(v)
		}
		p.settle(v, to, settled, now)
		p.begin(v, to, settled, now)
		if p.changed {
			p.changed = false
			report(p.failing())
		}
	}
}

// declare takes over the nodes of a topology.
func (p *TunnelProber) declare(v *pipeline.View) {
	had := p.nodes
	p.nodes, p.order = make(map[string]*tunnelNode, len(had)), p.order[:0]
	for n := range v.Topo.Nodes() {
		p.order = append(p.order, n.Name)
		if p.nodes[n.Name] = had[n.Name]; p.nodes[n.Name] == nil {
			p.nodes[n.Name] = &tunnelNode{last: n.Name} // so that not all begin with the same peer
		}
	}
}

// settle ends the probes that have arrived or whose time is over, and sends others again.
func (p *TunnelProber) settle(v *pipeline.View, to packetin.Switches, settled func(string) bool, now time.Time) {
	for of, r := range p.running {
		p.mu.Lock()
		small, large := r.small, r.large
		p.mu.Unlock()
		switch {
		case small && large:
		case now.Sub(r.sent) < tunnelPatience:
			continue
		case !settled(of.From) || !settled(of.To):
			p.end(r)
			continue
		case r.tries < tunnelTries:
			if !p.send(v, to, r, now) {
				p.end(r)
			}
			continue
		}
		p.end(r)
		p.found(r, small, large, now)
	}
}

// end forgets a probe.
func (p *TunnelProber) end(r *tunnelProbe) {
	delete(p.running, r.of)
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.waiting, r.number)
}

// found counts the result of a probe.
func (p *TunnelProber) found(r *tunnelProbe, small, large bool, now time.Time) {
	s := p.suspects[r.of]
	if small && large {
		p.clear(r.of)
		return
	}
	if s == nil {
		if len(p.suspects) >= maxTunnelSuspects {
			return
		}
		s = &tunnelSuspect{}
		p.suspects[r.of] = s
	}
	is := pipeline.TunnelFault{Network: r.network}
	if small {
		is.Size = r.size
	}
	s.rounds++
	s.next = now.Add(tunnelAgain)
	if s.rounds >= tunnelRounds && (!s.reported || s.found != is) {
		s.reported, s.found, p.changed = true, is, true
	}
}

// clear forgets that a tunnel failed.
func (p *TunnelProber) clear(of pipeline.TunnelPath) {
	if s := p.suspects[of]; s != nil {
		delete(p.suspects, of)
		p.changed = p.changed || s.reported
	}
}

// begin begins the probes that are due: those of tunnels that failed, and then of nodes in turn.
func (p *TunnelProber) begin(v *pipeline.View, to packetin.Switches, settled func(string) bool, now time.Time) {
	left := maxTunnelProbes
	for of, s := range p.suspects {
		if now.Before(s.next) || p.running[of] != nil {
			continue
		}
		if !v.Peers(of.From, of.To) || !settled(of.From) || !settled(of.To) {
			p.clear(of) // there is nothing to pass; what is wrong with a node is said of it
			continue
		}
		if left > maxTunnelProbes/2 { // the others are for tunnels of which nothing is known
			left--
			p.start(v, to, of, s.found.Network, now)
		}
	}
	for range p.order {
		if left == 0 {
			return
		}
		p.turn = (p.turn + 1) % len(p.order)
		name := p.order[p.turn]
		n := p.nodes[name]
		if now.Before(n.next) || !settled(name) {
			continue
		}
		n.next = now.Add(tunnelEvery)
		peer, network := v.NextPeer(name, n.last)
		if peer == "" && n.last != "" { // from the first one again
			peer, network = v.NextPeer(name, "")
		}
		n.last = peer
		if of := (pipeline.TunnelPath{From: name, To: peer}); peer != "" && p.running[of] == nil && p.suspects[of] == nil && settled(peer) {
			left--
			p.start(v, to, of, network, now)
		}
	}
}

// start sends a first probe of a tunnel.
func (p *TunnelProber) start(v *pipeline.View, to packetin.Switches, of pipeline.TunnelPath, network string, now time.Time) {
	n, ok := v.Topo.Network(network)
	if !ok {
		_, network = v.NextPeer(of.From, "")
		if n, ok = v.Topo.Network(network); !ok {
			return
		}
	}
	r := &tunnelProbe{of: of, network: network, size: n.Spec.PortMTU(), number: rand.Uint64()}
	p.mu.Lock()
	p.waiting[r.number] = r
	p.mu.Unlock()
	p.running[of] = r
	if !p.send(v, to, r, now) {
		p.end(r)
	}
}

// send has a node's switch send the packets of a probe. It reports whether the switch takes them; a
// switch that is away, or has no tunnel, says nothing about the way.
func (p *TunnelProber) send(v *pipeline.View, to packetin.Switches, r *tunnelProbe, now time.Time) bool {
	from, ok := v.Topo.Node(r.of.From)
	peer, known := v.Topo.Node(r.of.To)
	tun := v.Tunnel(r.of.From)
	if !ok || !known || tun == 0 || v.Tunnel(r.of.To) == 0 || model.FamilyOf(from.Spec.TunnelIP) != model.FamilyOf(peer.Spec.TunnelIP) {
		return false
	}
	r.sent, r.tries = now, r.tries+1
	for _, size := range []int{tunnelMinimum, r.size} {
		if !to.PacketOut(r.of.From, openflow.NewPacketOut(tunnelFrame(r.number, size), pipeline.ToTunnel(tun, peer.Spec.TunnelIP))) {
			return false
		}
	}
	return true
}

// tunnelFrame returns a frame of Ethernet with a payload of a size.
func tunnelFrame(number uint64, size int) []byte {
	mac := model.TunnelProbeMAC()
	b := make([]byte, 14+size)
	copy(b, mac[:])
	copy(b[6:], mac[:])
	binary.BigEndian.PutUint16(b[12:], pipeline.TunnelProbeType)
	copy(b[14:], tunnelMagic)
	binary.BigEndian.PutUint64(b[18:], number)
	binary.BigEndian.PutUint16(b[26:], uint16(size))
	return b
}

// readTunnelFrame returns the number and the size of a probe.
func readTunnelFrame(b []byte) (number uint64, size int, ok bool) {
	if len(b) < 28 || binary.BigEndian.Uint16(b[12:]) != pipeline.TunnelProbeType || !bytes.HasPrefix(b[14:], []byte(tunnelMagic)) {
		return 0, 0, false
	}
	return binary.BigEndian.Uint64(b[18:]), int(binary.BigEndian.Uint16(b[26:])), true
}

// arrived takes a probe that has arrived.
func (p *TunnelProber) arrived(_ *pipeline.View, at packetin.Port, m *openflow.PacketIn) packetin.Reply {
	number, size, ok := readTunnelFrame(m.Data)
	if !ok {
		return packetin.Reply{What: "is no probe of a tunnel"}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	r := p.waiting[number]
	if r == nil || r.of.To != at.Node {
		return packetin.Reply{What: "is no probe that is awaited"}
	}
	r.small = r.small || size == tunnelMinimum
	r.large = r.large || size == r.size
	return packetin.Reply{What: fmt.Sprintf("%d bytes have come from %s to %s", size, r.of.From, r.of.To)}
}

// failing returns the tunnels that fail.
func (p *TunnelProber) failing() map[pipeline.TunnelPath]pipeline.TunnelFault {
	all := map[pipeline.TunnelPath]pipeline.TunnelFault{}
	for of, s := range p.suspects {
		if s.reported {
			all[of] = s.found
		}
	}
	return all
}
