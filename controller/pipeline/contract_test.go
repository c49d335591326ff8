package pipeline_test

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
)

// The bytes of a change that docs/cost.md promises: the longest flow-mod, the flow-mod that
// removes a flow, and what a bundle adds for each flow-mod and for itself.
const (
	longestAddition     = 312
	longestAdditionIPv6 = 336 // of networks with IPv6
	removalBytes        = 56
	bundleHeader        = 24
	bundleRequests      = 72
	perSharingRule      = 16 // in the flow-mod of a part, for each rule that has it
)

// cost is what one change costs.
type cost struct {
	flowMods, nodes int
	// units are those compiled, summed over nodes; compiled the flows that they have before
	// and after; marks the greatest number of times that a unit was marked.
	units, compiled, marks int
	bytes                  int
}

// contractBed is a topology to which changes are made, each of which is counted.
// It has nodes n1…, of which relevant ones have a port of the network "net"; the
// last node has none.
type contractBed struct {
	testing.TB
	view     *pipeline.View
	nodes    int
	ports    int // of "net"
	relevant int
	families []topology.Family // of "net"
	// sharing is how many more rules than one share a part at most.
	sharing int
	// up is set when the bed is complete: from then on each step of a small one is checked.
	up bool
}

// newContractBed declares a network with ports on all nodes but the last, and an unrelated
// network of IPv4 with ports on all nodes.
func newContractBed(tb testing.TB, families []topology.Family, mode topology.Mode, routed bool, nodes, ports int) *contractBed {
	b := &contractBed{TB: tb, view: pipeline.NewView(topology.NewSnapshot()), nodes: nodes, ports: ports, relevant: min(nodes-1, ports), families: families}
	var ops []topology.Op
	for i := range nodes {
		ops = append(ops, nodeOp(i+1, 0))
	}
	ops = append(ops, b.networkOp("net", mode, 100, 10),
		networkOp("other", topology.Stretched, 200, netip.MustParsePrefix("172.16.0.0/12")))
	if routed {
		ops = append(ops, put(topology.KindRouter, "r", topology.RouterSpec{Networks: []string{"net"}}))
	}
	for i := range nodes {
		ops = append(ops, portOp(fmt.Sprintf("o%d", i+1), "other", i+1))
	}
	for i := range ports {
		ops = append(ops, portOp(fmt.Sprintf("p%d", i+1), "net", i%(nodes-1)+1))
	}
	b.apply(ops...)
	for i := range nodes {
		node, _ := b.view.Topo.Node(name(i + 1))
		b.step(pipeline.Update{
			Tunnels: []pipeline.TunnelChange{{Node: node.Name, After: 1}},
			Locals:  []pipeline.LocalChange{{Node: node.Name, After: node.Spec.TunnelIP}},
		})
		b.bind(fmt.Sprintf("o%d", i+1), i+1)
	}
	for i := range ports {
		b.bind(fmt.Sprintf("p%d", i+1), i%(nodes-1)+1)
	}
	b.up = true
	return b
}

// copy returns a bed with the same topology, for another test. Views never change.
func (b *contractBed) copy(tb testing.TB) *contractBed {
	other := *b
	other.TB = tb
	return &other
}

func name(node int) string { return fmt.Sprintf("n%d", node) }

func put(kind topology.Kind, name string, spec topology.Spec) topology.Op {
	return topology.Op{Verb: topology.Put, Ref: topology.Ref{Kind: kind, Name: name}, Spec: spec}
}

func remove(kind topology.Kind, name string) topology.Op {
	return topology.Op{Verb: topology.Delete, Ref: topology.Ref{Kind: kind, Name: name}}
}

// nodeOp declares a node; the subnet decides its tunnel address.
func nodeOp(node int, subnet byte) topology.Op {
	return put(topology.KindNode, name(node), topology.NodeSpec{TunnelIP: netip.AddrFrom4([4]byte{192, 168 + subnet, byte(node >> 8), byte(node)})})
}

func networkOp(name string, mode topology.Mode, vni topology.VNI, prefix netip.Prefix) topology.Op {
	spec := topology.NetworkSpec{VNI: vni, Mode: mode, Subnets: []topology.Subnet{{Prefix: prefix}}}
	if mode == topology.Segmented {
		spec.ContainersPerNode, spec.MaxNodes = 1000, 1000
	}
	return put(topology.KindNetwork, name, spec)
}

