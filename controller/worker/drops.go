package worker

import (
	"context"
	"maps"
	"math/rand/v2"
	"net/netip"
	"slices"
	"time"

	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
)

// A node's switch counts the packets that its ports may not send. One counter covers all ports.
// The counters of single ports are read only when it has grown. Then some of the ports whose
// counters have grown are sampled, to find the source addresses.
const (
	// sampleFor is how long samples stay on the switch: longer than the second after which a
	// host repeats an ARP request.
	sampleFor = 1500 * time.Millisecond
	// sampleAgain is the shortest time between two samples of a port.
	sampleAgain = 10 * time.Second
	// maxSampled is the largest number of ports that are sampled at the same time.
	maxSampled = 4
)

// Dropped counts the packets that a switch has dropped because its ports may not send them.
type Dropped struct {
	// Packets has the values of the counters that have grown since they were last read.
	Packets map[openflow.PortNo]uint64
	// Senders has the senders that were found at the sampled ports.
	Senders map[openflow.PortNo][]Sender
	// NoSourcePort counts the packets, since they were last read, that began connections to
	// outside for which no source port was free: by the number of their router, or 0 if it was
	// the node that had none.
	NoSourcePort map[uint32]uint64
	// Flooded counts the packets, since they were last read, that ports sent to all of their network
	// beyond its limit.
	Flooded map[openflow.PortNo]uint64
}

// Sender is the source of a dropped packet, as the packet's headers give it.
type Sender struct {
	MAC    topology.MAC
	IP     netip.Addr // invalid for a packet that is neither IP nor ARP
	Tagged bool       // it had a VLAN tag
}

// MaxPorts is the largest number of ports that a switch may have. Open vSwitch has at most
// 65280.
const MaxPorts = 1 << 16

// dropWatch is a worker's state of the drop counters of its switch.
type dropWatch struct {
	timer *time.Timer
	// total and ipv6 are the last values of the counters of all ports, valid if known is
	// set; counts are the last values of the counters of single ports.
	total, ipv6 uint64
	known       bool
	counts      map[openflow.PortNo]uint64
	// The cookies of the flows that count the packets; total includes foreignCookie's.
	totalCookie, foreignCookie, ipv6Cookie openflow.Cookie
	// sampling are the ports whose samples are on the switch; sampled is when each port was
	// last sampled.
	sampling []openflow.PortNo
	sampled  map[openflow.PortNo]time.Time
	// unread is the number of further readings that include the counters of single ports even
	// if the counter of all ports has not grown; see checkDrops.
	unread int
	// noSourcePort are the last values of the counters of packets for which no source port was
	// free; nil until they are read.
	noSourcePort map[openflow.Cookie]uint64
	// flood is what is known of packets that ports sent to all of their network.
	flood floodWatch
}

func newDropWatch(every time.Duration) dropWatch {
	return dropWatch{
		// Random, so that not all switches are asked at once.
		timer:       time.NewTimer(rand.N(every) + time.Millisecond),
		totalCookie: pipeline.DroppedCookie(), foreignCookie: pipeline.ForeignCookie(), ipv6Cookie: pipeline.IPv6Cookie(),
		sampled: map[openflow.PortNo]time.Time{},
	}
}

// checkDrops reads the counters of drops, and reports those that have grown.
func (w *Worker) checkDrops(ctx context.Context) error {
	ctx, p := w.pool.awaitAnswer(ctx)
	defer p.end()
	defer func() {
		next := w.pool.cfg.DropsEvery
		if len(w.drops.sampling) > 0 {
			next = sampleFor
		}
		w.drops.timer.Reset(next)
	}()
	now := w.pool.cfg.Now()
	if len(w.drops.sampling) > 0 {
		// Sampled packets bypass the counter of all ports, and Open vSwitch updates the
		// counters of flows with a delay of up to a second. So the next reading must include
		// the single ports, too.
		w.drops.unread = 2
	}
	senders, err := w.takeSamples(ctx)
	if err != nil {
		return err
	}
	grown, err := w.readDrops(ctx)
	if err != nil {
		return err
	}
	noSourcePort, err := w.readNoSourcePort(ctx)
	if err != nil {
		return err
	}
	flooded, err := w.readFlood(ctx)
	if err != nil {
		return err
	}
	if len(grown)+len(senders)+len(noSourcePort)+len(flooded) > 0 {
		w.reports.Dropped(w.node, Dropped{Packets: grown, Senders: senders, NoSourcePort: noSourcePort, Flooded: flooded})
	}
	return w.sample(ctx, slices.Sorted(maps.Keys(grown)), now)
}

