package reconcile

import (
	"cmp"
	"context"
	"maps"
	"math/rand/v2"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/sdnctl/sdnctl/controller/condition"
	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
)

// A node's switch counts what its ports send and may not. One counter tells that
// there was something; only then are those of the ports read. Of ports whose
// counter has grown, a few at a time are sampled, to find out who sends.
const (
	// sampleFor is how long samples stay on the switch: longer than the second in
	// which a host asks by ARP again.
	sampleFor = 1500 * time.Millisecond
	// sampleAgain is how long after one a port is not sampled again.
	sampleAgain = 10 * time.Second
	// maxSampled is how many ports are sampled at a time.
	maxSampled = 4
	// dropsPast is how long after the last dropped packet a port is said to drop.
	dropsPast = time.Minute
)

// dropped is what a port sent and may not have, as its switch counts it.
type dropped struct {
	place pipeline.Place
	// packets since the port is at the place; last is when they were last seen to
	// grow.
	packets uint64
	last    time.Time
	// sender is the one that was sampled last, if any.
	sender *sender
}

// sender is where a dropped packet came from, by its own account.
type sender struct {
	mac    topology.MAC
	ip     netip.Addr // invalid for what is neither IP nor ARP
	tagged bool
}

// drops is what is dropped of which port. Its zero value is ready.
type drops struct {
	mu     sync.Mutex
	byPort map[string]dropped
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
	if d.byPort == nil {
		d.byPort = map[string]dropped{}
	}
	d.byPort[port] = x
}

func (d *drops) forget(port string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.byPort, port)
}

// dropWatch is what a worker knows of its switch's counters.
type dropWatch struct {
	timer *time.Timer
	// total is what the counter of all ports was, and known whether it was read;
	// counts are those of ports.
	total, ipv6             uint64
	known                   bool
	counts                  map[openflow.PortNo]uint64
	totalCookie, ipv6Cookie openflow.Cookie
	// sampling are the ports whose samples are on the switch, and sampled when
	// ports were sampled last.
	sampling []openflow.PortNo
	sampled  map[openflow.PortNo]time.Time
	// dropping are the ports that are said to drop, and since when they do not.
	dropping map[openflow.PortNo]time.Time
}

func newDropWatch(every time.Duration) dropWatch {
	return dropWatch{
		// Spread, so that not all switches are asked at once.
		timer:       time.NewTimer(rand.N(every) + time.Millisecond),
		totalCookie: pipeline.DroppedCookie(), ipv6Cookie: pipeline.IPv6Cookie(),
		sampled: map[openflow.PortNo]time.Time{}, dropping: map[openflow.PortNo]time.Time{},
	}
}

// lookAtDrops reads what the switch has dropped, and tells of it.
func (w *worker) lookAtDrops(ctx context.Context) error {
	ctx, p := w.f.patience(ctx)
	defer p.end()
	defer func() {
		next := w.f.cfg.DropsEvery
		if len(w.drops.sampling) > 0 {
			next = sampleFor
		}
		w.drops.timer.Reset(next)
	}()
	now := w.f.cfg.Now()
	senders, err := w.takeSamples(ctx)
	if err != nil {
		return err
	}
	grown, err := w.readDrops(ctx)
	if err != nil {
		return err
	}
	told := dropsTold{peer: w.peer, senders: senders, packets: map[openflow.PortNo]uint64{}}
	for port, packets := range grown {
		told.packets[port] = packets
		w.drops.dropping[port] = now
	}
	for port, last := range w.drops.dropping {
		if now.Sub(last) > dropsPast {
			told.past = append(told.past, port)
			delete(w.drops.dropping, port)
		}
	}
	if len(told.packets)+len(told.past)+len(senders) > 0 {
		w.f.tell(told)
	}
	return w.sample(ctx, slices.Sorted(maps.Keys(grown)), now)
}

