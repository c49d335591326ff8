package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/integration/lab"
	"github.com/sdnctl/sdnctl/integration/prober"
	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology/model"
)

// invalidations returns the benches of the effect on running streams of changes of flows, and of
// the invalidations that some versions of Open vSwitch get with them (docs/decisions/0036).
func invalidations() []Bench {
	return []Bench{{
		Name: "invalidations", Section: "Running streams while flows change: a datagram each millisecond, each way between pairs of containers on two nodes",
		Limit: 6 * time.Minute, Run: runningStreams,
	}}
}

// manyFlows is the greatest number of flows that the switches cache besides those of the
// streams.
const manyFlows = 200

// maxPairs is the number of pairs of containers. Each pair has two streams, one in each
// direction.
const maxPairs = 4

// disturbance is a sequence of changes on both nodes while the streams run.
type disturbance struct {
	perSecond  int // bundles per second; 0 for none
	invalidate bool
}

// streamBed has containers that send to each other, on two nodes whose flows only the bench
// changes.
type streamBed struct {
	*daemonBed
	pairs [][2]*lab.Container
	wires []*wire
	vni   uint64
	// digest changes with each change, as a node's does.
	digest uint64
	// senders send datagrams, so that the switches cache more flows.
	senders sync.WaitGroup
	sockets []io.Closer
	// invalid are the invalidations of the digest that the switches have.
	invalid uint64
}

func runningStreams(ctx context.Context, e *Env, r *Report) (err error) {
	d, err := newDaemonBed(ctx, e, 2)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.stop()) }()
	b := &streamBed{daemonBed: d}
	ctx, cancel := context.WithCancel(ctx)
	defer func() {
		cancel()
		b.senders.Wait()
		for _, s := range b.sockets {
			err = errors.Join(err, s.Close())
		}
	}()
	if err := b.build(ctx); err != nil {
		return err
	}
	kinds := []disturbance{{}, {1, false}, {1, true}, {100, false}, {100, true}}
	others := ""
	for _, streams := range []int{1, 4, 2 * maxPairs, manyFlows} {
		if streams == manyFlows {
			if err := b.sendMore(ctx); err != nil {
				return err
			}
			streams, others = 2*maxPairs, fmt.Sprintf(" beside %d slow ones", manyFlows)
		}
		got := map[disturbance]*prober.Report{}
		for range e.Pick(2, 1) {
			for _, i := range rand.Perm(len(kinds)) {
				one, err := b.streams(ctx, streams, kinds[i], time.Duration(e.Pick(3000, 500))*time.Millisecond)
				if err != nil {
					return err
				}
				all := got[kinds[i]]
				if all == nil {
					all = &prober.Report{}
					got[kinds[i]] = all
				}
				all.Sent, all.Lost, all.Delays = all.Sent+one.Sent, all.Lost+one.Lost, append(all.Delays, one.Delays...)
			}
		}
		for _, k := range kinds {
			name := fmt.Sprintf("delay, streams: %d%s, ", streams, others)
			l := Line{Unit: "µs", Ours: delayOf(got[k])}
			switch {
			case k.perSecond == 0:
				l.Name = name + "no changes"
			case !k.invalidate:
				l.Name = name + fmt.Sprintf("changes at %d/s", k.perSecond)
				l.Baseline, l.Theirs = "no changes", delayOf(got[disturbance{}])
			default:
				l.Name = name + fmt.Sprintf("changes at %d/s with invalidations", k.perSecond)
				l.Baseline, l.Theirs = "without", delayOf(got[disturbance{k.perSecond, false}])
			}
			r.Add(l)
		}
	}
	return nil
}

func delayOf(p *prober.Report) Figure {
	s := samples(p.Delays)
	return Value(s.at(0.5, time.Microsecond)).With("p99 %s, p99.9 %s, worst %s, lost %d of %d",
		number(s.at(0.99, time.Microsecond)), number(s.at(0.999, time.Microsecond)), number(s.at(1, time.Microsecond)), p.Lost, p.Sent)
}

// build makes the containers, and then ends sdnd, which would undo what the bench does.
func (b *streamBed) build(ctx context.Context) error {
	var req api.ApplyRequest
	err := add(&req, "n", model.NetworkSpec{CIDR: netip.MustParsePrefix("10.64.0.0/24")})
	for i := range maxPairs {
		for j, n := range b.Nodes {
			err = errors.Join(err, add(&req, fmt.Sprintf("%c%d", 'a'+j, i), model.PortSpec{Network: "n", Node: n.Name}))
		}
	}
	if err != nil {
		return err
	}
	if err := b.apply(ctx, req); err != nil {
		return err
	}
	network, err := b.api.Network(ctx, "n")
	if err != nil {
		return err
	}
	b.vni = uint64(network.Status.VNI)
	for i := range maxPairs {
		var pair [2]*lab.Container
		for j, n := range b.Nodes {
			if pair[j], err = b.plugContainer(ctx, fmt.Sprintf("%c%d", 'a'+j, i), n.Name, true); err != nil {
				return err
			}
		}
		if err := knowEachOther(ctx, pair[0], pair[1]); err != nil {
			return err
		}
		b.pairs = append(b.pairs, pair)
	}
	if err := b.Controller.Stop(ctx, syscall.SIGTERM); err != nil {
		return err
	}
	for _, n := range b.Nodes {
		w, err := dialWire(ctx, filepath.Join(n.Dir, "br-int.mgmt"))
		if err != nil {
			return err
		}
		b.wires, b.sockets = append(b.wires, w), append(b.sockets, w)
	}
	return nil
}

