package session

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/sdnctl/sdnctl/openflow"
)

// BenchmarkFlowMonitor measures on a real Open vSwitch with 10,000 flows how
// long it takes from a flow-mod of another until its report can be taken, and
// what a monitor costs those who install flows.
func BenchmarkFlowMonitor(b *testing.B) {
	const n = 10_000
	b.Run("report", func(b *testing.B) {
		o, ctx := startOVS(b), context.Background()
		s, foreign := o.session(Config{}), o.another()
		if err := s.Bundle(ctx, openflow.BundleAtomic, testMods(n)); err != nil {
			b.Fatal(err)
		}
		m := monitorAll(b, s)
		var took []time.Duration
		for i := 0; b.Loop(); i++ {
			f := testFlow(i / 2 % n)
			if i%2 == 0 {
				f.Instructions = nil // and then as it was
			}
			begin := time.Now()
			if err := foreign.Send(ctx, openflow.NewFlowMod(openflow.FlowAdd, f)); err != nil {
				b.Fatal(err)
			}
			<-m.Changed()
			changes, lost := m.Take()
			if len(changes) != 1 || lost || changes[0].Cookie != f.Cookie {
				b.Fatalf("%d changes, lost %v", len(changes), lost)
			}
			took = append(took, time.Since(begin))
		}
		slices.Sort(took)
		for name, at := range map[string]int{"p50-µs": len(took) / 2, "p99-µs": len(took) * 99 / 100} {
			b.ReportMetric(float64(took[at].Nanoseconds())/1000, name)
		}
	})
	for _, by := range []string{"own", "foreign"} {
		for _, monitor := range []string{"off", "on"} {
			b.Run(by+"-bundle/monitor-"+monitor, func(b *testing.B) {
				o, ctx := startOVS(b), context.Background()
				s := o.session(Config{})
				writer := s
				if by == "foreign" {
					writer = o.another()
				}
				var m *FlowMonitor
				if monitor == "on" {
					m = monitorAll(b, s)
				}
				for b.Loop() {
					if err := writer.Bundle(ctx, openflow.BundleAtomic, testMods(n)); err != nil {
						b.Fatal(err)
					}
					b.StopTimer()
					if _, err := writer.Do(ctx, openflow.NewFlowMod(openflow.FlowDelete, openflow.Flow{Table: openflow.TableAll})); err != nil {
						b.Fatal(err)
					}
					if m != nil {
						if err := s.Barrier(ctx); err != nil {
							b.Fatal(err)
						}
						m.Take()
					}
					b.StartTimer()
				}
			})
		}
	}
}
