package bench

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	"github.com/sdnctl/sdnctl/integration/lab"
)

// lookupsIn counts the table lookups in what ofproto/trace says, on br-int:
// what br-phy does with a tunnel's packet is left out.
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

// ovnLookups counts what a packet from one container to another costs on the
// first node.
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