// readDrops returns the counters that have grown since they were last read. The first time it
// returns none, because it is unknown when they grew.
func (w *Worker) readDrops(ctx context.Context) (map[openflow.PortNo]uint64, error) {
	d := &w.drops
	var total, ipv6 uint64
	err := w.sess.FlowsOfEach(ctx, func(yield func(openflow.FlowStatsRequest) bool) {
		q := openflow.AllFlows()
		q.Table, q.CookieMask = pipeline.TableClassify, ^uint64(0) // a lookup instead of a search
		for _, q.Cookie = range []openflow.Cookie{d.totalCookie, d.ipv6Cookie} {
			if !yield(q) {
				return
			}
		}
		q.Table, q.Cookie = pipeline.TableForeign, d.foreignCookie
		yield(q)
	}, func(s *openflow.FlowStats) error {
		switch s.Cookie {
		case d.totalCookie, d.foreignCookie:
			total += s.Packets
		case d.ipv6Cookie:
			ipv6 = s.Packets
		}
		return nil
	})
	if err == nil && d.known {
		w.pool.metrics.dropped.WithLabelValues(w.node, "ipv6").Add(grownBy(d.ipv6, ipv6))
	}
	d.ipv6 = ipv6
	if err != nil || d.known && total == d.total && d.unread == 0 {
		return nil, err
	}
	ports := func(yield func(openflow.FlowStatsRequest) bool) {
		slicedTable(pipeline.TableDrop, max(len(d.counts), w.items.Flows()), slice, yield)
	}
	counts, grown := map[openflow.PortNo]uint64{}, map[openflow.PortNo]uint64{}
	err = w.sess.FlowsOfEach(ctx, ports, func(s *openflow.FlowStats) error {
		if s.Table != pipeline.TableDrop || len(counts) >= MaxPorts {
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
		w.pool.metrics.dropped.WithLabelValues(w.node, "source").Add(grownBy(d.counts[in], n))
	}
	d.total, d.known, d.counts, d.unread = total, true, counts, max(0, d.unread-1)
	return grown, nil
}

// grownBy returns the increase of a counter, which starts at 0 again when its flow is installed
// again.
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

// sample installs samples for some of the ports.
func (w *Worker) sample(ctx context.Context, ports []openflow.PortNo, now time.Time) error {
	d := &w.drops
	// The ports that were sampled longest ago come first.
	slices.SortStableFunc(ports, func(a, b openflow.PortNo) int { return d.sampled[a].Compare(d.sampled[b]) })
	var mods []openflow.Message
	ipv6 := w.portsWithIPv6()
	for _, in := range ports {
		if len(d.sampling) == maxSampled || now.Sub(d.sampled[in]) < sampleAgain {
			break
		}
		d.sampling = append(d.sampling, in)
		d.sampled[in] = now
		for _, f := range pipeline.Samples(in, ipv6[in]) {
			mods = append(mods, openflow.NewFlowMod(openflow.FlowAdd, f))
		}
	}
	for in, at := range d.sampled {
		if now.Sub(at) > sampleAgain {
			delete(d.sampled, in)
		}
	}
	if len(mods) == 0 {
		return nil
	}
	return w.sess.Send(ctx, mods...)
}

// portsWithIPv6 returns the ports of the switch that may send IPv6 from any address.
func (w *Worker) portsWithIPv6() map[openflow.PortNo]bool {
	if w.view == nil || !w.view.CarriesIPv6(w.node) {
		return nil
	}
	ports := map[openflow.PortNo]bool{}
	for p := range w.view.PortsOn(w.node) {
		if _, ok := p.Address(topology.IPv6); ok {
			ports[w.view.Place(p.Name).OFPort] = true
		}
	}
	return ports
}

// takeSamples returns the senders at the ports that were sampled, and removes the samples
// from the switch.
func (w *Worker) takeSamples(ctx context.Context) (map[openflow.PortNo][]Sender, error) {
	d := &w.drops
	if len(d.sampling) == 0 {
		return nil, nil
	}
	q := openflow.AllFlows()
	q.Table, q.Cookie, q.CookieMask = pipeline.TableSample, pipeline.SampleCookie(0), pipeline.SampleMask
	found := map[openflow.PortNo][]Sender{}
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
func senderOf(m openflow.Match) (s Sender) {
	for o := range m.All() {
		switch o.Field {
		case openflow.FieldEthSrc:
			copy(s.MAC[:], o.Value)
		case openflow.FieldIPv4Src, openflow.FieldARPSpa, openflow.FieldIPv6Src:
			s.IP, _ = netip.AddrFromSlice(o.Value)
		case openflow.FieldVLANVID:
			s.Tagged = len(o.Value) == 2 && o.Value[0]|o.Value[1] != 0
		}
	}
	return s
}
