package bench

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	"github.com/sdnctl/sdnctl/integration/lab"
)

// lookupsIn counts the table lookups on br-int in the output of ofproto/trace. It ignores those
// of br-phy for tunnel packets.
func lookupsIn(trace string) int {
	line := regexp.MustCompile(`^\s*\d+\. `)
	n, other := 0, false
	for l := range strings.Lines(trace) {
		if strings.HasPrefix(l, "bridge(") {
			other = !strings.HasPrefix(l, `bridge("br-int")`)
		}
		if !other && line.MatchString(l) {
			n++
		}
	}
	return n
}

// ovnLookups counts the table lookups on the first node for a packet from one container to
// another.
func ovnLookups(ctx context.Context, b *ovnBed, from, to *lab.Container) (int, error) {
	n, err := b.Node(from.Node)
	if err != nil {
		return 0, err
	}
	in, err := n.OFPort(ctx, from.Interface)
	if err != nil {
		return 0, err
	}
	mac := to.MAC
	if from.Node != to.Node {
		mac, _ = ovnAddr(0, 1)
	}
	t, err := n.Trace(ctx, fmt.Sprintf("in_port=%d,icmp,dl_src=%s,dl_dst=%s,nw_src=%s,nw_dst=%s,nw_ttl=64,icmp_type=8",
		in, from.MAC, mac, from.IP.Addr(), to.IP.Addr()))
	if err != nil {
		return 0, err
	}
	return lookupsIn(t.Text), nil
}

// lookups counts the table lookups of a packet that finds no megaflow.
func (b *dataBed) lookups(ctx context.Context, e *Env, r *Report) error {
	ovn := e.ovnFigures(ctx)
	seen := map[bool]bool{} // whether a path is done, by path.across
	for _, p := range b.paths {
		if p.flat || seen[p.across] {
			continue
		}
		seen[p.across] = true
		got, err := b.TraceEcho(ctx, p.from, p.to.MAC, p.to.IP.Addr())
		if err != nil {
			return err
		}
		l := Line{
			Name: "table lookups of a first packet, same node", Ours: Value(float64(lookupsIn(got.Text))), Goal: AtMost(10),
			Baseline: "OVN", Theirs: ovn.count(ovn.lookupsHere),
		}
		if p.across {
			l.Name, l.Theirs = "table lookups of a first packet, across nodes", ovn.count(ovn.lookups)
			l.Note = "Ours on both nodes together, OVN's on the first."
		}
		r.Add(l)
	}
	return nil
}