// readDrops returns the counters that have grown since they were last read; none
// at first, for it is not known when they did.
func (w *worker) readDrops(ctx context.Context) (map[openflow.PortNo]uint64, error) {
	d := &w.drops
	var total, ipv6 uint64
	err := w.sess.FlowsOfEach(ctx, func(yield func(openflow.FlowStatsRequest) bool) {
		q := openflow.AllFlows()
		q.Table, q.CookieMask = pipeline.TableClassify, ^uint64(0) // looked up, not searched for
		for _, q.Cookie = range []openflow.Cookie{d.totalCookie, d.ipv6Cookie} {
			if !yield(q) {
				return
			}
		}
	}, func(s *openflow.FlowStats) error {
		switch s.Cookie {
		case d.totalCookie:
			total = s.Packets
		case d.ipv6Cookie:
			ipv6 = s.Packets
		}
		return nil
	})
	if err == nil && d.known {
		w.f.metrics.dropped.WithLabelValues(w.node.name, "ipv6").Add(grownBy(d.ipv6, ipv6))
	}
	d.ipv6 = ipv6
	if err != nil || d.known && total == d.total && len(d.sampling) == 0 {
		return nil, err
	}
	ports := func(yield func(openflow.FlowStatsRequest) bool) {
		slicedTable(pipeline.TableDrop, max(len(d.counts), w.flows), slice, yield)
	}
	counts, grown := map[openflow.PortNo]uint64{}, map[openflow.PortNo]uint64{}
	err = w.sess.FlowsOfEach(ctx, ports, func(s *openflow.FlowStats) error {
		if s.Table != pipeline.TableDrop || len(counts) >= maxPorts {
			return nil
		}
		in := inPort(s.Match)
		if counts[in] = s.Packets; d.known && s.Packets != d.counts[in] && s.Packets > 0 {
			grown[in] = s.Packets
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	for in, n := range grown {
		w.f.metrics.dropped.WithLabelValues(w.node.name, "source").Add(grownBy(d.counts[in], n))
	}
	d.total, d.known, d.counts = total, true, counts
	return grown, nil
}

// grownBy is by how much a counter has grown, which begins anew when its flow does.
func grownBy(before, now uint64) float64 {
	if now < before {
		before = 0
	}
	return float64(now - before)
}

// inPort returns the port that a match names, 0 if it names none.
func inPort(m openflow.Match) openflow.PortNo {
	return (&openflow.PacketIn{Match: m}).InPort()
}

// sample begins to find out who sends, at a few of the ports.
func (w *worker) sample(ctx context.Context, ports []openflow.PortNo, now time.Time) error {
	d := &w.drops
	// Those that were not sampled for the longest time come first.
	slices.SortStableFunc(ports, func(a, b openflow.PortNo) int { return d.sampled[a].Compare(d.sampled[b]) })
	var mods []openflow.Message
	for _, in := range ports {
		if len(d.sampling) == maxSampled || now.Sub(d.sampled[in]) < sampleAgain {
			break
		}
		d.sampling = append(d.sampling, in)
		d.sampled[in] = now
		for _, f := range pipeline.Samples(in) {
			mods = append(mods, openflow.NewFlowMod(openflow.FlowAdd, f))
		}
	}
	for in, at := range d.sampled {
		if now.Sub(at) > dropsPast {
			delete(d.sampled, in)
		}
	}
	if len(mods) == 0 {
		return nil
	}
	return w.sess.Send(ctx, mods...)
}

// takeSamples returns who sent at the ports that were sampled, and takes the
// samples off the switch.
func (w *worker) takeSamples(ctx context.Context) (map[openflow.PortNo][]sender, error) {
	d := &w.drops
	if len(d.sampling) == 0 {
		return nil, nil
	}
	q := openflow.AllFlows()
	q.Table, q.Cookie, q.CookieMask = pipeline.TableSample, pipeline.SampleCookie(0), pipeline.SampleMask
	found := map[openflow.PortNo][]sender{}
	err := w.sess.Flows(ctx, q, func(s *openflow.FlowStats) error {
		in := openflow.PortNo(s.Cookie & 0xffff)
		if slices.Contains(d.sampling, in) && len(found[in]) < 2*maxSampled {
			found[in] = append(found[in], senderOf(s.Match))
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	d.sampling = nil
	gone := openflow.NewFlowMod(openflow.FlowDelete, openflow.Flow{Table: openflow.TableAll, Cookie: pipeline.SampleCookie(0)})
	gone.CookieMask = pipeline.SampleMask
	return found, w.sess.Send(ctx, gone)
}

// senderOf reads what a sample has learned.
func senderOf(m openflow.Match) (s sender) {
	for o := range m.All() {
		switch o.Field {
		case openflow.FieldEthSrc:
			copy(s.mac[:], o.Value)
		case openflow.FieldIPv4Src, openflow.FieldARPSpa:
			s.ip, _ = netip.AddrFromSlice(o.Value)
		case openflow.FieldVLANVID:
			s.tagged = len(o.Value) == 2 && o.Value[0]|o.Value[1] != 0
		}
	}
	return s
}

// dropsTold: a switch has dropped what ports may not send.
type dropsTold struct {
	peer *peer
	// packets are the counters that have grown, senders who was found to send, and
	// past the ports that have sent nothing of the kind for a while.
	packets map[openflow.PortNo]uint64
	senders map[openflow.PortNo][]sender
	past    []openflow.PortNo
}

func (e dropsTold) happen(d *dispatcher) {
	n := d.nodeOf(e.peer.dpid)
	if n == nil || n.peer != e.peer {
		return
	}
	concerned := map[openflow.PortNo]bool{}
	for in := range e.packets {
		concerned[in] = true
	}
	for in := range e.senders {
		concerned[in] = true
	}
	for _, in := range e.past {
		concerned[in] = true
	}
	for p := range d.view.PortsOn(n.name) {
		place := d.view.Place(p.Name)
		if place.Node != n.name || !concerned[place.OFPort] {
			continue
		}
		e.tell(d, p, place)
		d.assessPort(p.Name)
	}
}

// tell notes what the switch told of one port.
func (e dropsTold) tell(d *dispatcher, p *topology.Port, place pipeline.Place) {
	if slices.Contains(e.past, place.OFPort) {
		d.f.drops.forget(p.Name)
		return
	}
	x, ok := d.f.drops.get(p.Name, place)
	if !ok {
		x = dropped{place: place}
	}
	if n, ok := e.packets[place.OFPort]; ok {
		x.packets, x.last = n, d.f.cfg.Now()
	}
	if s := worst(e.senders[place.OFPort], p); s != nil {
		if x.sender == nil || *x.sender != *s {
			d.f.log.Warn("port sends from another address than its own", "port", p.Name, "node", place.Node,
				"mac", s.mac.String(), "ip", s.ip.String(), "expected_mac", p.MAC.String(), "expected_ip", p.IP.String())
		}
		x.sender = s
	}
	d.f.drops.set(p.Name, x)
}

// worst returns the sender that tells most: one that is neither the port's nor
// without an address yet, as of a host that asks for one by DHCP.
func worst(all []sender, p *topology.Port) *sender {
	rank := func(s sender) int {
		switch {
		case s.mac != p.MAC && s.ip.IsValid():
			return 0
		case s.mac != p.MAC:
			return 1
		case s.ip.IsValid() && !s.ip.IsUnspecified() && s.ip != p.IP:
			return 2
		case s.tagged:
			return 3
		}
		return 4
	}
	if len(all) == 0 {
		return nil
	}
	s := slices.MinFunc(all, func(a, b sender) int { return cmp.Compare(rank(a), rank(b)) })
	if rank(s) == 4 {
		return nil
	}
	return &s
}

// droppedFacts returns what is known of packets of a port that were dropped.
func (f *Fabric) droppedFacts(p *topology.Port, at pipeline.Place) *condition.Dropped {
	x, ok := f.drops.get(p.Name, at)
	if !ok {
		return nil
	}
	facts := &condition.Dropped{Packets: x.packets}
	if x.sender == nil {
		return facts
	}
	if mac := x.sender.mac; mac != p.MAC {
		facts.MAC, facts.WantMAC = mac.String(), p.MAC.String()
	}
	if ip := x.sender.ip; ip.IsValid() && !ip.IsUnspecified() && ip != p.IP {
		facts.IP, facts.WantIP = ip.String(), p.IP.String()
	}
	facts.Tagged = x.sender.tagged
	return facts
}