// streams runs streams for a while and returns their joint result.
func (b *streamBed) streams(ctx context.Context, n int, d disturbance, span time.Duration) (all prober.Report, err error) {
	var probes []*prober.Probe
	defer func() {
		for _, p := range probes {
			one, stopErr := p.Stop(ctx)
			err = errors.Join(err, stopErr)
			all.Sent, all.Lost, all.Delays = all.Sent+one.Sent, all.Lost+one.Lost, append(all.Delays, one.Delays...)
		}
	}()
	for i := range n {
		from, to := b.pairs[i/2][i%2], b.pairs[i/2][1-i%2]
		p, err := prober.Start(from, to, to.IP.Addr())
		if err != nil {
			return all, err
		}
		probes = append(probes, p)
		if err := p.Flowing(ctx, 20); err != nil {
			return all, err
		}
	}
	end := time.NewTimer(span)
	defer end.Stop()
	var due <-chan time.Time
	if d.perSecond > 0 {
		t := time.NewTicker(time.Second / time.Duration(d.perSecond))
		defer t.Stop()
		due = t.C
	}
	for {
		select {
		case <-end.C:
			return all, nil
		case <-ctx.Done():
			return all, context.Cause(ctx)
		case <-due:
			if err := b.change(d.invalidate); err != nil {
				return all, err
			}
		}
	}
}

// sendMore makes each node cache manyFlows flows more: it has the switches look at UDP ports, and
// sends a datagram to each of many ports of each container every 20 ms, until ctx ends.
func (b *streamBed) sendMore(ctx context.Context) error {
	look := openflow.Flow{Table: 0, Priority: 60000, Cookie: 0xbf, Match: openflow.Match(nil).EthType(0x800).IPProto(17).UDPDst(1)}
	bundle, err := encodeBundle(slices.Values([][]byte{look.AppendAdd(nil, 1)}))
	if err != nil {
		return err
	}
	for _, w := range b.wires {
		if err := w.commit(bundle); err != nil {
			return err
		}
	}
	for _, pair := range b.pairs {
		for _, way := range [][2]*lab.Container{pair, {pair[1], pair[0]}} {
			var conns []net.Conn
			for i := range manyFlows / (2 * maxPairs) {
				// Nothing reads the socket. Datagrams beyond its buffer are dropped without a reply.
				l, err := way[1].ListenPacket("udp", ":0")
				if err != nil {
					return err
				}
				to := netip.AddrPortFrom(way[1].IP.Addr(), l.LocalAddr().(*net.UDPAddr).AddrPort().Port())
				c, err := way[0].Dial(ctx, "udp", to.String())
				if err != nil {
					return errors.Join(fmt.Errorf("slow stream %d: %w", i, err), l.Close())
				}
				b.sockets = append(b.sockets, l, c)
				conns = append(conns, c)
			}
			b.senders.Go(func() { sendSlowly(ctx, conns) })
		}
	}
	return nil
}

// sendSlowly sends a datagram by each connection every 20 ms, until ctx ends.
func sendSlowly(ctx context.Context, conns []net.Conn) {
	t := time.NewTicker(20 * time.Millisecond)
	defer t.Stop()
	for {
		select {
		case <-t.C:
		case <-ctx.Done():
			return
		}
		for _, c := range conns {
			_, _ = c.Write([]byte{0}) // a loss here affects no figure
		}
	}
}

// change adds, or every other time deletes, a flow of another port to both switches.
func (b *streamBed) change(invalidate bool) error {
	other := openflow.Flow{
		Table: 80, Priority: 100, Cookie: 0xbe, Match: openflow.Match(nil).EthDst([6]byte{2, 0, 0, 0, 0xbe, 0xbe}).Metadata(b.vni),
	}
	b.digest++
	mods := [][]byte{other.AppendAdd(nil, 1)}
	if b.digest%2 == 0 {
		mods[0] = openflow.AppendFlowDeleteByCookie(nil, 1, other.Table, other.Cookie)
	}
	if invalidate {
		var had, gets pipeline.ItemSet
		for _, i := range had.AddInvalidations("", pipeline.Digest{Bundled: b.invalid}, []openflow.TableID{0}) {
			mods = append(mods, openflow.AppendFlowDeleteByCookie(nil, 2, i.Table(), i.Cookie()))
		}
		b.invalid = b.digest
		for _, i := range gets.AddInvalidations("", pipeline.Digest{Bundled: b.invalid}, []openflow.TableID{0}) {
			mods = append(mods, gets.Message(i))
		}
	}
	bundle, err := encodeBundle(slices.Values(mods))
	if err != nil {
		return err
	}
	for _, w := range b.wires {
		if err := w.commit(bundle); err != nil {
			return err
		}
	}
	return nil
}