// networkOp declares a network with a subnet for each family of the bed; the number decides
// its addresses.
func (b *contractBed) networkOp(name string, mode topology.Mode, vni topology.VNI, number byte) topology.Op {
	op := networkOp(name, mode, vni, netip.PrefixFrom(netip.AddrFrom4([4]byte{number}), 8))
	spec := op.Spec.(topology.NetworkSpec)
	four := spec.Subnets[0]
	spec.Subnets = nil
	for _, f := range b.families {
		if f == topology.IPv4 {
			spec.Subnets = append(spec.Subnets, four)
		} else {
			spec.Subnets = append(spec.Subnets, topology.Subnet{Prefix: netip.PrefixFrom(netip.AddrFrom16([16]byte{0xfd, 5: number}), 48)})
		}
	}
	op.Spec = spec
	return op
}

// hasIPv6 reports whether the network has IPv6.
func (b *contractBed) hasIPv6() bool { return slices.Contains(b.families, topology.IPv6) }

// portOp declares a port; on node 0 it is not pinned to a node.
func portOp(port, network string, node int) topology.Op {
	spec := topology.PortSpec{Network: network}
	if node > 0 {
		spec.Node = name(node)
	}
	return put(topology.KindPort, port, spec)
}

func (b *contractBed) apply(ops ...topology.Op) cost {
	b.Helper()
	r, err := topology.Plan(b.view.Topo, ops, time.Time{})
	if err != nil {
		b.Fatal(err)
	}
	return b.step(pipeline.Update{Topo: r.Next, Changes: r.Changes, Blocks: r.Blocks, Identities: r.Identities, Numberings: r.Numberings, Identified: r.Identified})
}

// bind binds the port on the node; 0 removes its interface.
func (b *contractBed) bind(port string, node int) cost {
	c := pipeline.PlaceChange{Port: port, Before: b.view.Place(port)}
	if node > 0 {
		c.After = pipeline.Place{Node: name(node), Interface: port, OFPort: openflow.PortNo(2 + len(port)*100_000 + int(port[len(port)-1]))}
	}
	return b.step(pipeline.Update{Places: []pipeline.PlaceChange{c}})
}

// link says that the link of a port is down, or up again.
func (b *contractBed) link(port string, down bool) cost {
	return b.step(pipeline.Update{Links: []pipeline.LinkChange{{Port: port, Down: down}}})
}

// step makes the next view, and counts what it takes to send it.
func (b *contractBed) step(u pipeline.Update) (c cost) {
	b.Helper()
	before := b.view
	b.view = before.Next(u)
	marked := map[string]map[pipeline.Unit]*pipeline.View{}
	pipeline.Affected(before, b.view, u, func(node string, unit pipeline.Unit) {
		c.marks++
		if marked[node] == nil {
			marked[node] = map[pipeline.Unit]*pipeline.View{}
		}
		marked[node][unit] = before
	})
	var compiler pipeline.Compiler
	if b.up && b.nodes <= 8 { // the larger beds are for the costs
		b.lacksNothing(before, marked)
	}
	for node, units := range marked {
		var d pipeline.Delta
		d.Compute(b.view, node, maps.All(units))
		c.units += len(units)
		for unit := range units {
			var set pipeline.ItemSet
			compiler.Compile(&set, before, node, unit)
			compiler.Compile(&set, b.view, node, unit)
			c.compiled += set.Len()
		}
		gone, come := d.Removed(), d.Added()
		if len(gone)+len(come) == 0 {
			continue
		}
		c.nodes++
		c.flowMods += len(gone) + len(come)
		c.bytes += bundleRequests + len(gone)*(removalBytes+bundleHeader)
		for _, e := range come {
			msg := d.AddMessage(e)
			n := len(msg)
			if n := n - perSharingRule*b.sharing; !isNumbered(msg) && (n > longestAddition && !b.hasIPv6() || n > longestAdditionIPv6) {
				b.Errorf("a flow-mod of %d bytes, want at most %d: in table %s", n, longestAdditionIPv6, pipeline.TableName(e.Table()))
			}
			c.bytes += n + bundleHeader
		}
	}
	return c
}

// lacksNothing checks that what differs on each node is what its marked units say: a cost
// is no cost if something was not sent.
func (b *contractBed) lacksNothing(before *pipeline.View, marked map[string]map[pipeline.Unit]*pipeline.View) {
	b.Helper()
	sums := func(items []pipeline.Item) (all []pipeline.Sum) {
		for _, i := range items {
			all = append(all, i.Sum)
		}
		return all
	}
	for i := range b.nodes {
		node := name(i + 1)
		var all, sent pipeline.Delta
		all.ComputeWide(b.view, node, nil, before)
		sent.Compute(b.view, node, maps.All(marked[node]))
		if !slices.Equal(sums(all.Added()), sums(sent.Added())) || !slices.Equal(sums(all.Removed()), sums(sent.Removed())) {
			b.Errorf("node %s: %d items are added and %d removed, but %d and %d differ", node,
				len(sent.Added()), len(sent.Removed()), len(all.Added()), len(all.Removed()))
		}
	}
}
