package bench

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"net/netip"
	"time"

	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/integration/lab"
	"github.com/sdnctl/sdnctl/topology/model"
)

const dataSection = "The data path of real Open vSwitch (userspace), beside a bridge with NORMAL only"

// flatBridge is the bridge with only the action NORMAL, which the nodes join by VXLAN.
const flatBridge = "br-flat"

// datapaths returns the benches of packets.
func datapaths() []Bench {
	return []Bench{{Name: "datapath", Section: dataSection, Limit: 4 * time.Minute, Run: datapath}}
}

// path is a pair of containers between which packets are measured.
type path struct {
	from, to *lab.Container
	flat     bool // whether it is on the bridge with NORMAL
	across   bool // whether the containers are on two nodes
	pings    *pinger

	warm, cold samples
	mbits      []float64
}

// dataBed has containers of ours and on the flat bridge, side by side on the
// same two nodes.
type dataBed struct {
	*daemonBed
	paths      []*path
	ours, flat []*lab.Container // of node1
	all        []*lab.Container // ours, of both nodes
}

func datapath(ctx context.Context, e *Env, r *Report) (err error) {
	d, err := newDaemonBed(ctx, e, 2)
	if err != nil {
		return err
	}
	b := &dataBed{daemonBed: d}
	defer func() { err = errors.Join(err, b.stop()) }()
	if err := b.build(ctx); err != nil {
		return err
	}
	defer b.closePings()
	for _, step := range []func() error{
		func() error { return b.lookups(ctx, e, r) },
		func() error { return b.roundTrips(ctx, e, r) },
		func() error { return b.firstPackets(ctx, e, r) },
		func() error { return b.throughput(ctx, e, r) },
		func() error { return b.megaflows(ctx, r) },
	} {
		// The parts are independent of each other: a failure becomes a line.
		if err := step(); err != nil {
			r.Add(Line{Name: "data path", Ours: None(err.Error())})
		}
	}
	return nil
}

// build makes the containers of both sides: on each, two pairs on node1 and two pairs across
// the nodes.
func (b *dataBed) build(ctx context.Context) error {
	var req api.ApplyRequest
	err := add(&req, "n", model.NetworkSpec{CIDR: netip.MustParsePrefix("10.64.0.0/24")})
	names := []string{"a1", "a2", "a3", "a4", "b1", "b2"}
	node := func(i int) int { return i / 4 } // of the i-th name
	for i, n := range names {
		err = errors.Join(err, add(&req, n, model.PortSpec{Network: "n", Node: b.Nodes[node(i)].Name}))
	}
	if err != nil {
		return err
	}
	if err := b.apply(ctx, req); err != nil {
		return err
	}
	if err := b.addFlatBridges(ctx); err != nil {
		return err
	}
	var ours, flat []*lab.Container
	for i, name := range names {
		c, err := b.plugContainer(ctx, name, b.Nodes[node(i)].Name, true)
		if err != nil {
			return err
		}
		ours = append(ours, c)
		f, err := b.plugFlat(ctx, i, b.Nodes[node(i)])
		if err != nil {
			return err
		}
		flat = append(flat, f)
	}
	b.all, b.ours, b.flat = ours, ours[:4], flat[:4]
	for _, pair := range [][2]int{{0, 1}, {2, 3}, {0, 4}, {1, 5}} {
		for i, side := range [][]*lab.Container{ours, flat} {
			p := &path{from: side[pair[0]], to: side[pair[1]], flat: i == 1, across: pair[1] > 3}
			if err := knowEachOther(ctx, p.from, p.to); err != nil {
				return err
			}
			if p.pings, err = newPinger(ctx, p.from, p.to.IP.Addr()); err != nil {
				return err
			}
			b.paths = append(b.paths, p)
			limit, cancel := context.WithTimeout(ctx, 5*time.Second)
			err := p.pings.first(limit)
			cancel()
			if err != nil {
				return fmt.Errorf("%s to %s: %w", p.from.Name, p.to.Name, err)
			}
		}
	}
	return nil
}

