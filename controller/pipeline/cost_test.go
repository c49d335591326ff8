package pipeline_test

import (
	"fmt"
	"maps"
	"net/netip"
	"testing"

	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/topology"
)

// The number of flows on a node, as docs/cost.md states it.
const (
	perNode            = 17 // drop, IPv6, bridge, tunnel; TTL, drops out of the tunnel, admitted traffic, probes of the tunnel: two of each; what a router cannot forward: three; meters: two
	perNodeMeters      = 2  // of these
	perStretched       = 1  // way in from the tunnel
	perRoutedSubnet    = 4  // gateway: ARP, ping, its fragments, route
	perRoutedStretched = 1  // addressed to the gateway
	perSegmented       = 6  // way in; pings of gateways, their fragments; the node's block: ARP, route, addressed to the gateway
	perRemoteBlock     = 1
	perLocalPort       = 6
	perUnplugged       = 1 // on its own node
	perRemotePort      = 2
	perRoutedPort      = 1 // more, for either
)

// sources is how many flows admit nodes n1 to nN, which have contiguous addresses: those of
// a cover, and none if there is only one node.
func sources(nodes int) int {
	if nodes < 2 {
		return 0
	}
	b := &builder{}
	b.nodes(nodes)
	in := map[netip.Addr]bool{}
	for _, op := range b.ops {
		in[op.Spec.(topology.NodeSpec).TunnelIP] = true
	}
	// The largest prefix that begins at each address.
	n := 0
	for _, op := range b.ops {
		a := op.Spec.(topology.NodeSpec).TunnelIP
		if !in[a] {
			continue // an earlier prefix contains it
		}
		n++
		for bits := 24; ; bits++ {
			p := netip.PrefixFrom(a, bits)
			if p.Masked() != p {
				continue
			}
			var inside []netip.Addr
			whole := true
			for x := a; p.Contains(x) && whole; x = x.Next() {
				inside, whole = append(inside, x), in[x]
			}
			if whole {
				for _, x := range inside {
					delete(in, x)
				}
				break
			}
		}
	}
	return n
}

// costs checks how many flows more the nodes n1, n2 and so on have after a step.
func (b *builder) costs(what string, step func(), want ...int) {
	b.t.Helper()
	before := b.view
	step()
	for i, w := range want {
		node := fmt.Sprintf("n%d", i+1)
		if got := count(b.view, node) - count(before, node); got != w {
			b.t.Errorf("%s: %s has %d flows more, want %d", what, node, got, w)
		}
	}
}

func TestCostOfStretched(t *testing.T) {
	for _, routed := range []bool{false, true} {
		for _, local := range []int{1, 3, 20} {
			for _, remote := range []int{0, 1, 7, 40} {
				b := build(t)
				b.nodes(3)
				b.stretched("net", 100, "10.0.0.0/24")
				if routed {
					b.router("r", "net")
				}
				for i := range local {
					b.port(fmt.Sprintf("l%d", i), "net", "n1")
				}
				for i := range remote {
					b.port(fmt.Sprintf("r%d", i), "net", fmt.Sprintf("n%d", 2+i%2))
				}
				want := perNode + perStretched + perLocalPort*local + perRemotePort*remote
				want += sources(1 + min(remote, 2))
				if routed {
					want += perRoutedStretched + perRoutedSubnet + perRoutedPort*(local+remote)
				}
				if got := count(b.commit(), "n1"); got != want {
					t.Errorf("routed=%v: %d local and %d remote ports: %d flows, want %d", routed, local, remote, got, want)
				}
			}
		}
	}
}

func TestCostOfSegmented(t *testing.T) {
	for _, nodes := range []int{1, 2, 10, 50} {
		for _, local := range []int{1, 10} {
			b := build(t)
			b.nodes(nodes)
			b.segmented("net", 100, "10.0.0.0/8", 100, 1000)
			for n := range nodes {
				for i := range local {
					b.port(fmt.Sprintf("p%d-%d", n, i), "net", fmt.Sprintf("n%d", n+1))
				}
			}
			want := perNode + perSegmented + sources(nodes) + perRemoteBlock*(nodes-1) + (perLocalPort+perRoutedPort)*local
			if got := count(b.commit(), "n1"); got != want {
				t.Errorf("%d nodes with %d ports each: %d flows, want %d", nodes, local, got, want)
			}
		}
	}
}

