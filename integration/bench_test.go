package integration

import (
	"fmt"
	"testing"

	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/topology/model"
)

// BenchmarkPort measures a port that is created, with its interface already there,
// confirmed by both switches, and deleted again, with a number of others bound on the same
// two nodes: what "--wait" waits for.
func BenchmarkPort(b *testing.B) {
	for _, mode := range []string{"stretched", "segmented"} {
		for _, others := range []int{0, 1000, 5000} {
			b.Run(fmt.Sprintf("%s/%d", mode, others), func(b *testing.B) {
				bed := newBed(b, 2)
				bed.join("node1", "node2")
				network := "{kind: Network, name: n, spec: {cidr: 10.64.0.0/10}}\n"
				if mode == "segmented" {
					network = "{kind: Network, name: n, spec: {mode: segmented, cidr: 10.64.0.0/10, containersPerNode: 10000, maxNodes: 100}}\n"
				}
				bed.apply(nodes(2) + network)
				interfaces(bed, others+2)
				req := api.ApplyRequest{}
				for i := range others {
					req.Objects = append(req.Objects, port(bed, i))
				}
				done, err := bed.api.Apply(bed.ctx, req)
				bed.must(err)
				bed.must(bed.api.Wait(bed.ctx, done.Revision, nil))
				flows := bed.flowCount("node1")
				for b.Loop() {
					o, err := bed.api.Create(bed.ctx, port(bed, others))
					bed.must(err)
					bed.must(bed.api.Wait(bed.ctx, o.Meta.Revision, nil))
					rev, err := bed.api.Delete(bed.ctx, api.KindPort, name(others), 0)
					bed.must(err)
					bed.must(bed.api.Wait(bed.ctx, rev, nil))
				}
				b.ReportMetric(float64(flows), "flows/node")
			})
		}
	}
}

// name returns the name of the i-th port and of its interface.
func name(i int) string { return fmt.Sprintf("p%d", i) }

// home returns the node of the i-th port: one or the other.
func home(i int) string { return fmt.Sprintf("node%d", 1+i%2) }

// port declares the i-th port.
func port(b *bed, i int) api.Object {
	o, err := api.NewObject(name(i), nil, model.PortSpec{Network: "n", Node: home(i)})
	return must(b, o, err)
}

// interfaces plugs in an interface for each of n ports. They are patch ports
// that lead nowhere, as they are bound like any other and cost the machine
// little.
func interfaces(b *bed, n int) {
	b.t.Helper()
	args := map[string][]string{}
	flush := func(node string) {
		_, err := b.node(node).VSCtl(b.ctx, args[node]...)
		b.must(err)
		args[node] = nil
	}
	for i := range n {
		node := home(i)
		args[node] = append(args[node], "--", "add-port", "br-int", name(i),
			"--", "set", "interface", name(i), "type=patch", "options:peer=x"+name(i), "external_ids:iface-id="+name(i))
		if len(args[node]) > 5000 {
			flush(node)
		}
	}
	for node := range args {
		flush(node)
	}
}
