package pipeline_test

import (
	"fmt"
	"maps"
	"testing"

	"github.com/sdnctl/sdnctl/controller/pipeline"
)

// BenchmarkCompileNode compiles all flows of one node: the scale model, with ten
// ports on each node.
func BenchmarkCompileNode(b *testing.B) {
	for _, nodes := range []int{10, 100, 1000} {
		b.Run(fmt.Sprintf("nodes=%d", nodes), func(b *testing.B) {
			v := scaleModel(b, nodes, 10)
			var set pipeline.ItemSet
			var c pipeline.Compiler
			b.ReportAllocs()
			for b.Loop() {
				set.Reset()
				c.CompileNode(&set, v, "n1")
			}
			b.ReportMetric(float64(set.Len()), "flows")
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(set.Len()), "ns/flow")
		})
	}
}

// BenchmarkPortDelta measures one port added: the next view, the units affected, and the
// flows to send to each node that must know the port.
func BenchmarkPortDelta(b *testing.B) {
	for _, existing := range []int{100, 10_000} {
		b.Run(fmt.Sprintf("ports=%d", existing), func(b *testing.B) {
			bd := build(b)
			bd.nodes(2)
			bd.stretched("net", 100, "10.0.0.0/8")
			for i := range existing {
				bd.port(fmt.Sprintf("p%d", i), "net", fmt.Sprintf("n%d", 1+i%2))
			}
			bd.commit()
			bd.port("new", "net", "n1")
			bd.commit()
			first, last := bd.last[0], bd.last[1]
			var d pipeline.Delta
			b.ReportAllocs()
			for b.Loop() {
				after := last.before.Next(last.update)
				marked := map[string]map[pipeline.Unit]*pipeline.View{}
				pipeline.Affected(last.before, after, last.update, func(node string, u pipeline.Unit) {
					if marked[node] == nil {
						marked[node] = map[pipeline.Unit]*pipeline.View{}
					}
					marked[node][u] = first.before
				})
				for node, units := range marked {
					d.Compute(after, node, maps.All(units))
				}
			}
		})
	}
}

func scaleModel(tb testing.TB, nodes, ports int) *pipeline.View {
	bd := build(tb)
	bd.nodes(nodes)
	bd.segmented("pods", 244, "10.0.0.0/8", 250, 1000)
	for n := range nodes {
		for i := range ports {
			bd.port(fmt.Sprintf("p%d-%d", n, i), "pods", fmt.Sprintf("n%d", n+1))
		}
	}
	return bd.commit()
}