// addFlatBridges makes the bridges with NORMAL, and their tunnel.
func (b *dataBed) addFlatBridges(ctx context.Context) error {
	for i, n := range b.Nodes {
		peer := b.Nodes[1-i]
		if _, err := n.VSCtl(ctx, "add-br", flatBridge, "--", "set", "bridge", flatBridge, "datapath_type=netdev",
			"--", "add-port", flatBridge, "vxlan-flat", "--", "set", "interface", "vxlan-flat",
			"type=vxlan", "options:remote_ip="+peer.Addr.String(), "options:key=7777"); err != nil {
			return err
		}
	}
	return nil
}

// plugFlat makes a container on the flat bridge.
func (b *dataBed) plugFlat(ctx context.Context, i int, n *lab.Node) (*lab.Container, error) {
	c, err := b.AddContainer(ctx, lab.Container{
		Name: fmt.Sprintf("f%d", i+1), Node: n.Name,
		IP: netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 99, 0, byte(i + 1)}), 24), MAC: fmt.Sprintf("02:00:00:00:ff:%02x", i+1),
	})
	if err != nil {
		return nil, err
	}
	_, err = n.VSCtl(ctx, "del-port", "br-int", c.Interface, "--", "add-port", flatBridge, c.Interface)
	return c, err
}

func (b *dataBed) closePings() {
	for _, p := range b.paths {
		_ = p.pings.Close() // it was only read, so an error does not matter
	}
}

// shuffled returns all paths in a random order, so that other load on the machine affects all
// of them alike.
func (b *dataBed) shuffled() []*path {
	all := append([]*path(nil), b.paths...)
	rand.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all
}

// roundTrips measures pings one after the other, all caches warm.
func (b *dataBed) roundTrips(ctx context.Context, e *Env, r *Report) error {
	for range e.Pick(6, 2) {
		for _, p := range b.shuffled() {
			took, err := timed(e.Pick(500, 50), func() error { _, err := p.pings.rtt(); return err })
			if err != nil {
				return fmt.Errorf("%s to %s: %w", p.from.Name, p.to.Name, err)
			}
			p.warm = append(p.warm, took...)
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
		}
	}
	b.compare(r, "round trip, warm, ", "µs", false, true, func(p *path) float64 { return p.warm.at(0.5, time.Microsecond) })
	return nil
}

// firstPackets measures pings that find no megaflow.
func (b *dataBed) firstPackets(ctx context.Context, e *Env, r *Report) error {
	for range e.Pick(40, 4) {
		for _, p := range b.shuffled() {
			for range 3 { // warm up all caches but the megaflows
				if _, err := p.pings.rtt(); err != nil {
					return err
				}
			}
			for _, n := range b.Nodes {
				if err := n.ColdCaches(ctx); err != nil {
					return err
				}
			}
			took, err := p.pings.rtt()
			if err != nil {
				return err
			}
			p.cold = append(p.cold, took)
		}
	}
	b.compare(r, "first packet, no megaflow, ", "µs", false, false, func(p *path) float64 { return p.cold.at(0.5, time.Microsecond) })
	return nil
}

// compare adds a line for the pairs on one node and one for those across the nodes, each with
// the mean of the pairs. With spread, the goal allows for the difference between the pairs of
// the bridge with NORMAL. more says whether greater values are better.
func (b *dataBed) compare(r *Report, name, unit string, more, spread bool, of func(*path) float64) {
	for _, across := range []bool{false, true} {
		sum := map[bool]float64{} // by whether flat
		low, high := math.Inf(1), 0.0
		detail := map[bool]string{}
		for _, p := range b.paths {
			if p.across != across {
				continue
			}
			v := of(p)
			sum[p.flat] += v
			detail[p.flat] += " " + number(v)
			if p.flat {
				low, high = min(low, v), max(high, v)
			}
		}
		const pairs = 2
		where, baseline := "same node", "NORMAL"
		if across {
			where, baseline = "across nodes", "NORMAL and VXLAN"
		}
		l := Line{
			Name: name + where, Unit: unit, Baseline: baseline,
			Ours: Value(sum[false]/pairs).With("pairs%s", detail[false]), Theirs: Value(sum[true]/pairs).With("pairs%s", detail[true]),
		}
		room := 1.0
		if spread {
			room = max(1.05, high/low)
			l.Note = "The goal's room is what NORMAL's own pairs differ by, at least 5 %."
		}
		if l.Goal = RatioAtMost(room); more {
			l.Goal = RatioAtLeast(1 / room)
		}
		r.Add(l)
	}
}