// TestIrrelevant: a node without a port of a network has no flows for it.
func TestIrrelevant(t *testing.T) {
	b := build(t)
	b.nodes(3)
	b.stretched("a", 100, "10.0.0.0/24")
	b.stretched("b", 200, "10.0.0.0/24") // the same addresses, kept apart
	for i := range 10 {
		b.port(fmt.Sprintf("a%d", i), "a", "n1")
		b.port(fmt.Sprintf("b%d", i), "b", "n2")
	}
	v := b.commit()
	for node, want := range map[string]int{
		"n1": perNode + perStretched + 10*perLocalPort,
		"n2": perNode + perStretched + 10*perLocalPort,
		"n3": perNode,
	} {
		if got := count(v, node); got != want {
			t.Errorf("%s: %d flows, want %d", node, got, want)
		}
	}
}

// TestWorkOfOnePort counts the work of adding one port: in a segmented network only on its
// own node, in a stretched one on the nodes that have ports of it, and independent of the
// size of the topology.
func TestWorkOfOnePort(t *testing.T) {
	for _, existing := range []int{50, 200} {
		for _, tt := range []struct {
			name    string
			declare func(*builder)
			want    map[string]int // flows sent, by node
		}{
			{"segmented", func(b *builder) { b.segmented("net", 100, "10.0.0.0/8", 1000, 100) },
				map[string]int{"n2": perLocalPort + perRoutedPort}},
			{"stretched", func(b *builder) { b.stretched("net", 100, "10.0.0.0/16") },
				map[string]int{"n1": perRemotePort, "n2": perLocalPort}},
			{"stretched and routed", func(b *builder) {
				b.stretched("net", 100, "10.0.0.0/16")
				b.router("r", "net")
			}, map[string]int{"n1": perRemotePort + perRoutedPort, "n2": perLocalPort + perRoutedPort}},
		} {
			t.Run(fmt.Sprintf("%s/%d", tt.name, existing), func(t *testing.T) {
				b := build(t)
				b.nodes(3)
				tt.declare(b)
				for i := range existing {
					b.port(fmt.Sprintf("p%d", i), "net", fmt.Sprintf("n%d", 1+i%2))
				}
				v := b.commit()
				sent := addPort(t, v, "net", "n2")
				for node, n := range sent {
					if n != tt.want[node] {
						t.Errorf("%s: %d flow-mods, want %d", node, n, tt.want[node])
					}
				}
				for node, n := range tt.want {
					if sent[node] != n {
						t.Errorf("%s: %d flow-mods, want %d", node, sent[node], n)
					}
				}
			})
		}
	}
}

// addPort adds a port and its place, and counts the flow-mods by node.
func addPort(t *testing.T, v *pipeline.View, network, node string) map[string]int {
	t.Helper()
	b := &builder{t: t, view: v, ofport: 5000}
	sent := map[string]int{}
	b.port("new", network, node)
	after := b.commit()
	// The steps in between are merged, as a worker merges them.
	marked := map[string]map[pipeline.Unit]*pipeline.View{}
	for _, s := range b.last {
		pipeline.Affected(s.before, s.after, s.update, func(node string, unit pipeline.Unit) {
			if marked[node] == nil {
				marked[node] = map[pipeline.Unit]*pipeline.View{}
			}
			marked[node][unit] = v
		})
	}
	for node, units := range marked {
		if len(units) > 2 {
			t.Errorf("%s: %d units compiled for one port", node, len(units))
		}
		var d pipeline.Delta
		d.Compute(after, node, maps.All(units))
		if n := len(d.Added()) + len(d.Removed()); n > 0 {
			sent[node] = n
		}
	}
	return sent
}
