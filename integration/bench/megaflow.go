package bench

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	"github.com/sdnctl/sdnctl/integration/lab"
)

// megaflows counts the megaflows of Open vSwitch after all containers of node1 have pinged each
// other, on each side.
func (b *dataBed) megaflows(ctx context.Context, r *Report) error {
	n := b.Nodes[0]
	count := func(all []*lab.Container) (flows, masks int, err error) {
		for range 2 { // the second time with cold caches, but known neighbours
			for _, n := range b.Nodes {
				if err := n.ColdCaches(ctx); err != nil {
					return 0, 0, err
				}
			}
			if err := allPairs(ctx, all); err != nil {
				return 0, 0, err
			}
		}
		out, err := n.AppCtl(ctx, "dpctl/dump-flows")
		if err != nil {
			return 0, 0, err
		}
		flows, masks = countMegaflows(out)
		return flows, masks, nil
	}
	ours, ourMasks, err := count(b.ours)
	if err != nil {
		return err
	}
	flat, flatMasks, err := count(b.flat)
	if err != nil {
		return err
	}
	name := fmt.Sprintf("after all pairs of %d containers of one node", len(b.ours))
	r.Add(Line{Name: "megaflows " + name, Ours: Value(float64(ours)), Baseline: "NORMAL", Theirs: Value(float64(flat))})
	r.Add(Line{Name: "their masks", Ours: Value(float64(ourMasks)), Baseline: "NORMAL", Theirs: Value(float64(flatMasks)),
		Note: "Different sets of matched fields and prefix lengths."})
	all, allMasks, err := count(b.all)
	if err != nil {
		return err
	}
	r.Add(Line{Name: fmt.Sprintf("megaflows on node1 after all pairs of %d containers of two nodes", len(b.all)),
		Ours: Value(float64(all)).With("masks %d", allMasks)})
	return nil
}

// allPairs pings from every container to every other.
func allPairs(ctx context.Context, all []*lab.Container) error {
	for _, a := range all {
		for _, c := range all {
			if a == c {
				continue
			}
			if err := knowEachOther(ctx, a, c); err != nil {
				return err
			}
			p, err := newPinger(ctx, a, c.IP.Addr())
			if err != nil {
				return err
			}
			_, err = p.rtt()
			_ = p.Close() // nothing is left to be sent
			if err != nil {
				return fmt.Errorf("%s to %s: %w", a.Name, c.Name, err)
			}
		}
	}
	return nil
}

// countMegaflows counts the IPv4 entries of containers in the output of dpctl/dump-flows, and
// their different masks.
func countMegaflows(out string) (flows, masks int) {
	// Entries with the same mask differ in their values only.
	value := regexp.MustCompile(`=[^(),/]+|in_port\(\d+\)`)
	seen := map[string]bool{}
	for line := range strings.Lines(out) {
		match, _, ok := strings.Cut(line, " packets:")
		if !ok || !strings.Contains(match, "eth_type(0x0800)") || strings.Contains(match, "dst=4789") {
			continue
		}
		flows++
		seen[value.ReplaceAllString(match, "")] = true
	}
	return flows, len(seen)
}
